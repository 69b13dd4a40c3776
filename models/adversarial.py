"""Adversarial training of a text classifier: it also learns from its reviews with the word vectors moved to where it errs.

Miyato et al. (2017), Adversarial training methods for semi-supervised text classification, ICLR. Each step reads its batch
twice: as it is, and with every review's vectors moved a given distance along the gradient of its loss. Both gradients
count the same. Training takes about twice as long; reading reviews takes no longer.
"""

from typing import Any

import keras
from keras import ops

Tensor = Any
_TINY = 1e-12


class Perturbation(keras.layers.Layer):
    """Moves word vectors by an offset while a step asks for it, and does nothing otherwise.

    The offset counts in root mean squares of the batch's word vectors, so that a network cannot escape by making them large.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.offset: Tensor | None = None

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the distance to move, 0 at first."""
        self.features = shape[-1]
        self.distance = self.add_weight((), "zeros", trainable=False, name="distance")

    def call(self, vectors: Tensor, mask: Tensor | None = None) -> Tensor:
        """The vectors `<float32>[batch, time, features]`, moved."""
        if self.offset is None:
            return vectors
        is_token = ops.ones_like(vectors[..., 0]) if mask is None else ops.cast(mask, vectors.dtype)
        squares = ops.sum(ops.square(vectors) * ops.expand_dims(is_token, -1))
        scale = ops.sqrt(squares / (ops.sum(is_token) * vectors.shape[-1]))
        return vectors + ops.stop_gradient(scale) * self.offset

    def against(self, gradient: Tensor) -> Tensor:
        """The offset of this length along each review's gradient, `<float32>[batch, time, features]`."""
        norm = ops.sqrt(ops.sum(ops.square(gradient), axis=(1, 2), keepdims=True))
        return ops.stop_gradient(self.distance * gradient / (norm + _TINY))


class AdversarialClassifier(keras.Model):
    """A functional model with a layer `perturbation`, trained adversarially. Loss and accuracy are those without."""

    @property
    def perturbation(self) -> Perturbation:
        """The layer that moves the word vectors."""
        return self.get_layer("perturbation")

    def train_step(self, *arguments: Any) -> Any:
        """What Keras's `train_step` does on this backend, adversarially."""
        return self._jax_step(*arguments) if keras.backend.backend() == "jax" else self._tensorflow_step(*arguments)

    def _nothing(self, x: Tensor) -> Tensor:
        """No offset, for a batch of token ids, and of evidence, which is not moved."""
        token_ids = x[0] if isinstance(x, list | tuple) else x
        return ops.zeros((*ops.shape(token_ids), self.perturbation.features))

    def _tensorflow_step(self, data: Any) -> Any:
        import tensorflow

        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)

        def gradients_at(offset: Tensor) -> Any:
            self.perturbation.offset = offset
            with tensorflow.GradientTape() as tape:
                tape.watch(offset)
                predicted = self(x, training=True)
                loss = self.compute_loss(x, y, predicted, weights, training=True)
            self.perturbation.offset = None
            *gradients, d_offset = tape.gradient(loss, [*self.trainable_weights, offset])
            return loss, predicted, [tensorflow.convert_to_tensor(gradient) for gradient in gradients], d_offset

        loss, predicted, gradients, d_offset = gradients_at(self._nothing(x))
        _, _, adversarial, _ = gradients_at(self.perturbation.against(d_offset))
        self.optimizer.apply_gradients(zip(_means(gradients, adversarial), self.trainable_weights, strict=True))
        self._loss_tracker.update_state(loss)
        return self.compute_metrics(x, y, predicted, weights)

    def _jax_step(self, state: Any, data: Any) -> Any:
        import jax

        trainable, non_trainable, optimizer, metrics = state
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)

        def loss_at(trainable: Any, offset: Tensor, non_trainable: Any) -> Any:
            self.perturbation.offset = offset
            about = (trainable, non_trainable, metrics, x, y, weights)
            result = self.compute_loss_and_updates(*about, training=True, optimizer_variables=optimizer)
            self.perturbation.offset = None
            return result

        gradients_at = jax.value_and_grad(loss_at, argnums=(0, 1), has_aux=True)
        (_, (loss, predicted, non_trainable, metrics)), (gradients, d_offset) = gradients_at(
            trainable, self._nothing(x), non_trainable
        )
        with keras.StatelessScope(state_mapping=list(zip(self.non_trainable_variables, non_trainable, strict=True))):
            offset = self.perturbation.against(d_offset)
        (_, (_, _, non_trainable, _)), (adversarial, _) = gradients_at(trainable, offset, non_trainable)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, _means(gradients, adversarial), trainable)
        logs, metrics = self._update_metrics_variables(metrics, loss, x, y, predicted, weights)
        return logs, (trainable, non_trainable, optimizer, metrics)


def _means(first: list[Tensor], second: list[Tensor]) -> list[Tensor]:
    return [(a + b) / 2 for a, b in zip(first, second, strict=True)]
