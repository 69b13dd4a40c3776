"""One trained model of a finished run: it reads whole reviews and gives calibrated logits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from data.batches import truncated
from data.types import IdArray, Sequences
from data.vocabulary import OOV
from engine.arrays import Array, class_probabilities, log_odds
from engine.linear import LinearModel
from models.evidence import Evidence, Reading, windows
from records.errors import DivergedError
from records.study import Repeat, Study


class Network(Protocol):
    """What reads as a network does: one of the NumPy engine, or one that Keras runs."""

    @property
    def evidence(self) -> int:
        """Numbers beside each word's vector."""
        ...

    def logits(self, readings: Sequence[Reading]) -> Array:
        """The logits of each review, `<float64>[reviews, classes - 1]`."""
        ...


@dataclass(frozen=True)
class Trained:
    """One trained model of a run: the repeat of a study that was best on validation."""

    study: Study
    repeat: Repeat
    model: LinearModel | Network
    vocab_size: int
    max_length: int
    truncate: str
    tested_rows: np.ndarray = field(repr=False)  # its test reviews' places in the source, `<int64>[test reviews]`
    tested_logits: Array = field(repr=False)  # what it said of them, before the temperature, `<float64>[tests, classes - 1]`
    evidence: Evidence | None = None  # that a network is given beside the words

    @cached_property
    def _strengths(self) -> Array:
        """The log-odds of what was said of the test reviews, ascending, before the temperature."""
        return np.sort(log_odds(self.tested_logits))

    @property
    def temperature(self) -> float:
        """What logits are divided by so that probabilities mean what they say; fitted on validation, 1 for a linear model."""
        return next((score.temperature for score in self.repeat.scores if score.temperature), 1.0)

    @property
    def reads_whole_reviews(self) -> bool:
        """Whether it learns something from every word, as a linear model does; networks without evidence truncate."""
        return isinstance(self.model, LinearModel) or self.evidence is not None

    def positions(self, ids: IdArray) -> np.ndarray:
        """The places of the tokens of a whole review that it reads, `<int32>[time]`."""
        places = np.arange(len(ids), dtype=np.int32)
        return places if self.reads_whole_reviews else truncated(places, self.max_length, self.truncate)

    def row(self, ids: IdArray) -> IdArray:
        """The token ids of a whole review that can change what it says, `<int32>[time]`."""
        return ids if self.reads_whole_reviews else self._cut(ids)

    def _cut(self, ids: IdArray) -> IdArray:
        """The token ids that a network reads word by word of a whole review, or of a row."""
        read = truncated(ids, self.max_length, self.truncate)
        return np.where(read < self.vocab_size, read, OOV).astype(np.int32)

    @property
    def order(self) -> int:
        """Words of the longest n-grams whose evidence a network is given."""
        return int(self.repeat.hyperparameters["evidence"]) if self.evidence else 0

    def readings(self, rows: Sequence[IdArray]) -> list[Reading]:
        """What a network reads of each row."""
        if self.evidence is None or not rows:
            return [Reading(self._cut(row)) for row in rows]
        whole = Sequences.from_lists(rows)
        evidence, sums = self.evidence.read(whole, self.order)
        parts = windows(evidence, whole, self.max_length, self.truncate)
        return [Reading(self._cut(row), part, total) for row, part, total in zip(rows, parts, sums, strict=True)]

    def logits(self, reviews: Sequence[IdArray]) -> Array:
        """The logits of each whole review at the temperature, `<float64>[reviews, classes - 1]`.

        Raises:
            DivergedError: a logit is not finite.
        """
        return self.logits_of_rows([self.row(ids) for ids in reviews])

    def logits_of_rows(self, rows: Sequence[IdArray]) -> Array:
        """The logits at the temperature of each review that `row` has already cut, `<float64>[rows, classes - 1]`.

        Raises:
            DivergedError: a logit is not finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is checked
            logits = self.model.logits(rows) if isinstance(self.model, LinearModel) else self.model.logits(self.readings(rows))
            return self.finite(logits / self.temperature)

    def probabilities(self, reviews: Sequence[IdArray]) -> Array:
        """The calibrated probability of each class for each whole review, `<float64>[reviews, classes]`."""
        return class_probabilities(self.logits(reviews))

    def intensity(self, logits: Array) -> Array:
        """The share of the test reviews that it had a weaker opinion of, `<float64>[reviews]`, for logits at the temperature."""
        weaker = np.searchsorted(self._strengths, log_odds(logits * self.temperature))
        return weaker / len(self._strengths)

    def finite(self, numbers: Array) -> Array:
        """These numbers, which the model gave.

        Raises:
            DivergedError: one of them is NaN or infinite.
        """
        if not np.isfinite(numbers).all():
            raise DivergedError(
                f"{self.study.id} gives numbers that are not finite, because its training diverged; choose another --study, or "
                "train it again with smaller learning rates"
            )
        return numbers
