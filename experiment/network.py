"""Fit networks and read logits from them, compiling as little as possible. Knows nothing of studies or files.

A network's compiled step depends on its shape only. Weights, dropout rates, learning rate and seeds are variables, so one
`TrainableNetwork` serves every trial and repeat of its shape: `start` gives it new ones. Batches hold neighbours in length,
have one fixed number of rows and one of a few padded lengths; how far the recurrence runs is decided by the longest review
in them.

The training loop is our own, around Keras's `train_on_batch`: Keras's `fit` costs 2 to 5 ms a step on TensorFlow, by its
iterator and callbacks, where a whole step takes some 15 (LOG.md), and it would not name the step in which a loss diverges.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from typing import Any

import keras
import numpy as np
from keras import ops

from analysis.evaluation import accuracy, log_loss, macro_f1
from config import Training
from data.batches import Read, pad, plan_batches
from data.types import IdArray
from data.word_vectors import WordVectors
from engine.arrays import class_probabilities
from models.classifier import NetworkShape, build_classifier, layer_sizes, tables, tunable_dropouts
from models.evidence import Informed, Reading, inputs_of
from models.influence import influence
from models.loss import cross_entropy, one_hot, share_right
from models.optimizer import MonitoredAdam
from models.registry import resolve
from records.study import Epoch, Seconds, Setting

EVALUATION_CELLS, EVALUATION_ROWS = 40_000, 256  # tokens, and reviews, of one batch when nothing is learned
NETWORKS_KEPT = 12  # of different shapes, with their optimizers' state, per process; their programs stay in any case
OnEpoch = Callable[[Epoch], bool]  # True: stop here


class NonFiniteError(ArithmeticError):
    """A loss, weight, gradient or probability became NaN or infinite; the message names it, and where that happened."""


@dataclass(frozen=True)
class Examples:
    """What a network reads of some reviews, and their labels."""

    rows: Sequence[IdArray]  # each <int32>[time]
    labels: np.ndarray  # <int8>[reviews]
    informed: Informed | None = None  # the same reviews, whole; None: no network asks for evidence on them
    weigh_classes_alike: bool = False  # in training: a review of a rare class counts for more

    @cached_property
    def weights(self) -> np.ndarray:
        """What each review counts in training, `<float32>[reviews]`, 1 on average over the reviews."""
        if not self.weigh_classes_alike:
            return np.ones(len(self.labels), np.float32)
        counts = np.bincount(self.labels)
        return (len(self.labels) / (np.count_nonzero(counts) * counts[self.labels])).astype(np.float32)

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, `<int64>[reviews]`."""
        return self.rows.lengths if isinstance(self.rows, Read) else np.array([len(row) for row in self.rows])

    def read(self, positions: Sequence[int] | np.ndarray, order: int) -> list[Reading]:
        """What a network reads of the reviews at these positions; an order of 0 asks for no evidence."""
        if not order:
            return [Reading(self.rows[i]) for i in positions]
        if self.informed is None:
            raise ValueError("a network with evidence was given reviews without any")
        parts, sums = self.informed.read(np.asarray(positions), order)
        return [Reading(self.rows[i], part, total) for i, part, total in zip(positions, parts, sums, strict=True)]


@dataclass(frozen=True, kw_only=True)
class FitPlan:
    """One training of a network: what the config says of all trainings, and what differs from one to the next."""

    training: Training
    setting: Setting
    epochs: int  # at most; not `training.epochs`, which a search and a small bucket have other numbers for
    patience: int  # epochs without a better validation loss before stopping, where the best weights are kept
    seed: int  # of weights, dropout and the order of the reviews
    is_fine_tuning: bool = False  # the weights it starts from stay if no epoch is better on validation
    frozen_epochs: int = 0  # first epochs that leave the word vectors as they are

    @property
    def learning_rate(self) -> float:
        """Of the first step."""
        return self.setting.learning_rate * (self.training.fine_tuning_rate if self.is_fine_tuning else 1)

    @property
    def falls_by(self) -> float:
        """How much the learning rate falls from epoch to epoch; 0 unless it falls linearly."""
        return self.learning_rate / self.epochs if self.training.schedule == "linear" else 0.0


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


class ModelCache:
    """The compiled networks of a process by shape; the least recently used one goes when there are too many."""

    def __init__(self, padded_lengths: np.ndarray, *, of_keras: np.ndarray | None = None) -> None:
        """A cache of networks that pad to these lengths, ascending.

        Args:
            padded_lengths: tokens, `<int64>[rungs]`.
            of_keras: other padded lengths for networks of Keras's layers; None: the same.
        """
        self.stopwatch = Stopwatch()
        self._padded_lengths = {"custom": padded_lengths, "keras": padded_lengths if of_keras is None else of_keras}
        self._kept: OrderedDict[tuple[NetworkShape, int, float], TrainableNetwork] = OrderedDict()

    def get(self, shape: NetworkShape, batch_size: int, clip_norm: float) -> "TrainableNetwork":
        """The network of this shape, its gradients clipped to this norm, as its last user left it: `start` it before use."""
        key = (shape, batch_size, clip_norm)
        if key not in self._kept:
            with self.stopwatch.on("compiling"):
                padded_lengths = self._padded_lengths[shape.engine]
                self._kept[key] = TrainableNetwork(shape, batch_size, padded_lengths, clip_norm, self.stopwatch)
        self._kept.move_to_end(key)
        while len(self._kept) > NETWORKS_KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]


class TrainableNetwork:
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
        self._tables = tables(self.model)
        given = self._tables if shape.pairs_are_learned else self._tables[:1]
        self.model.compile(
            optimizer=MonitoredAdam(given, global_clipnorm=clip_norm),
            loss=cross_entropy,
            weighted_metrics=[keras.metrics.MeanMetricWrapper(share_right, name="accuracy")],
            jit_compile=self._is_compiled or "auto",
        )
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

    def stock(self, setting: Setting) -> keras.Model:
        """The same network as an uncompiled model of Keras's layers, for whoever has not got this project.

        An architecture that is from scratch by its own definition keeps its layer.

        Args:
            setting: whose dropout rates the model has.
        """
        engine = resolve(self._shape.architecture).engine or "keras"
        shape = replace(self._shape, engine=engine)
        model = build_classifier(shape, dropout=setting.dropout, spatial_dropout=setting.spatial_dropout)
        for table, values in zip(tables(model), self._tables, strict=True):
            table.assign(values)
        for variable, value in zip(model.trainable_variables, self.weights, strict=True):
            variable.assign(value)
        return model

    def start(self, plan: FitPlan, vectors: WordVectors | None = None) -> None:
        """New weights and dropout masks from the seed, a new optimizer: nothing of the last training is left.

        Both engines start from the same numbers: those that Keras's own layers draw.

        Args:
            plan: of the training to come.
            vectors: to start from instead of random ones.
        """
        with self._stopwatch.on("compiling"):
            keras.utils.set_random_seed(plan.seed)
            fresh = build_classifier(replace(self._shape, engine="keras"))
        self.weights = [ops.convert_to_numpy(variable) for variable in fresh.trainable_variables]
        given = [vectors.matrix, vectors.pairs] if vectors else []
        for table, drawn, values in zip_longest(self._tables, tables(fresh), given[: len(self._tables)]):
            table.assign(drawn if values is None else values)
        for layer, new in zip(tunable_dropouts(self.model), tunable_dropouts(fresh), strict=True):
            layer.seed_generator.state.assign(new.seed_generator.state)
            layer.rate.assign(plan.setting.spatial_dropout if layer.whole_channels else plan.setting.dropout)
        if self._shape.is_adversarial:
            self.model.perturbation.distance.assign(plan.setting.adversarial)
        for variable in self.model.optimizer.variables:
            variable.assign(np.zeros(variable.shape))

    def fit(self, train: Examples, validation: Examples, plan: FitPlan, on_epoch: OnEpoch) -> tuple[Epoch, ...]:
        """Train with Adam, clipped gradients, early stopping and a falling learning rate; the weights to keep come back.

        Args:
            train: shuffled anew every epoch, from the seed.
            validation: decides on stopping, learning rate and best weights, by its loss.
            plan: the one that `start` was called with.
            on_epoch: called after every epoch; True stops the training.

        Returns:
            One record an epoch.

        Raises:
            NonFiniteError: a loss, the gradients' norm or a weight became NaN or infinite.
        """
        rng = np.random.default_rng(plan.seed)
        plateau, history, best = _Plateau(plan), list[Epoch](), self.weights
        if plan.is_fine_tuning:
            plateau.is_best(log_loss(validation.labels, class_probabilities(self.predict(validation))))
        for number in range(1, plan.epochs + 1):
            started = time.perf_counter()
            rate = plan.learning_rate - (number - 1) * plan.falls_by if plan.falls_by else plateau.learning_rate
            at = f"epoch {number} (learning rate {rate:g})"
            self.model.optimizer.embedding_rate.assign(float(number > plan.frozen_epochs))
            loss, train_accuracy, norm = self._train_epoch(train, rng, at, rate, plan.falls_by)
            probabilities = class_probabilities(self.predict(validation))
            val_loss = log_loss(validation.labels, probabilities)
            check_finite(f"validation loss after {at}", val_loss)
            said = (val_loss, accuracy(validation.labels, probabilities), macro_f1(validation.labels, probabilities))
            if plateau.is_best(val_loss) or plan.training.keep == "last":
                best = self.weights
            seconds = time.perf_counter() - started
            history.append(Epoch(number, loss, train_accuracy, *said, rate, norm, seconds))
            if on_epoch(history[-1]) or (plateau.is_over and plan.training.keep == "best"):
                break
        self.weights = best
        for variable, values in zip(self.model.trainable_variables, best, strict=True):
            check_finite(f"weights {variable.path} after {len(history)} epochs", values)
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
            size = self._batch_size
            inputs, padded = self._padded(train.read(batch, self._shape.evidence), size)
            labels, weights = np.zeros((size, self._shape.classes - 1), np.float32), np.zeros(size, np.float32)
            labels[: len(batch)] = one_hot(train.labels[batch], self._shape.classes)
            weights[: len(batch)] = size / len(batch) * train.weights[batch]  # rows of padding weigh nothing
            model.optimizer.learning_rate.assign(rate - falls_by * step / len(batches))
            with self._timed("training", (size, padded)):
                logs = model.train_on_batch(inputs, labels, sample_weight=weights, return_dict=True)  # of this batch alone
            means.append((float(logs["loss"]), float(logs["accuracy"])))
            check_finite(f"training loss in step {step + 1} of {at}", means[-1][0])
        norm = float(ops.convert_to_numpy(model.optimizer.norm_sum)) / len(batches)
        check_finite(f"mean norm of the gradients in {at}", norm)
        loss, share_right = np.mean(means, axis=0).tolist()
        return loss, share_right, norm

    def predict(self, examples: Examples) -> np.ndarray:
        """The logits of each review, `<float32>[reviews, classes - 1]`; dropout is off.

        A single review has a program of its own, without rows of padding: a millisecond once it is compiled.
        """
        lengths = examples.lengths
        n, order, start = len(lengths), np.argsort(lengths, kind="stable"), 0
        logits = np.empty((n, self._shape.classes - 1), np.float32)
        while start < n:
            padded = self._padded_length(int(lengths[order[start]]))
            size = 1 if n == 1 else max(1, min(EVALUATION_ROWS, EVALUATION_CELLS // padded))
            batch = [i for i in order[start : start + size] if lengths[i] <= padded]
            inputs, padded = self._padded(examples.read(batch, self._shape.evidence), size, padded)
            with self._timed("evaluating", (size, padded)):
                logits[batch] = ops.convert_to_numpy(self.model.predict_on_batch(inputs))[: len(batch)]
            start += len(batch)
        return logits

    def influence(self, examples: Examples, positions: np.ndarray) -> list[np.ndarray]:
        """How strongly the verdict depends on each token of some reviews, see `models.influence`; `<float32>[time]` for each."""
        readings = examples.read(positions, self._shape.evidence)
        inputs, padded = self._padded(readings, len(readings), self._padded_length(max(map(len, readings))))
        with self._timed("evaluating", ("influence", len(readings), padded)):
            norms = influence(self.model, inputs)
        return [norm[: len(reading)] for norm, reading in zip(norms, readings, strict=True)]

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

    def _padded(self, readings: list[Reading], count: int, length: int | None = None) -> tuple[Any, int]:
        """The network's inputs, filled up with rows of one token, and to a rung where a program is compiled per shape.

        Returns:
            `<int32>[count, time]`, or a list of that, of the evidence `<float32>[count, time, numbers]`
            and of its sums `<float32>[count, numbers]`; and the time.
        """
        longest = max(map(len, readings))
        padded = (length or self._padded_length(longest)) if self._is_compiled else longest
        filled = [reading.ids for reading in readings] + [readings[0].ids[:1]] * (count - len(readings))
        ids = pad(filled, padded)
        return inputs_of(readings, ids) if self._shape.evidence else ids, padded

    def _timed(self, phase: str, shape: tuple[int | str, ...]) -> Any:
        """Time a call, as compiling when it is the first of its shape (of two, where any third shape runs by the same graph)."""
        key = (phase, shape)
        is_new = key not in self._seen and (self._is_compiled or sum(p == phase for p, _ in self._seen) < 2)
        self._seen.add(key)
        return self._stopwatch.on("compiling" if is_new else phase)


class _Plateau:
    """What to do when the validation loss no longer falls: lower the learning rate, then stop."""

    def __init__(self, plan: FitPlan) -> None:
        self._plan, self._best, self._since_best, self._since_change = plan, np.inf, 0, 0
        self.learning_rate = plan.learning_rate

    @property
    def is_over(self) -> bool:
        """Whether patience has ended."""
        return self._since_best >= self._plan.patience

    def is_best(self, val_loss: float) -> bool:
        """Take note of an epoch's validation loss; whether it is the lowest so far."""
        if val_loss < self._best:
            self._best, self._since_best, self._since_change = val_loss, 0, 0
            return True
        self._since_best, self._since_change = self._since_best + 1, self._since_change + 1
        if self._since_change >= self._plan.training.reduce_patience:
            self._since_change, self.learning_rate = 0, max(self.learning_rate * self._plan.training.reduce_factor, 1e-6)
        return False


def check_finite(name: str, values: float | np.ndarray) -> None:
    """Go on only with finite numbers.

    Raises:
        NonFiniteError: `the <name> became <value>`.
    """
    strange = np.ravel(values)[~np.isfinite(np.ravel(values))]
    if len(strange):
        raise NonFiniteError(f"the {name} became {strange[0]}")
