"""What a finished run says of a text: `Predictor` in Python. NumPy reads the networks: nothing waits for TensorFlow."""

import contextlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Self, overload

import numpy as np

from engine.arrays import class_probabilities, free_logits, predicted
from inference.run import Encoded, FinishedRun
from inference.trained import Trained
from records.codec import Record
from records.errors import RunError, TextError
from records.study import Study

BATCH = 256  # texts that are read together
LARGEST_TEXT = 5_000_000  # characters; the longest published review has 14,000


@dataclass(frozen=True)
class Prediction(Record):
    """What a run says of one text."""

    label: str  # the likeliest class
    confidence: float  # its probability, calibrated on validation reviews
    probability: float  # of the last class, which is `positive` where there are negative and positive
    probabilities: dict[str, float]  # of each class
    intensity: float  # share of the test reviews that the same model had a weaker opinion of: 0 to 1
    bucket: str  # that the text's length falls in
    study: str  # whose model answers; several, with + between, are an ensemble
    tokens: int  # of the text, the start token included
    tokens_read: int  # by the network: of longer reviews it reads a part
    unknown_words: tuple[str, ...]  # that the networks do not know
    dropped_words: tuple[str, ...]  # that the data's word index does not have
    milliseconds: float  # from the text to this; of texts that were read together, a share


class Predictor:
    """Answers for a finished run: `Predictor.load("artifacts/latest")("Great cast, dull story")`."""

    def __init__(self, run: FinishedRun, study: str | None = None) -> None:
        """Answer with the network that validation chose for a text's bucket, or with what `study` names.

        Args:
            run: see `FinishedRun.open`.
            study: see `FinishedRun.choose`.

        Raises:
            RunError: no such study.
        """
        self.run, self._wanted = run, study
        for bucket in run.buckets if study else ():
            run.choose(study, bucket.name)

    @property
    def note(self) -> str | None:
        """A sentence on the networks that may answer and that Keras reads, after a second or more; None where NumPy reads all."""
        studies = dict[Study, None]()
        for bucket in self.run.buckets:
            with contextlib.suppress(RunError):  # nobody answers for this bucket; who asks is told
                studies |= dict.fromkeys(self.run.choose(self._wanted, bucket.name))
        refusals = [refusal for study in studies if (refusal := self.run.refusal(study))]
        return f"{'; '.join(refusals)}; Keras reads {'it' if len(refusals) == 1 else 'them'} instead" if refusals else None

    @classmethod
    def load(cls, path: Path | str = "artifacts/latest", study: str | None = None) -> Self:
        """Open a run folder.

        Raises:
            RunError: no finished run of this version is there, someone changed it, or there is no such study.
        """
        return cls(FinishedRun.open(path), study)

    @overload
    def __call__(self, texts: str) -> Prediction: ...
    @overload
    def __call__(self, texts: list[str] | tuple[str, ...]) -> list[Prediction]: ...
    def __call__(self, texts: str | list[str] | tuple[str, ...]) -> Prediction | list[Prediction]:
        """What the run says of a text, or of each of several.

        Raises:
            TextError: a text is empty, no text, too long, or none of its words is known.
            CheckpointError: a model cannot be read, or diverged.
        """
        answers = list(self.stream([texts] if isinstance(texts, str) else texts))
        for answer in answers:
            if isinstance(answer, TextError):
                raise answer
        found = [answer for answer in answers if isinstance(answer, Prediction)]
        return found[0] if isinstance(texts, str) else found

    def stream(self, texts: Iterable[str]) -> Iterator[Prediction | TextError]:
        """What the run says of each text, in their order, in constant memory; for a bad text, why."""
        remaining = iter(texts)
        while batch := tuple(islice(remaining, BATCH)):
            yield from self._answer(batch)

    def encode(self, text: str) -> Encoded:
        """A text as the run reads it.

        Raises:
            TextError: it is empty, no text, too long, or none of its words is known.
        """
        if not isinstance(text, str):
            raise TextError(f"expected a text, got {type(text).__name__}")
        if lone := re.search("[\ud800-\udfff]", text):
            raise TextError(
                f"the text is no valid Unicode: half a character stands at {lone.start() + 1}; it was read in a wrong encoding"
            )
        if len(text) > LARGEST_TEXT:
            raise TextError(f"the text has {len(text):,} characters; at most {LARGEST_TEXT:,} are read")
        encoded = self.run.encode(text)
        if encoded.is_empty:
            raise TextError("the text is empty: no word is in it")
        if encoded.is_unknown:
            count = len(encoded.words) + len(encoded.dropped)
            words = "the text's one word is not" if count == 1 else f"none of the text's {count:,} words is"
            raise TextError(f"{words} known to this run, which has read {self.run.data.title}")
        return encoded

    def chosen(self, encoded: Encoded) -> tuple[Trained, ...]:
        """The models that answer for a text."""
        return tuple(self.run.trained(study) for study in self.run.choose(self._wanted, self.run.bucket(encoded.ids)))

    def logits(self, models: tuple[Trained, ...], reviews: Sequence[np.ndarray]) -> np.ndarray:
        """The logits of the models' mean probabilities, `<float64>[reviews, classes - 1]`."""
        if len(models) == 1:
            return models[0].logits(reviews)
        return free_logits(np.mean([model.probabilities(reviews) for model in models], axis=0))

    def judge(self, reviews: Sequence[Encoded]) -> list[Prediction]:
        """What the run says of texts that have been encoded, without times; texts with the same models are read together.

        Raises:
            CheckpointError: a model cannot be read.
        """
        groups: dict[tuple[str, tuple[Study, ...]], list[int]] = {}
        for number, review in enumerate(reviews):
            bucket = self.run.bucket(review.ids)
            groups.setdefault((bucket, self.run.choose(self._wanted, bucket)), []).append(number)
        found: dict[int, Prediction] = {}
        for (bucket, studies), numbers in groups.items():
            models = tuple(self.run.trained(study) for study in studies)
            logits = self.logits(models, [reviews[number].ids for number in numbers])
            intensities = np.mean([model.intensity(logits) for model in models], axis=0).tolist()
            for number, each, intensity in zip(numbers, class_probabilities(logits), intensities, strict=True):
                found[number] = self._prediction(reviews[number], bucket, models, each, intensity)
        return [found[number] for number in range(len(reviews))]

    def _answer(self, texts: tuple[str, ...]) -> Iterator[Prediction | TextError]:
        started = time.perf_counter()
        encoded = [self._encoded(text) for text in texts]
        predictions = iter(self.judge([one for one in encoded if isinstance(one, Encoded)]))
        milliseconds = 1000 * (time.perf_counter() - started) / len(texts)
        for one in encoded:
            yield replace(next(predictions), milliseconds=milliseconds) if isinstance(one, Encoded) else one

    def _encoded(self, text: str) -> Encoded | TextError:
        try:
            return self.encode(text)
        except TextError as error:
            return error

    def _prediction(
        self, encoded: Encoded, bucket: str, models: tuple[Trained, ...], probabilities: np.ndarray, intensity: float
    ) -> Prediction:
        names = self.run.data.classes.names
        return Prediction(
            label=names[int(predicted(probabilities))],
            confidence=float(probabilities.max()),
            probability=float(probabilities[-1]),
            probabilities=dict(zip(names, probabilities.tolist(), strict=True)),
            intensity=intensity,
            bucket=bucket,
            study=" + ".join(model.study.id for model in models),
            tokens=len(encoded.ids),
            tokens_read=max(len(model.positions(encoded.ids)) for model in models),
            unknown_words=encoded.unknown,
            dropped_words=encoded.dropped,
            milliseconds=0.0,
        )
