"""Adam as the trainings use it."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class MonitoredAdam(keras.optimizers.Adam):
    """Adam that sums the gradients' global norm, before clipping, for the history, and can leave given vectors alone."""

    def __init__(self, tables: Sequence[keras.Variable], **kwargs: Any) -> None:
        """Adam with Keras's arguments, for a network with these tables of vectors that it can leave alone."""
        super().__init__(**kwargs)
        self._tables = {table.path for table in tables}  # not the variables: an optimizer counts those among its own

    def build(self, variables: Any) -> None:
        """Add two numbers to Adam's state."""
        super().build(variables)
        self._given = {i for i, each in enumerate(variables) if each.path in self._tables}
        self.norm_sum = self.add_variable((), name="norm_sum")
        self.embedding_rate = self.add_variable((), name="embedding_rate")  # what the learning rate is multiplied by for them

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Adam's update of one variable."""
        rate = learning_rate * self.embedding_rate if self._get_variable_index(variable) in self._given else learning_rate
        super().update_step(gradient, variable, rate)

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Note the norm, then update as Adam does."""
        grads = [_dense(grad) for grad in grads]
        squares = [ops.sum(ops.square(grad)) for grad in grads]
        result = super().apply(grads, trainable_variables)  # builds the state on its first call
        self.norm_sum.assign_add(ops.sqrt(ops.sum(ops.stack(squares))))
        return result


def _dense(gradient: Any) -> Any:
    """The gradient as one tensor: TensorFlow has an embedding's in a slice a token, whose squares do not add up to a norm."""
    if keras.backend.backend() != "tensorflow":
        return gradient
    import tensorflow

    return tensorflow.convert_to_tensor(gradient)
