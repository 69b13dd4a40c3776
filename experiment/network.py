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
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from analysis.evaluation import accuracy, log_loss
from data.batches import pad, plan_batches
from data.types import IdArray
from models.classifier import NetworkShape, build_classifier, layer_sizes, tunable_dropouts
from models.influence import influence
from models.optimizer import MonitoredAdam
from models.registry import resolve
from records.study import Epoch, Seconds

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
    keep: str  # the weights of the `best` epoch, or of the `last`, without stopping before
    schedule: str  # of the learning rate: `plateau`, or `linear` to 0
    reduce_patience: int
    reduce_factor: float
    learning_rate: float
    is_fine_tuning: bool  # the weights it starts from stay if no epoch is better on validation
    dropout: float
    spatial_dropout: float
    adversarial: float  # how far word vectors are moved, in their root mean square; only where the network is adversarial
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
        self._stopwatch, self._seen = stopwatch, set[tuple[str, tuple[int | str, ...]]]()
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
        if self._shape.is_adversarial:
            self.model.perturbation.distance.assign(settings.adversarial)
        for variable in self.model.optimizer.variables:
            variable.assign(np.zeros(variable.shape))

    def fit(self, train: Examples, validation: Examples, settings: FitSettings, on_epoch: OnEpoch) -> tuple[Epoch, ...]:
        """Train with Adam, clipped gradients, early stopping and a falling learning rate; the weights to keep come back.

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
        if settings.is_fine_tuning:
            plateau.is_best(log_loss(validation.labels, self.predict(validation.rows)))
        for number in range(1, settings.epochs + 1):
            started = time.perf_counter()
            falls_by = settings.learning_rate / settings.epochs if settings.schedule == "linear" else 0.0
            rate = settings.learning_rate - (number - 1) * falls_by if falls_by else plateau.learning_rate
            at = f"epoch {number} (learning rate {rate:g})"
            self.model.optimizer.embedding_rate.assign(float(number > settings.frozen_epochs))
            loss, train_accuracy, norm = self._train_epoch(train, rng, at, rate, falls_by)
            probabilities = self.predict(validation.rows)
            val_loss = log_loss(validation.labels, probabilities)
            _check(f"validation loss after {at}", val_loss)
            if plateau.is_best(val_loss) or settings.keep == "last":
                best = self.weights
            seconds = time.perf_counter() - started
            val_accuracy = accuracy(validation.labels, probabilities)
            history.append(Epoch(number, loss, train_accuracy, val_loss, val_accuracy, rate, norm, seconds))
            if on_epoch(history[-1]) or (plateau.is_over and settings.keep == "best"):
                break
        self.weights = best
        return tuple(history)

    def _train_epoch(
        self, train: Examples, rng: np.random.Generator, at: str, rate: float, falls_by: float
    ) -> tuple[float, float, float]:
        """Mean loss, accuracy and gradient norm over the batches of one epoch, while the learning rate falls by so much."""
        model = self.model
        model.optimizer.norm_sum.assign(0.0)
        batches = plan_batches(train.lengths, self._batch_size, rng)
        means = []  # of each batch: loss, accuracy
        for step, batch in enumerate(batches):
            ids = self._padded([train.rows[i] for i in batch], self._batch_size)
            labels, weights = np.zeros((len(ids), 1), np.float32), np.zeros(len(ids), np.float32)
            labels[: len(batch), 0] = train.labels[batch]
            weights[: len(batch)] = len(ids) / len(batch)  # rows of padding weigh nothing
            model.optimizer.learning_rate.assign(rate - falls_by * step / len(batches))
            with self._timed("training", ids.shape):
                logs = model.train_on_batch(ids, labels, sample_weight=weights, return_dict=True)  # of this batch alone
            means.append((float(logs["loss"]), float(logs["accuracy"])))
            _check(f"training loss in step {step + 1} of {at}", means[-1][0])
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
            with self._timed("evaluating", ids.shape):
                logits = ops.convert_to_numpy(self.model.predict_on_batch(ids))[: len(batch), 0]
            probabilities[batch] = 1 / (1 + np.exp(-logits.astype(np.float64)))
            start += len(batch)
        return probabilities

    def influence(self, rows: list[IdArray]) -> list[np.ndarray]:
        """How strongly the logit depends on each token, see `models.influence`; `<float32>[time]` for each row."""
        ids = self._padded(rows, len(rows), self._padded_length(max(map(len, rows))))
        with self._timed("evaluating", ("influence", *ids.shape)):
            norms = influence(self.model, ids)
        return [norm[: len(row)] for norm, row in zip(norms, rows, strict=True)]

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

    def _timed(self, phase: str, shape: tuple[int | str, ...]) -> Any:
        """Time a call, as compiling when it is the first of its shape (of two, where any third shape runs by the same graph)."""
        key = (phase, shape)
        is_new = key not in self._seen and (self._is_compiled or sum(p == phase for p, _ in self._seen) < 2)
        self._seen.add(key)
        return self._stopwatch.on("compiling" if is_new else phase)


def load_weights(checkpoint: Path) -> list[np.ndarray]:
    """The weights of a network that `Network.stock` saved, for another of its shape."""
    return [np.array(weight) for weight in keras.saving.load_model(checkpoint, safe_mode=True).get_weights()]


class _Plateau:
    """What to do when the validation loss no longer falls: lower the learning rate, then stop."""

    def __init__(self, settings: FitSettings) -> None:
        self._settings, self._best, self._since_best, self._since_change = settings, np.inf, 0, 0
        self.learning_rate = settings.learning_rate

    @property
    def is_over(self) -> bool:
        """Whether patience has ended."""
        return self._since_best >= self._settings.patience

    def is_best(self, val_loss: float) -> bool:
        """Take note of an epoch's validation loss; whether it is the lowest so far."""
        if val_loss < self._best:
            self._best, self._since_best, self._since_change = val_loss, 0, 0
            return True
        self._since_best, self._since_change = self._since_best + 1, self._since_change + 1
        if self._since_change >= self._settings.reduce_patience:
            self._since_change, self.learning_rate = 0, max(self.learning_rate * self._settings.reduce_factor, 1e-6)
        return False


def _check(name: str, value: float) -> None:
    if not np.isfinite(value):
        raise NonFiniteLossError(f"the {name} became {value}")
