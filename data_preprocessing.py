"""The door to the reviews: `prepare(config)` makes train, validation and test parts in length buckets of any source.

The order of its steps is the same for every source: split, encode, leave out what has no word, count duplicates and leaks, cut
buckets, subsample, carve validation. The vocabulary and the quantile edges of buckets come from the training part only. No Keras.

    dataset = prepare(PROFILES["smoke"])
    dataset, path = load_or_prepare(PROFILES["smoke"], Path("artifacts/cache"))
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from config import Config, Data
from data import coverage, fitting, splits, store
from data.encoding import encode
from data.fitting import UNUSED, Fitted, Labelled
from data.hashed import MANY
from data.known_texts import digests
from data.repeats import repeats
from data.sources.locate import load
from data.sources.parts import TEST, TRAIN, VALIDATION
from data.sources.reviews import without
from data.sources.wanted import Wanted
from data.splits import split_off
from data.types import Dataset, Lengths, Origin, Reviews, Sequences, SourceReviews
from data.vocabulary import FIRST_WORD
from records.errors import DataError

MOST_UNUSED = 10_000_000  # tokens of reviews that are trained on by nobody: counting their n-grams takes 135 bytes for each


@dataclass(frozen=True)
class _Keys:
    """What tells texts apart: the same for two texts of the same ids, see `data.known_texts.digests`."""

    labelled: np.ndarray  # <uint64>[reviews of the source]
    unlabelled: np.ndarray  # <uint64>[further texts]


def load_or_prepare(config: Config, folder: Path) -> tuple[Dataset, Path]:
    """The dataset of a config, loaded from its file in this folder or else prepared, and the path of that file.

    A dataset that was prepared is not written, unless it is large: `data.store.keep` does that.

    Raises:
        DataError: the source cannot be used, or a bucket is too small to train on.
    """
    content = store.source_digest(config.data)  # first: what changes while the reviews are read is another source
    if content is not None:
        path = store.path_of(folder, config, content)
        if (kept := store.load_if_whole(path)) is not None:
            return kept, path
    dataset = prepare(config)
    path = store.path_of(folder, config, content or dataset.fingerprint)
    return store.mapped(dataset, path), path


def prepare(config: Config) -> Dataset:
    """Load, encode, split and bucket the reviews that the config names.

    Raises:
        DataError: the source cannot be used, or a bucket is too small to train on.
    """
    return prepare_reviews(load(config.data, config.run.seed), config)


def prepare_reviews(source: SourceReviews, config: Config) -> Dataset:
    """Encode, split and bucket the reviews of a source, as the config says.

    Raises:
        DataError: the source cannot be used, or a bucket is too small to train on.
    """
    data = config.data
    _check_source(source, data)
    rng = np.random.default_rng([config.run.seed, len(source.labels)])
    parts = _with_test_part(source, config, rng)
    encoded = encode(source, parts == TEST, data)
    source = replace(source, notes=(*source.notes, *encoded.notes, *_conflicts(source)))
    source, reviews = _with_words(source, Lengths.of(encoded.labelled.lengths), data)
    whole, test = _divide(reviews, parts[reviews.rows] == TEST)
    keys = _Keys(digests(encoded.labelled), digests(encoded.unlabelled))
    whole, leaked, origin = _leave_out(source, whole, test, keys, drop_leaked=data.drop_leaked)
    labelled = Labelled(source, parts, whole, test)
    fitted = _fitted(config, labelled, rng)
    unused, unused_notes = _unused(whole.take(np.flatnonzero(fitted.roles == UNUSED)), test, keys)
    dataset = Dataset(
        train=_of_role(whole, fitted, TRAIN, encoded.labelled),
        validation=_of_role(whole, fitted, VALIDATION, encoded.labelled),
        test=_with_ids(test, encoded.labelled),
        buckets=fitted.buckets,
        classes=source.classes,
        vocabulary=encoded.vocabulary,
        vocab_size=min(data.vocab_size, len(encoded.vocabulary.words) + FIRST_WORD),
        max_length=data.max_length,
        unused=encoded.labelled.take(unused.rows),
        unlabelled=encoded.unlabelled.take(np.flatnonzero(~np.isin(keys.unlabelled, keys.labelled[test.rows]))),
        leaked=leaked,
        whole_lengths=whole.sequences.lengths,
        whole_labels=whole.labels,
        origin=replace(
            origin, notes=(*origin.notes, *notes(config, labelled, fitted), *unused_notes, *_size_notes(labelled, fitted))
        ),
    )
    return coverage.with_notice(dataset)


def _conflicts(source: SourceReviews) -> tuple[str, ...]:
    return repeats(source.texts, source.labels).notes if source.texts is not None else ()


def outline(source: SourceReviews, sequences: Sequences, config: Config) -> tuple[Labelled, Fitted]:
    """What `prepare_reviews` makes of a source before it counts leaks: its parts and buckets, which need only the lengths.

    Args:
        source: of the reviews.
        sequences: as long as its reviews, whatever their tokens are.
        config: of the run.

    Raises:
        DataError: as `prepare_reviews`.
    """
    _check_source(source, config.data)
    rng = np.random.default_rng([config.run.seed, len(source.labels)])
    parts = _with_test_part(source, config, rng)
    source, reviews = _with_words(source, sequences, config.data)
    labelled = Labelled(source, parts, *_divide(reviews, parts[reviews.rows] == TEST))
    return labelled, _fitted(config, labelled, rng)


def lengths_of(source: SourceReviews, data: Data) -> np.ndarray:
    """Tokens of each review of a source as a run would count them, `<int64>[reviews]`, the start token included."""
    return encode(source, np.zeros(len(source.labels), dtype=bool), data).labelled.lengths


def _fitted(config: Config, labelled: Labelled, rng: np.random.Generator) -> Fitted:
    """Buckets that can be trained on, and what each training review is for.

    Raises:
        DataError: a class or a bucket is too small, or a part lacks what must be in it.
    """
    fitting.refuse_rare(config, labelled)
    fitted = fitting.fit(config, labelled, rng)
    fitting.refuse_small(config, labelled, fitted, rng)
    fitting.refuse_missing(config, labelled, fitted)
    return fitted


def _with_test_part(source: SourceReviews, config: Config, rng: np.random.Generator) -> np.ndarray:
    """The parts of a source, `<int8>[reviews]`, with a test part drawn from the training reviews where it has none.

    Where the run is one fold of a cross-validation, the test part is that fold, whatever parts the source has.
    """
    data = config.data
    if data.folds:
        tested = splits.fold(source, max(1, data.fold), data.folds, config.run.seed)
        return np.where(tested, TEST, TRAIN).astype(np.int8)
    parts = np.full(len(source.labels), TRAIN, dtype=np.int8) if source.parts is None else source.parts.copy()
    if not (parts == TEST).any():
        train = np.flatnonzero(parts == TRAIN)
        parts[train[split_off(source, train, source.labels[train], data.test_fraction, rng)]] = TEST
    return parts


def _with_words(source: SourceReviews, sequences: Sequences, data: Data) -> tuple[SourceReviews, Reviews]:
    """The reviews that have a token beside the start, and the source, which counts the others as rows that do not fit.

    Raises:
        DataError: they are too many.
    """
    has_words = sequences.lengths > 1
    if has_words.all():
        return source, Reviews(sequences, source.labels, np.arange(len(source.labels)))
    source = without(source, "has no word", np.flatnonzero(~has_words))
    source.left_out.check(source.title, data.max_bad_rows, Wanted.of(data).typed)
    kept = np.flatnonzero(has_words)
    return source, Reviews(sequences.take(kept), source.labels[kept], kept)


def _of_role(whole: Reviews, fitted: Fitted, role: int, ids: Sequences) -> Reviews:
    return _with_ids(whole.take(np.flatnonzero(fitted.roles == role)), ids)


def _with_ids(reviews: Reviews, ids: Sequences) -> Reviews:
    """Reviews of which only the lengths were known, with their ids out of those of the source."""
    return replace(reviews, sequences=ids.take(reviews.rows))


def _unused(reviews: Reviews, test: Reviews, keys: _Keys) -> tuple[Reviews, tuple[str, ...]]:
    """What is kept of the training reviews that a subsample leaves out: no test text, and no more than can be read."""
    reviews = reviews.take(np.flatnonzero(~np.isin(keys.labelled[reviews.rows], keys.labelled[test.rows])))
    step = -(-int(reviews.sequences.lengths.sum()) // MOST_UNUSED)
    if step <= 1:
        return reviews, ()
    kept = reviews.take(np.arange(0, len(reviews), step))
    note = (
        f"of the {len(reviews):,} training reviews beyond data.max_train_per_bucket, {len(kept):,} are read without their labels"
    )
    return kept, (note,)


def notes(config: Config, labelled: Labelled, fitted: Fitted) -> tuple[str, ...]:
    """What was left out, how the parts came about, and how the buckets did."""
    source, roles = labelled.source, np.full(len(labelled.source.labels), UNUSED)
    roles[labelled.whole.rows], roles[labelled.test.rows] = fitted.roles, TEST
    return (
        *source.left_out.notes,
        *splits.notes(source, roles, config.data.group_column),
        *fitted.notes(source.bucket_edges, is_auto=fitting.is_auto(config)),
        *fitted.unused_notes(config.data.max_train_per_bucket),
    )


def _size_notes(labelled: Labelled, fitted: Fitted) -> tuple[str, ...]:
    """What is done in another way because there is so much to learn from."""
    tokens = int(labelled.whole.sequences.lengths[fitted.roles != UNUSED].sum())
    if tokens <= MANY:
        return ()
    there = f"there are {tokens // 10**6} million tokens to learn from"
    return (f"{there}: linear models of more than {MANY // 10**6} million know n-grams by hashes, some of which share one",)


def _check_source(source: SourceReviews, data: Data) -> None:
    """Refuse settings that this source cannot serve.

    Raises:
        DataError: it has no unlabelled reviews.
    """
    if data.unlabelled and not source.unlabelled:
        raise DataError(
            f"data.unlabelled: {source.title} has no unlabelled reviews; aclImdb has them in train/unsup, a table in rows whose "
            "split is unsup. Choose such a data.source, or data.unlabelled=False"
        )


def _leave_out(
    source: SourceReviews, train: Reviews, test: Reviews, keys: _Keys, *, drop_leaked: bool
) -> tuple[Reviews, np.ndarray, Origin]:
    """Count copies, and leave out training reviews whose text is tested if `drop_leaked`.

    Returns:
        The training reviews that stay; the positions in the source of the test reviews whose text is trained on, `<int64>[n]`;
        and what was counted.
    """
    of_train, of_test = keys.labelled[train.rows], keys.labelled[test.rows]
    trained, tested = np.unique(of_train), np.unique(of_test)
    leaked = np.intersect1d(trained, tested, assume_unique=True)
    kept = train.take(np.flatnonzero(~np.isin(of_train, leaked))) if drop_leaked else train
    origin = Origin(
        title=source.title,
        is_demo=source.is_demo,
        notes=source.notes,
        duplicates_train=len(train) - len(trained),
        duplicates_test=len(test) - len(tested),
        leaked=len(leaked),
        leaked_dropped=len(train) - len(kept),
        unlabelled_dropped=int(np.isin(keys.unlabelled, tested).sum()),
    )
    return kept, test.rows[np.isin(of_test, leaked)], origin


def _divide(reviews: Reviews, chosen: np.ndarray) -> tuple[Reviews, Reviews]:
    """The reviews where `chosen`, `<bool>[reviews]`, is false, and those where it is true."""
    return reviews.take(np.flatnonzero(~chosen)), reviews.take(np.flatnonzero(chosen))
