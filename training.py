"""Fit one model, read probabilities from one model. Knows nothing of studies, searches or files."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from data_preprocessing import ladder, pad, plan_batches
from results import Epoch
from sources.records import IdArray

EVALUATION_BATCH = 256
OnEpoch = Callable[[Epoch], None]


class NonFiniteLossError(ArithmeticError):
    """A loss became NaN or infinite; the message names the loss, the epoch and the step."""


@dataclass(frozen=True)
class Examples:
    """What a network reads of some reviews, and their labels."""

    rows: list[IdArray]  # each <int32>[time]
    labels: np.ndarray  # <int8>[reviews]

    @property
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
    clip_norm: float
    learning_rate: float
    batch_size: int
    padding_rungs: int
    seed: int


def fit(model: keras.Model, train: Examples, validation: Examples, settings: FitSettings, on_epoch: OnEpoch) -> tuple[Epoch, ...]:
    """Train with Adam, clipped gradients, early stopping and a falling learning rate; the best weights come back.

    Args:
        model: from token ids to one logit; compiled here.
        train: shuffled anew every epoch, from the seed.
        validation: decides on stopping, learning rate and best weights, by its loss.
        settings: see there.
        on_epoch: called after every epoch.

    Returns:
        One record an epoch.

    Raises:
        NonFiniteLossError: the training or validation loss became NaN or infinite.
    """
    model.compile(
        optimizer=MonitoredAdam(settings.learning_rate, global_clipnorm=settings.clip_norm),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
        # One traced graph per model. XLA would compile again for each padded length, which short trainings never earn back.
        jit_compile=keras.backend.backend() == "jax",
    )
    model.optimizer.build(model.trainable_variables)  # else Keras traces the training step twice, to make these
    recorder = _Recorder(on_epoch)
    model.fit(
        PaddedBatches(train, settings.padding_rungs, settings.batch_size, seed=settings.seed),
        validation_data=PaddedBatches(validation, settings.padding_rungs, EVALUATION_BATCH),
        epochs=settings.epochs,
        verbose=0,
        callbacks=[
            recorder,  # first, so that it sees the learning rate the epoch was trained with
            keras.callbacks.ReduceLROnPlateau(
                monitor="val_loss", factor=settings.reduce_factor, patience=settings.reduce_patience, min_lr=1e-6
            ),
            keras.callbacks.EarlyStopping(monitor="val_loss", mode="min", patience=settings.patience, restore_best_weights=True),
        ],
    )
    return tuple(recorder.epochs)


def predict(model: keras.Model, rows: list[IdArray], rungs: int) -> np.ndarray:
    """Probability of the positive class for each row, `<float32>[reviews]`; dropout is off."""
    batches = PaddedBatches(Examples(rows, np.zeros(len(rows), np.int8)), rungs, EVALUATION_BATCH)
    logits = model.predict(batches, verbose=0)[:, 0]
    probabilities = np.empty(len(rows), np.float32)
    probabilities[batches.order] = ops.convert_to_numpy(ops.sigmoid(logits))
    return probabilities


class MonitoredAdam(keras.optimizers.Adam):
    """Adam that also sums the gradients' global norm, before clipping, for the history."""

    def build(self, variables: Any) -> None:
        """Add one number to Adam's state."""
        super().build(variables)
        self.norm_sum = self.add_variable((), name="norm_sum")

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Note the norm, then update as Adam does."""
        squares = [ops.sum(ops.square(ops.convert_to_tensor(grad))) for grad in grads if grad is not None]
        result = super().apply(grads, trainable_variables)  # builds the state on its first call
        self.norm_sum.assign_add(ops.sqrt(ops.sum(ops.stack(squares))))
        return result


class PaddedBatches(keras.utils.PyDataset):
    """Batches of neighbours in length, right-padded to a short ladder: `(<int32>[batch, time], <float32>[batch, 1])`."""

    def __init__(self, examples: Examples, rungs: int, batch_size: int, seed: int | None = None) -> None:
        """Plan the first epoch; without a seed the order stays, sorted by length."""
        super().__init__()
        self._examples, self._batch_size, self._lengths = examples, batch_size, examples.lengths
        self._rungs = ladder(self._lengths, rungs)
        self._rng = None if seed is None else np.random.default_rng(seed)
        self._plan()

    @property
    def order(self) -> np.ndarray:
        """Position of each review in the order in which the batches give them."""
        return np.concatenate(self._batches)

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        batch = self._batches[index]
        labels = self._examples.labels[batch].astype(np.float32)[:, None]
        return pad([self._examples.rows[i] for i in batch], self._rungs), labels

    def on_epoch_end(self) -> None:
        """Shuffle for the next epoch."""
        if self._rng is not None:
            self._plan()

    def _plan(self) -> None:
        batches = plan_batches(self._lengths, self._rungs, self._batch_size, self._rng)
        # Keras on TensorFlow takes the shapes of the first two batches for all: let them differ where any do.
        rung = [int(np.searchsorted(self._rungs, self._lengths[batch].max())) for batch in batches]
        other = next((i for i, r in enumerate(rung) if r != rung[0]), None)
        if other is not None:
            batches[1], batches[other] = batches[other], batches[1]
        self._batches = batches


class _Recorder(keras.callbacks.Callback):
    """Collects the history and stops at the first loss that is not finite."""

    def __init__(self, on_epoch: OnEpoch) -> None:
        super().__init__()
        self.epochs: list[Epoch] = []
        self._on_epoch, self._epoch, self._steps = on_epoch, 0, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch, self._steps, self._started = epoch + 1, 0, time.perf_counter()
        self._learning_rate = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._steps += 1
        self._check("training loss", logs["loss"])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._check("validation loss", logs["val_loss"])
        norm_sum = self.model.optimizer.norm_sum
        self.epochs.append(
            Epoch(
                epoch=self._epoch,
                **{name: float(logs[name]) for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
                learning_rate=self._learning_rate,
                gradient_norm=float(ops.convert_to_numpy(norm_sum)) / self._steps,
                seconds=time.perf_counter() - self._started,
            )
        )
        norm_sum.assign(0.0)
        self._on_epoch(self.epochs[-1])

    def _check(self, name: str, value: float) -> None:
        if not np.isfinite(value):
            rate = f"learning rate {self._learning_rate:g}"
            raise NonFiniteLossError(f"the {name} became {value} in epoch {self._epoch}, step {self._steps} ({rate})")
