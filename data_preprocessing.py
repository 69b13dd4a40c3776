"""The door to the reviews: `prepare(config)` makes train, validation and test parts in length buckets of any source.

The order of its steps is the same for every source: encode, split, count duplicates and leaks, cut buckets, subsample, carve
validation. The vocabulary and the quantile edges of buckets come from the training part only. No Keras in here.

    dataset = prepare(PROFILES["smoke"])
    dataset, path = load_or_prepare(PROFILES["smoke"], Path("artifacts/cache"))
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from config import Compare, Config, Data
from data import coverage, store
from data.encoding import encode
from data.sources.locate import load
from data.types import Bucket, Dataset, Origin, Reviews, Sequences, SourceReviews, bucket_numbers
from data.vocabulary import FIRST_WORD
from records.errors import DataError
from records.study import ALL

SMALLEST_CLASS = 10  # training reviews of each class a bucket needs


def load_or_prepare(config: Config, folder: Path) -> tuple[Dataset, Path]:
    """The dataset of a config, loaded from its file in this folder or else prepared, and the path of that file.

    A dataset that was prepared is not written: `data.store.keep` does that.

    Raises:
        DataError: the source cannot be used, or a bucket is too small to train on.
    """
    content = store.source_digest(config.data)  # first: what changes while the reviews are read is another source
    if content is not None:
        path = store.path_of(folder, config, content)
        if (kept := store.load_if_whole(path)) is not None:
            return kept, path
    dataset = prepare(config)
    return dataset, store.path_of(folder, config, content or dataset.fingerprint)


def prepare(config: Config) -> Dataset:
    """Load, encode, split and bucket the reviews that the config names.

    Raises:
        DataError: the source cannot be used, or a bucket is too small to train on.
    """
    data, seed = config.data, config.run.seed
    source = load(data, seed)
    _check_source(source, data)
    rng = np.random.default_rng([seed, len(source.labels)])
    is_test = source.is_test if source.is_test is not None else _draw(source.labels, data.test_fraction, rng)
    encoded = encode(source, is_test, data)
    source = replace(source, notes=source.notes + encoded.notes)
    reviews = Reviews(encoded.labelled, source.labels, np.arange(len(source.labels)))
    whole, test = _divide(reviews, is_test)
    whole, unlabelled, leaked, origin = _leave_out(source, whole, test, encoded.unlabelled, drop_leaked=data.drop_leaked)
    buckets = cut_buckets(config.compare, whole.sequences.lengths)
    rest, chosen = _divide(whole, _subsample(whole, buckets, data.max_train_per_bucket, rng))
    strata = bucket_numbers(buckets, chosen.sequences.lengths) * len(source.classes) + chosen.labels
    train, validation = _divide(chosen, _draw(strata, data.validation_fraction, rng))
    dataset = Dataset(
        train=train,
        validation=validation,
        test=test,
        buckets=buckets,
        classes=source.classes,
        vocabulary=encoded.vocabulary,
        vocab_size=min(data.vocab_size, len(encoded.vocabulary.words) + FIRST_WORD),
        max_length=data.max_length,
        unused=_untested(rest.sequences, test),
        unlabelled=unlabelled,
        leaked=leaked,
        whole_lengths=whole.sequences.lengths,
        whole_labels=whole.labels,
        origin=origin,
    )
    if config.compare.scopes != {ALL}:
        check_buckets(dataset)
    return coverage.with_notice(dataset)


def cut_buckets(compare: Compare, train_lengths: np.ndarray) -> tuple[Bucket, ...]:
    """Buckets from explicit edges, or from quantiles of the training lengths; together they hold every length.

    Raises:
        DataError: so many reviews share a length that the quantiles coincide.
    """
    edges = list(compare.bucket_edges)
    if n := compare.bucket_quantiles:
        edges = [int(q) for q in np.quantile(train_lengths, np.arange(1, n) / n, method="lower")]
        if len(set(edges)) < len(edges):
            raise DataError(f"compare.bucket_quantiles: {n} quantiles of the training lengths coincide ({edges}); ask for fewer")
    lows = [0, *(edge + 1 for edge in edges)]
    return tuple(Bucket(low, high) for low, high in zip(lows, [*edges, None], strict=True))


def check_buckets(dataset: Dataset) -> None:
    """Refuse buckets too small to train on, before anything trains.

    Raises:
        DataError: names each bucket and its counts.
    """
    problems = []
    for bucket in dataset.buckets:
        parts = dataset.scope(bucket.name)
        counts = [int((parts.train.labels == label).sum()) for label in range(len(dataset.classes))]
        is_whole = len(np.unique(parts.validation.labels)) == len(dataset.classes)
        if min(counts) < SMALLEST_CLASS or len(parts.test) == 0 or not is_whole:
            each = " and ".join(f"{count} {name}" for count, name in zip(counts, dataset.classes.names, strict=True))
            problems.append(
                f"bucket {bucket.name} is too small to train on: {each} training, "
                f"{len(parts.validation)} validation and {len(parts.test)} test reviews"
            )
    if problems:
        need = f"each needs {SMALLEST_CLASS} training reviews of each class, each in validation, and a test review"
        raise DataError("; ".join(problems) + f"; {need}. Change compare.bucket_edges or bring more reviews")


def _check_source(source: SourceReviews, data: Data) -> None:
    """Refuse settings that this source cannot serve.

    Raises:
        DataError: it has no unlabelled reviews.
    """
    if data.unlabelled and not source.unlabelled:
        raise DataError(
            f"data.unlabelled: {source.title} has no unlabelled reviews; aclImdb has them in train/unsup, a table in rows whose "
            f"{data.split_column} is unsup. Choose such a data.source, or data.unlabelled=False"
        )


def _leave_out(
    source: SourceReviews, train: Reviews, test: Reviews, further: Sequences, *, drop_leaked: bool
) -> tuple[Reviews, Sequences, np.ndarray, Origin]:
    """Leave out unlabelled reviews whose text is tested, and training reviews as well if `drop_leaked`.

    Returns:
        The training reviews and the unlabelled ones that stay; the positions in the source of the test reviews whose text is
        trained on, `<int64>[n]`; and what was counted.
    """
    trained, tested = set(_text_keys(train.sequences)), set(_text_keys(test.sequences))
    leaked = trained & tested
    kept = train.take(np.flatnonzero(~_are_among(leaked, train.sequences))) if drop_leaked else train
    unlabelled = _untested(further, test)
    origin = Origin(
        title=source.title,
        is_demo=source.is_demo,
        notes=source.notes,
        duplicates_train=len(train) - len(trained),
        duplicates_test=len(test) - len(tested),
        leaked=len(leaked),
        leaked_dropped=len(train) - len(kept),
        unlabelled_dropped=len(further) - len(unlabelled),
    )
    return kept, unlabelled, test.rows[_are_among(leaked, test.sequences)], origin


def _untested(texts: Sequences, test: Reviews) -> Sequences:
    """The texts that do not stand in the test part."""
    return texts.take(np.flatnonzero(~_are_among(set(_text_keys(test.sequences)), texts))) if len(texts) else texts


def _text_keys(sequences: Sequences) -> list[bytes]:
    return [sequences[i].tobytes() for i in range(len(sequences))]


def _are_among(keys: set[bytes], sequences: Sequences) -> np.ndarray:
    """`<bool>[reviews]`: whether each review's ids are those of one of the keys."""
    return np.array([key in keys for key in _text_keys(sequences)], dtype=bool)


def _divide(reviews: Reviews, chosen: np.ndarray) -> tuple[Reviews, Reviews]:
    """The reviews where `chosen`, `<bool>[reviews]`, is false, and those where it is true."""
    return reviews.take(np.flatnonzero(~chosen)), reviews.take(np.flatnonzero(chosen))


def _draw(strata: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """`<bool>[n]`, True for the drawn fraction of every stratum (rounded, at least one)."""
    drawn = np.zeros(len(strata), dtype=bool)
    for stratum in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        drawn[members[: max(1, round(len(members) * fraction))]] = True
    return drawn


def _subsample(train: Reviews, buckets: tuple[Bucket, ...], limit: int, rng: np.random.Generator) -> np.ndarray:
    """`<bool>[reviews]`, True for at most `limit` reviews of every bucket, keeping the share of each class; for all with 0."""
    if not limit:
        return np.ones(len(train), dtype=bool)
    numbers, chosen = bucket_numbers(buckets, train.sequences.lengths), np.zeros(len(train), dtype=bool)
    for number in range(len(buckets)):
        members = np.flatnonzero(numbers == number)
        if len(members) > limit:
            by_class = [rng.permutation(members[train.labels[members] == label]) for label in np.unique(train.labels)[::-1]]
            ends = [round(limit * n / len(members)) for n in np.cumsum([len(each) for each in by_class])]
            members = np.concatenate([each[:n] for each, n in zip(by_class, np.diff(ends, prepend=0), strict=True)])
        chosen[members] = True
    return chosen
