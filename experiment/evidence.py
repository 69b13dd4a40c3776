"""The counts that evidence is read from, one file a scope: made once, before the studies start, and mapped into every worker.

The n-grams are those of all texts that may be learned from, whoever's labels are counted: numbering them asks for no label.
A study counts the labels of its own training reviews, never those of validation or test reviews; a point of a learning curve
those of its own reviews; a fine-tuned generalist keeps the counts of its generalist.

Pseudo-labels (Yarowsky 1995, Unsupervised word sense disambiguation rivaling supervised methods, ACL; Lee 2013, Pseudo-label,
ICML workshop) are what a linear model of the same training reviews says of texts without a label, for this study: those that
belong to no review of its scope. Their counts stand beside those of the training labels.
"""

import numpy as np
from scipy.sparse import csc_array, csr_array
from sklearn.linear_model import LogisticRegression

from data.ngrams import collect
from data.types import Dataset, Reviews, Sequences
from models.evidence import Counts, log_count_ratios
from records.files import atomic
from records.study import Study
from saver import RunFolder

FEWEST = 2  # texts that hold an n-gram: one that a single text holds says nothing of any other
TEACHER_ORDER, TEACHER_C = 2, 1.0  # of the linear model that gives pseudo-labels
CLASSES = 2


def prepare(dataset: Dataset, scopes: dict[Study, Dataset], order: int, folder: RunFolder, *, with_pseudo_labels: bool) -> None:
    """Write the n-grams and every scope's counts that are not there yet.

    Args:
        dataset: all of it.
        scopes: a study of each scope, and what that study reads.
        order: words of the longest n-grams.
        folder: of the run.
        with_pseudo_labels: whether counts of pseudo-labels are asked for too.
    """
    missing = {study: data for study, data in scopes.items() if not folder.evidence(study).is_file()}
    if not missing:
        return
    corpus = _Corpus(dataset, order)
    folder.ngrams.mkdir(parents=True, exist_ok=True)
    corpus.ngrams.save(folder.ngrams)
    for study, data in missing.items():
        pseudo = corpus.pseudo_counts(data) if with_pseudo_labels else None
        if pseudo is not None:
            with atomic(folder.pseudo_evidence(study)) as temporary:
                pseudo.save(temporary)
        with atomic(folder.evidence(study)) as temporary:  # last: with it the scope is done
            corpus.counts(data.train).save(temporary)


class _Corpus:
    """All texts that may be learned from, and which of them holds which n-gram."""

    def __init__(self, dataset: Dataset, order: int) -> None:
        """Number the n-grams of the training, validation, unused and unlabelled texts."""
        labelled = (dataset.train, dataset.validation)
        texts = _joined([*(part.sequences for part in labelled), dataset.unused, dataset.unlabelled])
        self._n = len(texts)
        self._rows = np.concatenate([part.rows for part in labelled])  # in the source; those of the other texts are not asked for
        known = dict[bytes, int]()
        self._text = np.array([known.setdefault(texts[i].tobytes(), i) for i in range(self._n)])  # the same for copies
        self.ngrams, held = collect(texts, order, FEWEST)
        starts = np.searchsorted(held.numbers, np.arange(len(self.ngrams) + 1))
        columns = csc_array((np.ones(len(held.reviews), np.float32), held.reviews, starts), (self._n, len(self.ngrams)))
        self._held: csr_array = columns.tocsr()

    def counts(self, reviews: Reviews) -> Counts:
        """The counts of these labelled reviews."""
        return self._counts(self._places(reviews), reviews.labels)

    def pseudo_counts(self, data: Dataset) -> Counts | None:
        """The counts of what a linear model of the training reviews says of texts outside; None where there are none.

        No copy of a training or validation review is among them, since the model knows the labels of the first.
        """
        mine = np.concatenate([self._places(part) for part in (data.train, data.validation)])
        others = np.flatnonzero(~np.isin(self._text, self._text[mine]))
        if not len(others):
            return None
        return self._counts(others, (self._teach(data.train)[others] > 0).astype(int))

    def _teach(self, reviews: Reviews) -> np.ndarray:
        """The logit of every text, `<float64>[texts]`, by logistic regression on n-grams weighted by naive Bayes."""
        places, counts = self._places(reviews), self.counts(reviews)
        ratios = log_count_ratios(counts.held, counts.reviews)[:, 0].astype(np.float64)
        ratios[sum(self.ngrams.sizes[:TEACHER_ORDER]) :] = 0
        weighted = self._held[places].multiply(ratios).tocsr()
        weighted.eliminate_zeros()
        weighted.indices, weighted.indptr = weighted.indices.astype(np.int32), weighted.indptr.astype(np.int32)  # for liblinear
        model = LogisticRegression(solver="liblinear", dual=True, C=TEACHER_C, max_iter=200, random_state=0)
        model.fit(weighted, reviews.labels)
        return self._held @ (ratios * model.coef_[0]) + model.intercept_[0]

    def _counts(self, places: np.ndarray, labels: np.ndarray) -> Counts:
        indicator = np.zeros((self._n, CLASSES), np.float32)
        indicator[places, labels] = 1
        return Counts((self._held.T @ indicator).astype(np.int32), np.bincount(labels, minlength=CLASSES))

    def _places(self, reviews: Reviews) -> np.ndarray:
        """The places of labelled reviews among the texts, `<int64>[reviews]`."""
        order = np.argsort(self._rows)
        return order[np.searchsorted(self._rows, reviews.rows, sorter=order)]


def _joined(parts: list[Sequences]) -> Sequences:
    lengths = np.concatenate([part.lengths for part in parts])
    return Sequences(np.concatenate([part.values for part in parts]), np.concatenate([[0], np.cumsum(lengths)]))
