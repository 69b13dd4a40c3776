"""What a study is, and what comes of it: the records that a worker sends and that the run folder keeps."""

import hashlib
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import PurePosixPath
from typing import Literal

from records.codec import Record

YARDSTICKS = ("linear", "nb_linear")  # linear models: of TF-IDF; of n-grams weighted by naive Bayes
ALL = "all"  # the bucket name of a generalist, and of the whole test part
ENGINE_TOLERANCE = 1e-4  # largest difference in probability with which the NumPy engine may answer for a trained network
Hyperparameters = dict[str, float | int]  # as records keep them: the fields of `Setting`, or of `LinearForm`
Scope = Literal["bucket", "all", "fine-tuned"]
Status = Literal["completed", "pruned", "failed"]  # pruned: a trial stopped because others did better


def bucket_order(bucket: str) -> int:
    """Sorts buckets by length, a generalist's `all` before them."""
    return -1 if bucket == ALL else int(bucket.split("-")[0])


@dataclass(frozen=True, order=True)
class Study(Record):
    """One contender on one training scope; a pure value."""

    contender: str  # its id in the run, see `models.roster`; a yardstick's name
    bucket: str  # a bucket's name, or `all` for a generalist
    is_fine_tuned: bool = False  # starts from the generalist's weights
    n_reviews: int = 0  # n > 0: a point of the learning curve, trained and validated on so many reviews of its scope

    @property
    def id(self) -> str:
        """`gru/130-175`, `gru/all`, `gru/all-130-175` (fine-tuned) or `gru/all@500`; also its path under the run's folders."""
        scope = f"{ALL}-{self.bucket}" if self.is_fine_tuned else self.bucket
        return str(PurePosixPath(self.contender) / (f"{scope}@{self.n_reviews}" if self.n_reviews else scope))

    @property
    def learns_from(self) -> str:
        """Whose labels its evidence counts: `130-175`, `all` or `all@500`; those of its generalist where it is fine-tuned."""
        bucket = ALL if self.is_fine_tuned else self.bucket
        return f"{bucket}@{self.n_reviews}" if self.n_reviews else bucket

    @property
    def scope(self) -> Scope:
        """`bucket` for a specialist, `all` for a generalist, `fine-tuned` for a generalist trained on with a bucket's reviews."""
        return "fine-tuned" if self.is_fine_tuned else "all" if self.bucket == ALL else "bucket"

    @property
    def is_yardstick(self) -> bool:
        """Whether this is a linear model, which the networks are measured against."""
        return self.contender in YARDSTICKS

    @property
    def yardsticks(self) -> tuple["Study", ...]:
        """The linear models that have seen the same labels."""
        scope = self.bucket if self.scope == "bucket" else ALL
        return tuple(Study(name, scope, n_reviews=self.n_reviews) for name in YARDSTICKS)

    def seed(self, base: int, *parts: object) -> int:
        """A seed in [1, 2**31) for one random decision of this study, the same in every process.

        Args:
            base: the run's seed.
            parts: what the decision is, for example `"repeat", 2`.
        """
        text = "/".join(map(str, (base, self.id, *parts)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % (2**31 - 1) + 1


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One value for each hyperparameter of a network; `config.Space` has the range of each, under the same name."""

    units: int  # width of the recurrent state
    embedding_dim: int  # width of a word's vector
    dropout: float  # share of pooled features dropped
    spatial_dropout: float  # share of embedding channels dropped for a whole review
    adversarial: float  # how far word vectors are moved against the network, in their root mean square
    evidence: int = 0  # words of the longest n-grams whose evidence stands beside the words; 0: none
    learning_rate: float  # Adam's initial step size
    batch_size: int  # reviews per training step

    @classmethod
    def of(cls, hyperparameters: Hyperparameters) -> "Setting":
        """The setting of these values, which may be whole numbers where real ones belong: `dropout: 0`."""
        real = cls.real()
        return cls(**{name: float(value) if name in real else value for name, value in hyperparameters.items()})  # type: ignore[arg-type]

    @classmethod
    def real(cls) -> frozenset[str]:
        """The hyperparameters that are real numbers; the others are integers."""
        return frozenset(item.name for item in fields(cls) if item.type is float)

    @property
    def hyperparameters(self) -> Hyperparameters:
        """What a record keeps of it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class LinearForm(Record):
    """What a linear model is given to decide: which n-grams it reads, and how far it may trust them."""

    n: int  # words of the longest n-grams
    min_df: int  # reviews that must hold an n-gram
    C: float  # of logistic regression: inverse strength of its regularisation
    hash_bits: int = 0  # of the numbers that n-grams are known by, see `data.hashed`; 0: each n-gram is known

    @classmethod
    def of(cls, hyperparameters: Hyperparameters) -> "LinearForm":
        """The form that the record of a repeat or study keeps."""
        return cls(**hyperparameters)  # type: ignore[arg-type]

    @property
    def hyperparameters(self) -> Hyperparameters:
        """What a record keeps of it."""
        return {name: value for name, value in asdict(self).items() if name != "hash_bits" or value}


@dataclass(frozen=True)
class CrossValidated(Record):
    """A form of a linear model, and how it does on reviews of its training part that were left out when it was fitted."""

    form: LinearForm
    accuracy: float  # over all folds


@dataclass(frozen=True)
class Seconds(Record):
    """What a process spent its time on; one thread, so seconds of wall time are about seconds of CPU time."""

    importing: float = 0.0  # TensorFlow or JAX, Keras, Keras Tuner: once a process, counted at its first study
    compiling: float = 0.0  # building and tracing networks, XLA, and the first call of each program
    training: float = 0.0
    evaluating: float = 0.0  # validation, and the test reviews

    def __add__(self, other: "Seconds") -> "Seconds":
        return Seconds(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Epoch(Record):
    """One row of a training's history; numbers are means over the epoch's batches, validation after it."""

    epoch: int  # from 1
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    val_macro_f1: float
    learning_rate: float
    gradient_norm: float  # global norm before clipping
    seconds: float


@dataclass(frozen=True)
class Trial(Record):
    """One hyperparameter setting tried inside a study."""

    number: int  # from 0, in the order proposed
    hyperparameters: Hyperparameters
    status: Status
    score: float | None  # the objective at its best epoch; None when failed
    epochs: int
    seconds: float
    parameters: int
    message: str  # why it was pruned or failed, else ""
    history: tuple[Epoch, ...]
    spent: Seconds = field(default_factory=Seconds)


@dataclass(frozen=True)
class Score(Record):
    """What one trained model does on one bucket's test reviews."""

    bucket: str
    n_test: int
    accuracy: float
    accuracy_low: float  # 95 % bootstrap interval over test reviews
    accuracy_high: float
    accuracy_without_leaked: float  # without the reviews whose text stands in the training part too
    loss: float
    brier: float
    calibration_error: float
    temperature: float | None  # fitted on validation; None for a yardstick, which has no validation part
    loss_at_temperature: float | None
    brier_at_temperature: float | None
    calibration_error_at_temperature: float | None
    macro_f1: float  # mean over the classes that reviews are of or were put into
    precision: tuple[float, ...]  # one a class, as are those below
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    roc_auc: tuple[float | None, ...]  # of the class against all others; None when the bucket holds none of them, or no others
    average_precision: tuple[float | None, ...]  # likewise
    confusion: tuple[tuple[int, ...], ...]  # reviews of each class (row) that were put into each class
    mean_absolute_error: float | None  # in the classes' own units, such as stars; None where they have no order
    within_one: float | None  # share of the reviews put into their class or one beside it; None likewise

    @property
    def mean_roc_auc(self) -> float | None:
        """Over the classes that have one; of two classes both have the same."""
        there = [each for each in self.roc_auc if each is not None]
        return sum(there) / len(there) if there else None


@dataclass(frozen=True)
class Repeat(Record):
    """One final training of the chosen setting with its own seed."""

    number: int  # from 0
    seed: int
    hyperparameters: Hyperparameters
    epochs: int
    parameters: int  # trained numbers
    train_accuracy: float  # dropout off
    val_accuracy: float | None  # None for a yardstick, which learns from the validation part too
    val_loss: float | None
    train_seconds: float
    history: tuple[Epoch, ...]
    scores: tuple[Score, ...]  # one per bucket that it is for
    spent: Seconds = field(default_factory=Seconds)
    scores_elsewhere: tuple[Score, ...] = ()  # of a specialist, on the buckets it is not for
    influence: tuple[tuple[int, float], ...] = ()  # of words by their distance from the end, see `evaluation.by_distance`
    # Largest difference in probability between the NumPy engine, which reads the checkpoint, and the trained network, on some
    # test reviews; None for a yardstick, and where the engine refuses the checkpoint.
    engine_difference: float | None = None
    engine_refusal: str = ""  # why the engine does not read the checkpoint, else ""

    @property
    def is_read_by_engine(self) -> bool:
        """Whether the NumPy engine has been seen to answer like the trained network; False for a yardstick, which has none."""
        return not self.engine_refusal and self.engine_difference is not None and self.engine_difference <= ENGINE_TOLERANCE

    @property
    def history_csv(self) -> str:
        """The history as a table: per epoch losses, accuracies, learning rate, gradient norm, seconds."""
        lines = [",".join(item.name for item in fields(Epoch)), *(",".join(map(repr, astuple(epoch))) for epoch in self.history)]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class LayerSize(Record):
    """One line of the parameter breakdown."""

    name: str
    kind: str
    parameters: int


@dataclass(frozen=True)
class StudyResult(Record):
    """The completion record of a study."""

    study: Study
    status: Status
    message: str  # why it failed, else ""
    device: str
    n_train: int
    n_validation: int
    padding_share: float  # of the tokens that the recurrence processes in training
    hyperparameters: Hyperparameters
    layers: tuple[LayerSize, ...]
    trials: tuple[Trial, ...]
    repeats: tuple[Repeat, ...]
    search_seconds: float
    forms: tuple[CrossValidated, ...] = ()  # of a yardstick, in the order tried; none where a class has a single review

    @property
    def cv_accuracy(self) -> float | None:
        """Of a yardstick's chosen form, by cross-validation on what it learns from; None for a network."""
        return max((each.accuracy for each in self.forms), default=None)

    @property
    def parameters(self) -> int:
        """Trained numbers; 0 while no repeat has ended."""
        return self.repeats[0].parameters if self.repeats else 0

    @property
    def best_repeat(self) -> Repeat:
        """The one with the lowest validation loss; the first where there is no validation."""
        return min(self.repeats, key=lambda repeat: repeat.val_loss or 0.0)

    @property
    def body_parameters(self) -> int:
        """Parameters outside the tables of vectors for words and pairs of words."""
        return self.parameters - sum(layer.parameters for layer in self.layers if layer.kind == "Embedding")

    @property
    def train_seconds(self) -> float:
        """Seconds of all final trainings."""
        return sum(repeat.train_seconds for repeat in self.repeats)

    @property
    def spent(self) -> Seconds:
        """What the processes that ran this study spent on it."""
        each = [trial.spent for trial in self.trials] + [repeat.spent for repeat in self.repeats]
        return sum(each, Seconds())

    @property
    def step_seconds(self) -> float | None:
        """Mean seconds of one training step in the repeats, compilation apart; None where nothing was trained in steps."""
        steps = sum(
            repeat.epochs * -(-self.n_train // int(repeat.hyperparameters["batch_size"]))
            for repeat in self.repeats
            if repeat.epochs
        )
        return sum(repeat.spent.training for repeat in self.repeats) / steps if steps else None


def failed(study: Study, message: str, device: str, trials: tuple[Trial, ...] = ()) -> StudyResult:
    """The record of a study that could not be completed."""
    return StudyResult(
        study=study,
        status="failed",
        message=message,
        device=device,
        n_train=0,
        n_validation=0,
        padding_share=0.0,
        hyperparameters={},
        layers=(),
        trials=trials,
        repeats=(),
        search_seconds=sum(trial.seconds for trial in trials),
    )


def on_all_reviews(results: Iterable[StudyResult]) -> list[StudyResult]:
    """The results but those on part of a scope's reviews, which are points of learning curves."""
    return [result for result in results if not result.study.n_reviews]


def strongest_yardstick(study: Study, results: Mapping[Study, StudyResult]) -> StudyResult | None:
    """The linear model to measure a study against where only one number has a place.

    It is the one of the same labels that is stronger by cross-validation on them; test reviews have no say in it.
    """
    there = [results[each] for each in study.yardsticks if each in results and results[each].repeats]
    return max(there, key=lambda result: result.cv_accuracy or 0.0, default=None)


def one_line(error: Exception) -> str:
    """An exception as one readable line: type and message, without terminal colours, at most 400 characters."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", f"{type(error).__name__}: {error}")
    return textwrap.shorten(text, 400, placeholder=" ...")


@dataclass(frozen=True)
class Progress(Record):
    """Where a running study is."""

    study: Study
    phase: str  # "search" or "final"
    step: int  # trial or repeat, from 1
    steps: int
    epoch: int  # from 1
    epochs: int
    best_val_accuracy: float
