"""The scores of a repeat: what its trained model says of the test reviews, bucket by bucket."""

from collections.abc import Callable

import numpy as np

from analysis.scores import score
from config import Config
from data.types import Dataset, Reviews
from records.study import Score, Study


def scores_by_bucket(data: Dataset, logits: np.ndarray, temperature: float | None) -> tuple[Score, ...]:
    """The scores of one model on each bucket of a scope that has test reviews.

    Args:
        data: of the scope.
        logits: `<float>[test reviews, classes - 1]`.
        temperature: fitted on validation reviews; None without them.
    """
    test, lengths, leaked = data.test, data.test.sequences.lengths, np.isin(data.test.rows, data.leaked)
    inside = ((bucket.name, bucket.holds(lengths)) for bucket in data.buckets)
    return tuple(
        score(name, data.classes, test.labels[at], logits[at], leaked[at], temperature) for name, at in inside if at.any()
    )


def scores_elsewhere(
    study: Study, config: Config, dataset: Dataset, predict: Callable[[Reviews], np.ndarray], temperature: float | None
) -> tuple[Score, ...]:
    """The scores of a specialist on the test reviews of the buckets that it is not for; none unless the config asks for them.

    Args:
        study: whose model it is.
        config: of the run.
        dataset: all of it.
        predict: gives the model's logits for each review.
        temperature: fitted on validation reviews; None without them.
    """
    if not config.compare.cross_lengths or study.scope != "bucket" or study.n_reviews:
        return ()
    scores = []
    for bucket in dataset.buckets:
        reviews = dataset.test.within(bucket)
        if bucket.name != study.bucket and len(reviews):
            leaked = np.isin(reviews.rows, dataset.leaked)
            scores.append(score(bucket.name, dataset.classes, reviews.labels, predict(reviews), leaked, temperature))
    return tuple(scores)


def predictions(data: Dataset, logits: np.ndarray, validation: np.ndarray) -> dict[str, np.ndarray]:
    """What the run folder keeps of one model's logits, see `RunFolder.load_predictions`.

    Args:
        data: of the study's scope.
        logits: `<float>[test reviews, classes - 1]`.
        validation: the same of the validation reviews, or of none for a model that has learned from them.
    """
    return {
        "rows": data.test.rows,
        "labels": data.test.labels,
        "logits": logits,
        "lengths": data.test.sequences.lengths,
        "leaked": np.isin(data.test.rows, data.leaked),
        "validation_labels": data.validation.labels[: len(validation)],
        "validation_logits": validation,
        "validation_lengths": data.validation.sequences.lengths[: len(validation)],
    }
