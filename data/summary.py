"""What the report says about the reviews, computed from a dataset."""

import numpy as np

from data.coverage import known_share
from data.types import PARTS, Bucket, Dataset, Reviews
from data.vocabulary import OOV
from records.summary import BucketSummary, DataSummary

_BAR, _BARS = 25, 15  # tokens, the width of a histogram's bar; bars of a histogram of short reviews, which are narrower
_QUANTILES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)


def summarise(dataset: Dataset) -> DataSummary:
    """Counts, lengths and shares of a whole dataset, for people and for the report."""
    origin = dataset.origin
    blocks = (block.values for block in dataset.train.sequences.blocks())
    n_unknown = sum(int(((ids >= dataset.vocab_size) | (ids == OOV)).sum()) for ids in blocks)
    edges, histograms = _histograms(dataset)
    return DataSummary(
        title=origin.title,
        fingerprint=dataset.fingerprint,
        is_demo=origin.is_demo,
        classes=dataset.classes,
        class_counts={part: _class_counts(getattr(dataset, part), len(dataset.classes)) for part in PARTS},
        buckets=tuple(_summarise_bucket(bucket, dataset) for bucket in dataset.buckets),
        n_train=len(dataset.train),
        n_validation=len(dataset.validation),
        n_test=len(dataset.test),
        n_unused=len(dataset.unused),
        n_unlabelled=len(dataset.unlabelled),
        unlabelled_dropped=origin.unlabelled_dropped,
        vocabulary=dataset.vocab_size,
        words_in_source=len(dataset.vocabulary.words),
        oov_share=n_unknown / int(dataset.train.sequences.offsets[-1]),
        validation_known_share=known_share(dataset),
        duplicates_train=origin.duplicates_train,
        duplicates_test=origin.duplicates_test,
        leaked=origin.leaked,
        leaked_dropped=origin.leaked_dropped,
        length_quantiles={f"{q:.0%}": int(np.quantile(dataset.whole_lengths, q)) for q in _QUANTILES},
        histogram_edges=edges,
        histograms=histograms,
        notes=origin.notes,
    )


def _class_counts(reviews: Reviews, n_classes: int) -> tuple[int, ...]:
    return tuple(np.bincount(reviews.labels, minlength=n_classes).tolist())


def _histograms(dataset: Dataset) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Edges of the bars in tokens, and for each class the number of its reviews in each bar."""
    lengths, labels = dataset.whole_lengths, dataset.whole_labels
    long = int(np.quantile(lengths, 0.99))
    bar = _BAR if long > 3 * _BAR else max(1, -(-long // _BARS))
    edges = np.arange(0, max(long, 2 * bar) + bar + 1, bar)
    edges[-1] = max(edges[-1], lengths.max() + 1)  # the last bar holds the longest per cent
    counts = (np.histogram(lengths[labels == label], edges)[0] for label in range(len(dataset.classes)))
    return tuple(edges.tolist()), tuple(tuple(each.tolist()) for each in counts)


def _summarise_bucket(bucket: Bucket, dataset: Dataset) -> BucketSummary:
    train, validation, test = (bucket.holds(part.sequences.lengths) for part in (dataset.train, dataset.validation, dataset.test))
    lengths, test_labels = dataset.train.sequences.lengths[train], dataset.test.labels[test]
    return BucketSummary(
        name=bucket.name,
        low=bucket.low,
        high=bucket.high,
        n_train=int(train.sum()),
        n_validation=int(validation.sum()),
        n_test=int(test.sum()),
        class_shares_test=tuple(
            float((test_labels == label).mean()) if len(test_labels) else 0.0 for label in range(len(dataset.classes))
        ),
        truncated_share=float((lengths > dataset.max_length).mean()) if len(lengths) else 0.0,
    )
