"""What the report says about the reviews of a run."""

from dataclasses import dataclass

from records.classes import Classes
from records.codec import Record

LEAST_KNOWN = 0.8  # share of the validation tokens that networks should know


@dataclass(frozen=True)
class BucketSummary(Record):
    """A bucket's reviews; lengths are whole lengths in tokens, the start token included."""

    name: str
    low: int
    high: int | None  # None: open
    n_train: int
    n_validation: int
    n_test: int
    class_shares_test: tuple[float, ...]  # of the test reviews, one a class; 0 without any
    truncated_share: float  # of training reviews longer than what a network reads


@dataclass(frozen=True)
class DataSummary(Record):
    """What the report says about the data."""

    title: str
    fingerprint: str
    is_demo: bool
    classes: Classes
    class_counts: dict[str, tuple[int, ...]]  # part -> its reviews of each class
    buckets: tuple[BucketSummary, ...]
    n_train: int
    n_validation: int
    n_test: int
    n_unused: int  # training reviews that a subsample left out; words and their vectors are learned from their texts
    n_unlabelled: int  # further reviews that words and their vectors are learned from
    unlabelled_dropped: int  # because their text stands in the test part
    vocabulary: int  # ids a network knows, the four special ones included
    words_in_source: int
    oov_share: float  # training tokens outside the networks' vocabulary
    validation_known_share: float  # of the validation tokens, those that networks know: they stand in training reviews too
    duplicates_train: int  # reviews whose ids stand in the training part already
    duplicates_test: int
    leaked: int  # distinct training texts that also stand in the test part
    leaked_dropped: int
    length_quantiles: dict[str, int]  # of the whole training part
    histogram_edges: tuple[int, ...]  # left edges and the last right edge, in tokens
    histograms: tuple[tuple[int, ...], ...]  # reviews in each bar, one histogram a class
    notes: tuple[str, ...]

    @property
    def is_barely_known(self) -> bool:
        """Whether the networks know so few words of what they will read that it must not be missed."""
        return self.validation_known_share < LEAST_KNOWN
