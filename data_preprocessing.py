"""From a source's reviews to train, validation and test parts in length buckets, and on to padded batches.

The order matters and is the same for every source: encode, split, count duplicates and leaks, cut buckets, subsample,
carve validation. Vocabulary and quantile edges come from the training part only. No Keras in here.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from config import Compare, Config, Data
from data.sources.locate import load
from data.types import IdArray, Sequences, SourceReviews
from data.vocabulary import FIRST_WORD, OOV, PADDING, Vocabulary, learn_pieces, learn_vocabulary, tokenize
from records.errors import DataError
from records.study import ALL, Study
from records.summary import BucketSummary, DataSummary

_CANDIDATES = 64  # quantiles of the review lengths, and as many ratios, that a rung may have
_JITTER = 0.03  # of a length when neighbours are drawn: more mixes reviews better and pads more
SMALLEST_CLASS = 10  # training reviews of each class a bucket needs


@dataclass(frozen=True)
class Bucket:
    """A range of sequence lengths, both edges inclusive; lengths count the start token."""

    low: int
    high: int | None  # None: open

    @property
    def name(self) -> str:
        """`0-129`, ..., `598-end`."""
        return f"{self.low}-{'end' if self.high is None else self.high}"

    def holds(self, lengths: np.ndarray) -> np.ndarray:
        """`<bool>[reviews]`: whether each length falls in this bucket."""
        return (lengths >= self.low) & (lengths <= (self.high if self.high is not None else np.inf))


@dataclass(frozen=True)
class Reviews:
    """Reviews of one part, ids as the source has them: cutting to a network's vocabulary comes with the batches."""

    sequences: Sequences
    labels: np.ndarray  # <int8>[reviews], 1 = positive
    rows: np.ndarray  # <int64>[reviews], position in the source

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Reviews":
        """The reviews at these positions, in this order."""
        return Reviews(self.sequences.take(indices), self.labels[indices], self.rows[indices])

    def within(self, bucket: Bucket) -> "Reviews":
        """The reviews whose length falls in the bucket."""
        return self.take(np.flatnonzero(bucket.holds(self.sequences.lengths)))


@dataclass(frozen=True)
class Dataset:
    """Everything a study reads."""

    train: Reviews
    validation: Reviews
    test: Reviews
    buckets: tuple[Bucket, ...]
    vocabulary: Vocabulary
    vocab_size: int  # ids a network knows: 0 ... vocab_size - 1
    unlabelled: Sequences  # further reviews, without a label, none of them in the test part
    leaked: np.ndarray  # <int64>[n], positions in the source of the test reviews whose text stands in the training part too
    summary: DataSummary

    @property
    def fingerprint(self) -> str:
        """Digest of ids, labels, split and buckets."""
        return self.summary.fingerprint

    @property
    def n_labelled(self) -> int:
        """Reviews that may be learned from: of the training and the validation part."""
        return len(self.train) + len(self.validation)

    def scope(self, bucket: str) -> "Dataset":
        """The dataset cut to one bucket, or itself for `all`.

        Raises:
            DataError: no bucket has this name.
        """
        if bucket == ALL:
            return self
        for candidate in self.buckets:
            if candidate.name == bucket:
                parts = {part: getattr(self, part).within(candidate) for part in ("train", "validation", "test")}
                return replace(self, buckets=(candidate,), **parts)
        raise DataError(f"no bucket is named {bucket!r}; buckets: {', '.join(b.name for b in self.buckets)}")

    def of(self, study: Study) -> "Dataset":
        """What this study reads: its scope, and so many of its training and validation reviews, all test reviews."""
        data = self.scope(study.bucket)
        share = study.n_reviews / data.n_labelled if study.n_reviews else 1.0
        if share >= 1:
            return data
        train, validation = (_first(part, data.buckets, share) for part in (data.train, data.validation))
        return replace(data, train=train, validation=validation)


# -- preparing ---------------------------------------------------------------------------------------------------------


def prepare(config: Config) -> Dataset:
    """Load, encode, split and bucket the reviews that the config names.

    Raises:
        DataError: the source cannot be used, or a bucket is too small to train on.
    """
    data, seed = config.data, config.run.seed
    source = load(data, seed)
    rng = np.random.default_rng([seed, len(source.labels)])
    is_test = source.is_test if source.is_test is not None else _draw(source.labels, data.test_fraction, rng)
    if data.unlabelled and not source.unlabelled:
        raise DataError(
            f"data.unlabelled: {source.title} has no unlabelled reviews; aclImdb has them in train/unsup, a table in rows whose "
            f"{data.split_column} is unsup. Choose such a data.source, or data.unlabelled=False"
        )
    sequences, further, vocabulary = _encode(source, is_test, data)
    reviews = Reviews(sequences, source.labels, np.arange(len(source.labels)))
    train, test = reviews.take(np.flatnonzero(~is_test)), reviews.take(np.flatnonzero(is_test))

    keys_train, keys_test = _text_keys(train.sequences), _text_keys(test.sequences)
    tested = set(keys_test)
    leaked = set(keys_train) & tested
    leaked_tests = test.rows[[key in leaked for key in keys_test]]
    unlabelled = further.take(np.flatnonzero([key not in tested for key in _text_keys(further)]))
    counts = _Counts(
        duplicates_train=len(keys_train) - len(set(keys_train)),
        duplicates_test=len(keys_test) - len(tested),
        leaked=len(leaked),
        unlabelled=len(unlabelled),
        unlabelled_dropped=len(further) - len(unlabelled),
    )
    if data.drop_leaked and leaked:
        kept = np.flatnonzero([key not in leaked for key in keys_train])
        counts = replace(counts, leaked_dropped=len(train) - len(kept))
        train = train.take(kept)

    whole_train = train
    buckets = cut_buckets(config.compare, train.sequences.lengths)
    train = _subsample(train, buckets, data.max_train_per_bucket, rng)
    strata = _bucket_numbers(buckets, train.sequences.lengths) * 2 + train.labels
    is_validation = _draw(strata, data.validation_fraction, rng)
    validation, train = train.take(np.flatnonzero(is_validation)), train.take(np.flatnonzero(~is_validation))
    vocab_size = min(data.vocab_size, len(vocabulary.words) + FIRST_WORD)
    fingerprint = _fingerprint((train, validation, test), unlabelled, buckets, vocab_size)
    summary = _summarise(
        source, whole_train, (train, validation, test), buckets, vocabulary, vocab_size, data, counts, fingerprint
    )
    dataset = Dataset(train, validation, test, buckets, vocabulary, vocab_size, unlabelled, leaked_tests, summary)
    if config.compare.scope != ALL:
        check_buckets(dataset)
    return dataset


@dataclass(frozen=True)
class _Counts:
    duplicates_train: int
    duplicates_test: int
    leaked: int
    unlabelled: int
    unlabelled_dropped: int
    leaked_dropped: int = 0


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
        positive = int(parts.train.labels.sum())
        negative = len(parts.train) - positive
        if min(positive, negative) < SMALLEST_CLASS or len(parts.test) == 0 or len(np.unique(parts.validation.labels)) < 2:
            problems.append(
                f"bucket {bucket.name} is too small to train on: {negative} negative and {positive} positive training, "
                f"{len(parts.validation)} validation and {len(parts.test)} test reviews"
            )
    if problems:
        need = f"each needs {SMALLEST_CLASS} training reviews of both classes, both in validation, and a test review"
        raise DataError("; ".join(problems) + f"; {need}. Change compare.bucket_edges or bring more reviews")


def _encode(source: SourceReviews, is_test: np.ndarray, data: Data) -> tuple[Sequences, Sequences, Vocabulary]:
    """Ids of the reviews and of the unlabelled ones, and the vocabulary, in which no test text has a part."""
    if source.sequences is not None and data.tokens == "subwords":
        raise DataError(
            f"data.tokens: {source.title} has ids of words and no texts to learn subwords from; "
            "choose a data.source with texts (aclImdb, or a table), or data.tokens=words"
        )
    if source.sequences is not None:
        return source.sequences, Sequences.from_lists([]), Vocabulary(source.words or (), drops_unknown=True)
    texts = source.texts or []
    if data.tokens == "subwords":
        vocabulary = learn_pieces(_learnable(source, is_test, data), data.vocab_size)
    elif data.word_index:
        from data.sources.imdb import read_word_index

        vocabulary = Vocabulary(read_word_index(Path(data.word_index).expanduser()), drops_unknown=True)
    else:
        vocabulary = learn_vocabulary(_learnable(source, is_test, data), data.min_frequency)
    encoded, further = (Sequences.from_lists(vocabulary.encode(text) for text in each) for each in (texts, source.unlabelled))
    return encoded, further, vocabulary


def _learnable(source: SourceReviews, is_test: np.ndarray, data: Data) -> list[str]:
    """The texts that a vocabulary is learned from: those that are trained on, and the unlabelled ones that are no test text."""
    texts = source.texts or []
    train = [text for text, test in zip(texts, is_test, strict=True) if not test]
    if not data.drop_leaked and not source.unlabelled:
        return train
    tested = {tuple(tokenize(text)) for text, test in zip(texts, is_test, strict=True) if test}
    kept = [text for text in train if tuple(tokenize(text)) not in tested] if data.drop_leaked else train
    return kept + [text for text in source.unlabelled if tuple(tokenize(text)) not in tested]


def _draw(strata: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """`<bool>[n]`, True for the drawn fraction of every stratum (rounded, at least one)."""
    drawn = np.zeros(len(strata), dtype=bool)
    for stratum in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        drawn[members[: max(1, round(len(members) * fraction))]] = True
    return drawn


def _subsample(train: Reviews, buckets: tuple[Bucket, ...], limit: int, rng: np.random.Generator) -> Reviews:
    """At most `limit` reviews of every bucket, keeping the share of each class; all of them for 0."""
    if not limit:
        return train
    numbers, chosen = _bucket_numbers(buckets, train.sequences.lengths), []
    for number in range(len(buckets)):
        members = np.flatnonzero(numbers == number)
        if len(members) > limit:
            positive = rng.permutation(members[train.labels[members] == 1])
            negative = rng.permutation(members[train.labels[members] == 0])
            n_positive = round(limit * len(positive) / len(members))
            members = np.concatenate([positive[:n_positive], negative[: limit - n_positive]])
        chosen.append(members)
    return train.take(np.sort(np.concatenate(chosen)))


def _first(reviews: Reviews, buckets: tuple[Bucket, ...], share: float) -> Reviews:
    """This share of each class, every bucket alike and at least one review; a larger share holds all of a smaller one."""
    rng, numbers, chosen = np.random.default_rng(len(reviews)), _bucket_numbers(buckets, reviews.sequences.lengths), []
    for label in (0, 1):
        members, place = np.flatnonzero(reviews.labels == label), np.empty(len(reviews))
        for number in range(len(buckets)):
            inside = rng.permutation(members[numbers[members] == number])
            place[inside] = (np.arange(len(inside)) + rng.uniform()) / max(1, len(inside))
        chosen.append(members[np.argsort(place[members], kind="stable")][: max(1, round(share * len(members)))])
    return reviews.take(np.sort(np.concatenate(chosen)))


def _bucket_numbers(buckets: tuple[Bucket, ...], lengths: np.ndarray) -> np.ndarray:
    return np.searchsorted([b.high for b in buckets[:-1] if b.high is not None], lengths)


def _text_keys(sequences: Sequences) -> list[bytes]:
    return [sequences[i].tobytes() for i in range(len(sequences))]


# -- describing --------------------------------------------------------------------------------------------------------


def _summarise(
    source: SourceReviews,
    whole_train: Reviews,
    parts: tuple[Reviews, Reviews, Reviews],
    buckets: tuple[Bucket, ...],
    vocabulary: Vocabulary,
    vocab_size: int,
    data: Data,
    counts: _Counts,
    fingerprint: str,
) -> DataSummary:
    train, validation, test = parts
    lengths = whole_train.sequences.lengths
    edges = np.arange(0, max(int(np.quantile(lengths, 0.99)), 50) + 26, 25)
    edges[-1] = max(edges[-1], lengths.max() + 1)  # the last bar holds the longest per cent
    histograms = [np.histogram(lengths[whole_train.labels == label], edges)[0] for label in (0, 1)]
    tokens = train.sequences.values
    return DataSummary(
        title=source.title,
        fingerprint=fingerprint,
        is_demo=source.is_demo,
        buckets=tuple(_bucket_summary(bucket, parts, data.max_length) for bucket in buckets),
        n_train=len(train),
        n_validation=len(validation),
        n_test=len(test),
        n_unlabelled=counts.unlabelled,
        unlabelled_dropped=counts.unlabelled_dropped,
        vocabulary=vocab_size,
        words_in_source=len(vocabulary.words),
        oov_share=float(np.mean((tokens >= vocab_size) | (tokens == OOV))),
        duplicates_train=counts.duplicates_train,
        duplicates_test=counts.duplicates_test,
        leaked=counts.leaked,
        leaked_dropped=counts.leaked_dropped,
        length_quantiles={f"{q:.0%}": int(np.quantile(lengths, q)) for q in (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)},
        histogram_edges=tuple(edges.tolist()),
        histogram_negative=tuple(histograms[0].tolist()),
        histogram_positive=tuple(histograms[1].tolist()),
        notes=source.notes,
    )


def _bucket_summary(bucket: Bucket, parts: tuple[Reviews, Reviews, Reviews], max_length: int) -> BucketSummary:
    train, validation, test = (bucket.holds(part.sequences.lengths) for part in parts)
    lengths, test_labels = parts[0].sequences.lengths[train], parts[2].labels[test]
    return BucketSummary(
        name=bucket.name,
        low=bucket.low,
        high=bucket.high,
        n_train=int(train.sum()),
        n_validation=int(validation.sum()),
        n_test=int(test.sum()),
        positive_share_test=float(test_labels.mean()) if len(test_labels) else 0.0,
        truncated_share=float((lengths > max_length).mean()) if len(lengths) else 0.0,
    )


def _fingerprint(parts: tuple[Reviews, ...], unlabelled: Sequences, buckets: tuple[Bucket, ...], vocab_size: int) -> str:
    digest = hashlib.sha256(json.dumps([[b.name for b in buckets], vocab_size]).encode())
    arrays = [array for part in parts for array in (part.sequences.values, part.sequences.offsets, part.labels, part.rows)]
    for array in (*arrays, unlabelled.values, unlabelled.offsets):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


# -- batching ----------------------------------------------------------------------------------------------------------


def network_ids(sequences: Sequences, vocab_size: int, max_length: int, truncate: str) -> list[IdArray]:
    """What a network reads: ids outside its vocabulary become 2, and at most `max_length` tokens stay.

    Args:
        sequences: whole reviews.
        vocab_size: ids from here on are out of vocabulary.
        max_length: tokens kept of a longer review.
        truncate: keep its `head`, its `tail`, or half of `both`.
    """
    known = known_ids(sequences, vocab_size)
    return [truncated(known[i], max_length, truncate) for i in range(len(known))]


def known_ids(sequences: Sequences, vocab_size: int) -> Sequences:
    """Whole reviews with 2, out of vocabulary, for every id from `vocab_size` on."""
    return Sequences(np.where(sequences.values < vocab_size, sequences.values, OOV).astype(np.int32), sequences.offsets)


def truncated(ids: IdArray, max_length: int, truncate: str) -> IdArray:
    """The ids that a network reads of a longer review: its `head`, its `tail`, or half of `both`."""
    if len(ids) <= max_length:
        return ids
    head = {"head": max_length, "tail": 0, "both": max_length // 2}[truncate]
    return np.concatenate([ids[:head], ids[len(ids) - (max_length - head) :]])


def ladder(lengths: np.ndarray, cost_of_rung: float) -> np.ndarray:
    """The padded lengths that cost least in all, `<int64>[rungs]`, ascending: padding against one program more to compile.

    Dynamic programming over quantiles of the lengths and evenly spaced ratios; the last rung holds the longest review.

    Args:
        lengths: tokens of each review, `<int64>[reviews]`.
        cost_of_rung: what compiling for one more length costs, in padded cells that one pass over the reviews would save.
    """
    ascending = np.sort(lengths)
    ratios = np.geomspace(ascending[0], ascending[-1], _CANDIDATES).round().clip(max=ascending[-1])
    quantiles = ascending[np.arange(1, _CANDIDATES + 1) * len(ascending) // _CANDIDATES - 1]
    candidates = np.unique([quantiles, ascending[np.searchsorted(ascending, ratios)]])
    held = np.searchsorted(ascending, candidates, side="right")  # reviews that fit under each candidate
    cells = held * candidates  # read when everything up to a candidate is padded to it: one rung
    extra = np.maximum(held[None] - held[:, None], 0) * candidates[None]  # [below, candidate], of one rung more
    best, chosen = [[i] for i in range(len(candidates))], [len(candidates) - 1]
    least = float(cells[-1]) + cost_of_rung
    for rungs in range(2, len(candidates) + 1):
        totals = cells[:, None] + extra  # extra is 0 on the diagonal: a rung need not be used
        below = totals.argmin(axis=0)
        best = [[*best[i], j] for j, i in enumerate(below)]
        cells = totals.min(axis=0)
        if cells[-1] + rungs * cost_of_rung < least:
            least, chosen = float(cells[-1] + rungs * cost_of_rung), best[-1]
    return candidates[sorted(set(chosen))]


def plan_batches(lengths: np.ndarray, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Positions of each batch's reviews: neighbours in length together, so that little is padded, the batches shuffled.

    Who is whose neighbour is drawn anew each time: lengths count as up to `_JITTER` longer or shorter than they are.

    Args:
        lengths: tokens of each review, `<int64>[reviews]`.
        batch_size: reviews per batch at most; all batches hold the same number, give or take one.
        rng: draws the jitter and the order of the batches.
    """
    order = np.argsort(lengths * rng.uniform(1 - _JITTER, 1 + _JITTER, len(lengths)), kind="stable")
    batches = np.array_split(order, -(-len(order) // batch_size))
    return [batches[i] for i in rng.permutation(len(batches))]


def pad(rows: list[IdArray], length: int) -> np.ndarray:
    """Right-pad with 0 to this length, `<int32>[batch, length]`.

    Raises:
        ValueError: a review of length zero, which no network can read.
    """
    if min(len(row) for row in rows) == 0:
        raise ValueError("a review has no tokens at all; encode() always gives at least the start token")
    padded = np.full((len(rows), length), PADDING, dtype=np.int32)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded
