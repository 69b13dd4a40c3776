"""From the whole training part to buckets, training and validation reviews, so that every bucket can be trained on."""

import copy
from dataclasses import dataclass

import numpy as np

from config import Config
from data import buckets as cutting
from data.buckets import SMALLEST_CLASS, Counts
from data.sources.mapping import leaving_out
from data.sources.parts import TRAIN, VALIDATION
from data.sources.wanted import Wanted
from data.splits import split_off, subsample
from data.types import Bucket, Reviews, SourceReviews, bucket_numbers
from records.errors import DataError
from records.study import ALL

UNUSED = -1  # the role of a training review that a subsample leaves out


@dataclass(frozen=True)
class Labelled:
    """All labelled reviews of a source, before its training part is cut."""

    source: SourceReviews
    parts: np.ndarray  # <int8>[reviews of the source]: the test part, validation where it is given, and the rest
    whole: Reviews  # the training part, with validation
    test: Reviews


@dataclass(frozen=True)
class Fitted:
    """Buckets, and what each review of the whole training part is for."""

    buckets: tuple[Bucket, ...]
    roles: np.ndarray  # <int8>[whole]: TRAIN, VALIDATION or UNUSED
    counts: Counts
    too_small: list[int]  # positions of buckets
    n_merged: int  # buckets that were too small, and are part of others

    def notes(self, known: tuple[int, ...], *, is_auto: bool) -> tuple[str, ...]:
        """How buckets were found that nobody asked for, in a sentence."""
        if not is_auto or (known and not self.n_merged):
            return ()
        edges = {bucket.high for bucket in self.buckets[:-1]}
        if not edges:
            how = "one of all lengths"
        elif edges <= set(cutting.IMDB_EDGES):
            how = "IMDB's, as the lengths are like its"
        else:
            how = f"{len(self.buckets)}, cut at quantiles of the training lengths"
        is_one = self.n_merged == 1
        merged = (
            f"{self.n_merged} that {'was' if is_one else 'were'} too small to train on {'is' if is_one else 'are'} part of others"
        )
        small = f" ({merged})" if self.n_merged else ""
        return (f"length buckets: {how}{small}; compare.bucket_edges takes others",)

    def unused_notes(self, limit: int) -> tuple[str, ...]:
        """A sentence where a bucket holds more than this many training reviews, which are all that anyone learns from."""
        n = int((self.roles == UNUSED).sum())
        told = f"{n:,} of {len(self.roles):,} reviews of the training part train nobody, as a bucket takes at most {limit:,}"
        return (f"{told}; --set data.max_train_per_bucket=0 takes all",) if n else ()


def is_auto(config: Config) -> bool:
    """Whether buckets are to fit the reviews."""
    return config.compare.bucket_edges == "auto" and not config.compare.bucket_quantiles


def fit(config: Config, labelled: Labelled, rng: np.random.Generator) -> Fitted:
    """The buckets of a config, and training and validation reviews; under `auto` buckets are merged until none is too small.

    Raises:
        DataError: quantiles coincide.
    """
    whole, test, n_classes = labelled.whole, labelled.test, len(labelled.source.classes)
    lengths, n_merged = whole.sequences.lengths, 0
    buckets = cutting.cut(config.compare, lengths, labelled.source.bucket_edges)
    while True:
        roles = _carve(config, labelled, buckets, copy.deepcopy(rng))
        parts = [(lengths[roles == role], whole.labels[roles == role]) for role in (TRAIN, VALIDATION)]
        counts = Counts.of(buckets, n_classes, [*parts, (test.sequences.lengths, test.labels)])
        too_small = counts.too_small(are_trained=config.compare.scopes != {ALL})
        if not too_small or not is_auto(config) or len(buckets) == 1:
            return Fitted(buckets, roles, counts, too_small, n_merged)
        buckets, n_merged = cutting.merged(buckets, too_small[0], counts), n_merged + 1


def _carve(config: Config, labelled: Labelled, buckets: tuple[Bucket, ...], rng: np.random.Generator) -> np.ndarray:
    """The role of each review of the whole training part, `<int8>[whole]`; validation is carved where none is given."""
    data, whole, n_classes = config.data, labelled.whole, len(labelled.source.classes)
    numbers, roles = bucket_numbers(buckets, whole.sequences.lengths), labelled.parts[whole.rows].copy()
    to_cut = np.flatnonzero(roles == TRAIN)
    is_chosen = subsample(whole.labels[to_cut], numbers[to_cut], data.max_train_per_bucket, rng)
    roles[to_cut[~is_chosen]] = UNUSED
    if (roles == VALIDATION).any():
        return roles
    chosen = to_cut[is_chosen]
    strata = numbers[chosen] * n_classes + whole.labels[chosen]
    is_validation = split_off(labelled.source, whole.rows[chosen], strata, data.validation_fraction, rng)
    roles[chosen[is_validation]] = VALIDATION
    return roles


def refuse_rare(config: Config, labelled: Labelled) -> None:
    """Refuse a class of which there is too little to learn from, whatever the buckets are.

    Raises:
        DataError: names it, and the setting that leaves it out.
    """
    classes = labelled.source.classes
    counts = np.bincount(labelled.whole.labels, minlength=len(classes))
    rare = [name for name, count in zip(classes.names, counts, strict=True) if count <= SMALLEST_CLASS]
    if not rare:
        return
    whole = np.bincount(labelled.source.labels, minlength=len(classes))
    numbers = [(name, whole[place], counts[place]) for name in rare for place in [classes.names.index(name)]]
    told = ", ".join(f"{name} ({all_of:,} in all, {learned:,} in the training part)" for name, all_of, learned in numbers)
    typed = Wanted().typed("labels", leaving_out(config.data.labels, classes, rare))
    way = f"; leave such rows out with {typed}, or give them another class there in place of the -"
    has_rest = len(classes) - len(rare) > 1 and not config.data.label_edges
    raise DataError(
        f"{labelled.source.title}: too few reviews of a class to learn it, {SMALLEST_CLASS + 1} are needed in the training part: "
        f"{told}{way if has_rest else '; bring more of them'}"
    )


def refuse_small(config: Config, labelled: Labelled, fitted: Fitted, rng: np.random.Generator) -> None:
    """Refuse buckets too small to train on, before anything trains.

    Raises:
        DataError: names each bucket and its counts, what may be the cause, and a setting that works, if one does.
    """
    if not fitted.too_small or config.compare.scopes == {ALL}:
        return
    classes, compare = labelled.source.classes, config.compare
    problems = "; ".join(fitted.counts.told(number, fitted.buckets[number], classes) for number in fitted.too_small)
    edges = ["compare.bucket_quantiles" if compare.bucket_quantiles else "compare.bucket_edges"]
    causes = [] if is_auto(config) else edges  # which has merged all that can be merged
    causes += ["data.max_train_per_bucket"] if config.data.max_train_per_bucket else []
    causes += ["data.time_column"] if labelled.source.times is not None else []
    causes += ["data.group_column"] if labelled.source.groups is not None else []
    causes += ["the given validation part"] if (labelled.parts == VALIDATION).any() else []
    causes += [f"how rare a class is ({classes.names[int(fitted.counts.train.sum(0).argmin())]}: see data.labels)"]
    quantiles = ["compare.bucket_quantiles=0"] if compare.bucket_quantiles else []
    limit = ["data.max_train_per_bucket=0"] if config.data.max_train_per_bucket else []
    way = "bring more reviews"
    for settings in ([*quantiles, "compare.bucket_edges=auto"], [*quantiles, "compare.bucket_edges=auto", *limit]):
        other = config.changed("compare.bucket_edges", "auto").changed("compare.bucket_quantiles", 0)
        other = other.changed("data.max_train_per_bucket", 0) if settings[-1] in limit else other
        if not fit(other, labelled, rng).too_small:
            way = f"buckets that fit are cut with --set {' '.join(settings)}"
            break
    raise DataError(f"{problems}; {cutting.NEED}. It is a matter of {', '.join(causes)}; {way}")


def refuse_missing(config: Config, labelled: Labelled, fitted: Fitted) -> None:
    """Refuse parts in which nothing is left to learn a class from, to validate or to test on, whatever the buckets are.

    Raises:
        DataError: names what is missing, and the setting that has taken it away.
    """
    data, source = config.data, labelled.source
    trained, validated, tested = (part.sum(0) for part in (fitted.counts.train, fitted.counts.validation, fitted.counts.test))
    missing = [name for name, count in zip(source.classes.names, trained.tolist(), strict=True) if not count]
    lacks = [f"no training review is left of the class {', '.join(missing)}"] if missing else []
    lacks += ["no review is left for validation"] if not validated.any() else []
    lacks += ["no review is left to test on"] if not tested.any() else []
    if not lacks:
        return
    ways = [("max_train_per_bucket", "0")] if data.max_train_per_bucket else []
    ways += [("time_column", "")] if source.times is not None else []
    ways += [("group_column", "")] if source.groups is not None else []
    ways += [("split_column", "")] if (labelled.parts == VALIDATION).any() else []
    way = f"other parts are made by {' or '.join(Wanted().typed(*each) for each in ways)}" if ways else "bring more reviews"
    raise DataError(f"{source.title}: {', '.join(lacks)}; {way}")
