"""Fit networks and read probabilities from them, compiling as little as possible. Knows nothing of studies or files.

A network's compiled step depends on its shape only. Weights, dropout rates, learning rate and seeds are variables, so one
`Network` serves every trial and repeat of its shape: `start` gives it new ones. Batches hold neighbours in length, have one
fixed number of rows and one of a few padded lengths; how far the recurrence runs is decided by the longest review in them.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

from data_preprocessing import pad, plan_batches
from evaluation import accuracy, log_loss
from models.classifier import NetworkShape, build_classifier, layer_sizes, tunable_dropouts
from models.registry import resolve
from results import Epoch, Seconds
from sources.records import IdArray

EVALUATION_CELLS, EVALUATION_ROWS = 40_000, 256  # tokens, and reviews, of one batch when nothing is learned
NETWORKS_KEPT = 12  # of different shapes, with their optimizers' state, per process; their programs stay in any case
OnEpoch = Callable[[Epoch], bool]  # True: stop here


class NonFiniteLossError(ArithmeticError):
    """A loss became NaN or infinite; the message names the loss, the epoch and the step."""


@dataclass(frozen=True)
class Examples:
    """What a network reads of some reviews, and their labels."""

    rows: list[IdArray]  # each <int32>[time]
    labels: np.ndarray  # <int8>[reviews]

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, `<int64>[reviews]`."""
        return np.array([len(row) for row in self.rows])


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How one model is trained."""

    epochs: int
    patience: int
    reduce_patience: int
    reduce_factor: float
    learning_rate: float
    dropout: float
    spatial_dropout: float
    frozen_epochs: int  # first epochs that leave the word vectors as they are
    seed: int  # of weights, dropout and the order of the reviews


@dataclass
class Stopwatch:
    """Seconds of this process by what they were spent on."""

    spent: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def on(self, phase: str) -> Iterator[None]:
        """Add the block's seconds to a phase: `compiling`, `training` or `evaluating`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.spent[phase] = self.spent.get(phase, 0.0) + time.perf_counter() - started

    def read(self) -> Seconds:
        """What was spent since the last reading."""
        seconds, self.spent = Seconds(**self.spent), {}
        return seconds


class Networks:
    """The networks of a process by shape; the least recently used one goes when there are too many."""

    def __init__(self, padded_lengths: np.ndarray, clip_norm: float, *, of_keras: np.ndarray | None = None) -> None:
        """Networks that pad to these lengths, ascending, and clip gradients to this global norm.

        Args:
            padded_lengths: tokens, `<int64>[rungs]`.
            clip_norm: largest global norm of the gradient.
            of_keras: other padded lengths for networks of Keras's layers; None: the same.
        """
        self.stopwatch = Stopwatch()
        self._padded_lengths = {"custom": padded_lengths, "keras": padded_lengths if of_keras is None else of_keras}
        self._clip_norm = clip_norm
        self._kept: OrderedDict[tuple[NetworkShape, int], Network] = OrderedDict()

    def get(self, shape: NetworkShape, batch_size: int) -> "Network":
        """The network of this shape, as its last user left it: `start` it before use."""
        key = (shape, batch_size)
        if key not in self._kept:
            with self.stopwatch.on("compiling"):
                padded_lengths = self._padded_lengths[shape.engine]
                self._kept[key] = Network(shape, batch_size, padded_lengths, self._clip_norm, self.stopwatch)
        self._kept.move_to_end(key)
        while len(self._kept) > NETWORKS_KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]


class Network:
    """A classifier that can be trained from new weights again and again by the same compiled steps."""

    def __init__(
        self, shape: NetworkShape, batch_size: int, padded_lengths: np.ndarray, clip_norm: float, stopwatch: Stopwatch
    ) -> None:
        """Build the network; nothing is compiled yet."""
        self._shape, self._batch_size, self._padded_lengths = shape, batch_size, padded_lengths
        self._stopwatch, self._seen = stopwatch, set[tuple[str, tuple[int, ...]]]()
        # Keras's own layers on TensorFlow are run as Keras runs them by default: on a CPU as a graph, at any length.
        self._is_compiled = shape.engine == "custom" or keras.backend.backend() == "jax"
        self.model = build_classifier(shape)
        self.model.compile(
            optimizer=MonitoredAdam(self.model.get_layer("embedding").embeddings, global_clipnorm=clip_norm),
            loss=keras.losses.BinaryCrossentropy(from_logits=True),
            weighted_metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
            jit_compile=self._is_compiled or "auto",
        )
        self._embedding = self.model.get_layer("embedding").embeddings
        self.model.optimizer.build(self.model.trainable_variables)  # else the step is traced twice, to make these

    @property
    def weights(self) -> list[np.ndarray]:
        """A copy of the trained weights, in the order of the stock network's."""
        return [np.array(ops.convert_to_numpy(variable)) for variable in self.model.trainable_variables]

    @weights.setter
    def weights(self, values: Sequence[Any]) -> None:
        for variable, value in zip(self.model.trainable_variables, values, strict=True):
            variable.assign(value)

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(layer.parameters for layer in layer_sizes(self.model))

    def stock(self, *, dropout: float, spatial_dropout: float) -> keras.Model:
        """The same network as an uncompiled model of Keras's layers, for whoever has not got this project.

        An architecture that is from scratch by its own definition keeps its layer.
        """
        engine = resolve(self._shape.architecture).engine or "keras"
        model = build_classifier(replace(self._shape, engine=engine), dropout=dropout, spatial_dropout=spatial_dropout)
        model.set_weights(self.weights)
        return model

    def start(self, settings: FitSettings, vectors: np.ndarray | None = None) -> None:
        """New weights and dropout masks from the seed, a new optimizer: nothing of the last training is left.

        Both engines start from the same numbers: those that Keras's own layers draw.

        Args:
            settings: of the training to come.
            vectors: `<float32>[ids, embedding_dim]` to start from instead of random ones.
        """
        with self._stopwatch.on("compiling"):
            keras.utils.set_random_seed(settings.seed)
            fresh = build_classifier(replace(self._shape, engine="keras"))
        self.weights = [ops.convert_to_numpy(variable) for variable in fresh.trainable_variables]
        if vectors is not None:
            self._embedding.assign(vectors)
        for layer, new in zip(tunable_dropouts(self.model), tunable_dropouts(fresh), strict=True):
            layer.seed_generator.state.assign(new.seed_generator.state)
            layer.rate.assign(settings.spatial_dropout if layer.whole_channels else settings.dropout)
        for variable in self.model.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        self.model.optimizer.learning_rate.assign(settings.learning_rate)

    def fit(self, train: Examples, validation: Examples, settings: FitSettings, on_epoch: OnEpoch) -> tuple[Epoch, ...]:
        """Train with Adam, clipped gradients, early stopping and a falling learning rate; the best weights come back.

        Args:
            train: shuffled anew every epoch, from the seed.
            validation: decides on stopping, learning rate and best weights, by its loss.
            settings: see there; `start` was called with them.
            on_epoch: called after every epoch; True stops the training.

        Returns:
            One record an epoch.

        Raises:
            NonFiniteLossError: the training or validation loss became NaN or infinite.
        """
        rng = np.random.default_rng(settings.seed)
        plateau, history, best = _Plateau(settings), list[Epoch](), self.weights
        for number in range(1, settings.epochs + 1):
            self.model.optimizer.embedding_rate.assign(float(number > settings.frozen_epochs))
            started, learning_rate = time.perf_counter(), float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
            at = f"epoch {number} (learning rate {learning_rate:g})"
            loss, train_accuracy, norm = self._train_epoch(train, rng, at)
            probabilities = self.predict(validation.rows)
            val_loss = log_loss(validation.labels, probabilities)
            _check(f"validation loss after {at}", val_loss)
            val_accuracy = accuracy(validation.labels, probabilities)
            seconds = time.perf_counter() - started
            history.append(Epoch(number, loss, train_accuracy, val_loss, val_accuracy, learning_rate, norm, seconds))
            verdict = plateau.judge(val_loss, learning_rate)
            if verdict.is_best:
                best = self.weights
            self.model.optimizer.learning_rate.assign(verdict.learning_rate)
            if on_epoch(history[-1]) or verdict.stop:
                break
        self.weights = best
        return tuple(history)

    def _train_epoch(self, train: Examples, rng: np.random.Generator, at: str) -> tuple[float, float, float]:
        """Mean loss, accuracy and gradient norm over the batches of one epoch."""
        model = self.model
        model.optimizer.norm_sum.assign(0.0)
        batches = plan_batches(train.lengths, self._batch_size, rng)
        means = []  # of each batch: loss, accuracy
        for step, batch in enumerate(batches, start=1):
            ids = self._padded([train.rows[i] for i in batch], self._batch_size)
            labels, weights = np.zeros((len(ids), 1), np.float32), np.zeros(len(ids), np.float32)
            labels[: len(batch), 0] = train.labels[batch]
            weights[: len(batch)] = len(ids) / len(batch)  # rows of padding weigh nothing
            with self._timed("training", ids):
                logs = model.train_on_batch(ids, labels, sample_weight=weights, return_dict=True)  # of this batch alone
            means.append((float(logs["loss"]), float(logs["accuracy"])))
            _check(f"training loss in step {step} of {at}", means[-1][0])
        norm = float(ops.convert_to_numpy(model.optimizer.norm_sum)) / len(batches)
        loss, share_right = np.mean(means, axis=0).tolist()
        return loss, share_right, norm

    def predict(self, rows: list[IdArray]) -> np.ndarray:
        """Probability of the positive class for each row, `<float32>[reviews]`; dropout is off.

        A single review has a program of its own, without rows of padding: a millisecond once it is compiled.
        """
        lengths = np.array([len(row) for row in rows])
        probabilities, order, start = np.empty(len(rows), np.float32), np.argsort(lengths, kind="stable"), 0
        while start < len(rows):
            padded = self._padded_length(int(lengths[order[start]]))
            size = 1 if len(rows) == 1 else max(1, min(EVALUATION_ROWS, EVALUATION_CELLS // padded))
            batch = [i for i in order[start : start + size] if lengths[i] <= padded]
            ids = self._padded([rows[i] for i in batch], size, padded)
            with self._timed("evaluating", ids):
                logits = ops.convert_to_numpy(self.model.predict_on_batch(ids))[: len(batch), 0]
            probabilities[batch] = 1 / (1 + np.exp(-logits.astype(np.float64)))
            start += len(batch)
        return probabilities

    def padding_share(self, lengths: np.ndarray) -> float:
        """Share of padding among the tokens that the recurrence processes in an epoch over reviews of these lengths."""
        processed = 0
        for batch in plan_batches(lengths, self._batch_size, np.random.default_rng(0)):
            longest = int(lengths[batch].max())
            stops_early = self._shape.engine == "custom" or not self._is_compiled
            processed += len(batch) * (longest if stops_early else self._padded_length(longest))
        return 1 - float(lengths.sum()) / processed

    def _padded_length(self, length: int) -> int:
        """The padded length for a batch whose longest review has this length."""
        index = int(np.searchsorted(self._padded_lengths, length))
        return int(self._padded_lengths[index]) if index < len(self._padded_lengths) else length

    def _padded(self, rows: list[IdArray], count: int, length: int | None = None) -> np.ndarray:
        """`<int32>[count, time]`: filled up with rows of one token, and to a rung where a program is compiled per shape."""
        longest = max(map(len, rows))
        filled = rows + [rows[0][:1]] * (count - len(rows))
        return pad(filled, (length or self._padded_length(longest)) if self._is_compiled else longest)

    def _timed(self, phase: str, ids: np.ndarray) -> Any:
        """Time a call, as compiling when it is the first of its shape (of two, where any third shape runs by the same graph)."""
        key = (phase, ids.shape)
        is_new = key not in self._seen and (self._is_compiled or sum(p == phase for p, _ in self._seen) < 2)
        self._seen.add(key)
        return self._stopwatch.on("compiling" if is_new else phase)


@dataclass(frozen=True)
class _Verdict:
    is_best: bool
    stop: bool
    learning_rate: float


class _Plateau:
    """What to do when the validation loss no longer falls."""

    def __init__(self, settings: FitSettings) -> None:
        self._settings, self._best, self._since_best, self._since_change = settings, np.inf, 0, 0

    def judge(self, val_loss: float, learning_rate: float) -> _Verdict:
        """After an epoch: whether it was the best, whether to stop, and the next learning rate."""
        if val_loss < self._best:
            self._best, self._since_best, self._since_change = val_loss, 0, 0
            return _Verdict(True, False, learning_rate)
        self._since_best, self._since_change = self._since_best + 1, self._since_change + 1
        if self._since_change >= self._settings.reduce_patience:
            self._since_change, learning_rate = 0, max(learning_rate * self._settings.reduce_factor, 1e-6)
        return _Verdict(False, self._since_best >= self._settings.patience, learning_rate)


class MonitoredAdam(keras.optimizers.Adam):
    """Adam that sums the gradients' global norm, before clipping, for the history, and can leave the word vectors alone."""

    def __init__(self, embedding: keras.Variable, **kwargs: Any) -> None:
        """Adam with Keras's arguments, for a network with this table of word vectors."""
        super().__init__(**kwargs)
        self._embedding = embedding

    def build(self, variables: Any) -> None:
        """Add two numbers to Adam's state."""
        super().build(variables)
        self.norm_sum = self.add_variable((), name="norm_sum")
        self.embedding_rate = self.add_variable((), name="embedding_rate")  # what the learning rate is multiplied by for them

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        """Adam's update of one variable."""
        rate = learning_rate * self.embedding_rate if variable is self._embedding else learning_rate
        super().update_step(gradient, variable, rate)

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Note the norm, then update as Adam does."""
        squares = [ops.sum(ops.square(ops.convert_to_tensor(grad))) for grad in grads if grad is not None]
        result = super().apply(grads, trainable_variables)  # builds the state on its first call
        self.norm_sum.assign_add(ops.sqrt(ops.sum(ops.stack(squares))))
        return result


def _check(name: str, value: float) -> None:
    if not np.isfinite(value):
        raise NonFiniteLossError(f"the {name} became {value}")
