"""The counts that evidence is read from, one file a scope: made once, before the studies start, and mapped into every worker.

The n-grams are those of all texts that may be learned from, whoever's labels are counted: numbering them asks for no label.
A study counts the labels of its own training reviews, never those of validation or test reviews; a point of a learning curve
those of its own reviews; a fine-tuned generalist keeps the counts of its generalist.

Pseudo-labels (Yarowsky 1995, Unsupervised word sense disambiguation rivaling supervised methods, ACL; Lee 2013, Pseudo-label,
ICML workshop) are what a linear model of the same training reviews says of texts without a label, for this study: those that
belong to no review of its scope. Their counts stand beside those of the training labels. Since the linear model knows the labels
of the training reviews, these read counts by other models, one a fold, that have not seen their fold (cross-fitting): reading
those of the one model, networks with shuffled labels learn them from texts that share rare words with a review (see LOG.md).
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from scipy.sparse import csc_array, csr_array

from analysis.search_size import largest, readers_of_evidence
from data.ngrams import Tally, collect
from data.types import Dataset, Reviews, Sequences
from engine.arrays import class_probabilities, predicted
from experiment import baseline
from experiment.baseline import Counted
from experiment.devices import cores
from models.evidence import Counts, groups_of
from models.roster import Roster
from records.files import atomic
from records.study import LinearForm, Study
from saver import RunFolder

FEWEST = 2  # texts that hold an n-gram: one that a single text holds says nothing of any other
TEACHER = LinearForm(n=2, min_df=2, C=1.0)  # of the linear model that gives pseudo-labels
FOLDS = 2


def prepare(dataset: Dataset, scopes: dict[Study, Dataset], roster: Roster, folder: RunFolder) -> None:
    """Write the n-grams and every scope's counts that are not there yet.

    What is written follows from all contenders of the run, whichever of their studies come first: files that are there are
    those that a later call, for other studies, would write.

    Args:
        dataset: all of it.
        scopes: a study of each scope, and what that study reads.
        roster: of the run; a contender of it reads evidence.
        folder: of the run.
    """
    configs = [entry.config for entry in readers_of_evidence(roster)]
    order = max(int(largest(config.space.evidence)) for config in configs)
    with_pseudo_labels = any(config.model.pseudo_labels for config in configs)
    missing = [(study, data) for study, data in scopes.items() if not folder.evidence_folds(study).is_file()]
    if not missing:
        return
    corpus = Corpus(dataset, order)
    folder.ngrams.mkdir(parents=True, exist_ok=True)
    corpus.ngrams.save(folder.ngrams)

    def count(study: Study, data: Dataset) -> None:
        folds = folds_of(data.train)
        if with_pseudo_labels:
            for fold, counts in corpus.pseudo_counts(data, folds).items():
                _keep(counts, folder.pseudo_evidence(study, fold))
        _keep(corpus.counts(data.train), folder.evidence(study))
        with atomic(folder.evidence_folds(study)) as temporary, temporary.open("wb") as file:  # last: the scope is done
            np.save(file, np.stack([data.train.rows, folds]), allow_pickle=False)

    with ThreadPoolExecutor(cores()) as pool:  # the linear models and the products of matrices run beside each other
        list(pool.map(lambda scope: count(*scope), missing))


def _keep(counts: Counts, path: Path) -> None:
    with atomic(path) as temporary:
        counts.save(temporary)


def folds_of(reviews: Reviews) -> np.ndarray:
    """The fold of each review, `<int8>[reviews]`: groups stay together, and each class is spread evenly, as far as that goes."""
    groups = groups_of(reviews.sequences)
    _, first = np.unique(groups, return_index=True)  # of each group
    rng, of_group = np.random.default_rng(len(reviews)), np.zeros(len(first), np.int8)
    for label in range(int(reviews.labels.max()) + 1):
        members = rng.permutation(np.flatnonzero(reviews.labels[first] == label))
        of_group[members] = np.arange(len(members)) % FOLDS
    return of_group[groups]


class Corpus:
    """All texts that may be learned from, and which of them holds which n-gram."""

    def __init__(self, dataset: Dataset, order: int) -> None:
        """Number the n-grams of the training, validation, unused and unlabelled texts."""
        labelled = (dataset.train, dataset.validation)
        texts = _joined([*(part.sequences for part in labelled), dataset.unused, dataset.unlabelled])
        self._n, self._n_classes = len(texts), len(dataset.classes)
        self._rows = np.concatenate([part.rows for part in labelled])  # in the source; those of the other texts are not asked for
        self._text = groups_of(texts)
        self.ngrams, held = collect(texts, order, FEWEST)
        starts = np.searchsorted(held.numbers, np.arange(len(self.ngrams) + 1))
        columns = csc_array((np.ones(len(held.reviews), np.float32), held.reviews, starts), (self._n, len(self.ngrams)))
        self._held: csr_array = columns.tocsr()

    def counts(self, reviews: Reviews) -> Counts:
        """The counts of these labelled reviews."""
        return self._counts(self._places(reviews), reviews.labels)

    def pseudo_counts(self, data: Dataset, folds: np.ndarray) -> dict[int | None, Counts]:
        """The counts of what linear models of the training reviews say of texts outside; nothing where there are none.

        No copy of a training or validation review is among these texts. There is nothing either where a fold holds all training
        reviews of a class, which leaves the model of the other fold nothing to tell apart.

        Args:
            data: of a scope.
            folds: of each training review.

        Returns:
            The counts by a model of all training reviews under None, and under each fold those by a model of the other folds.
        """
        mine = np.concatenate([self._places(part) for part in (data.train, data.validation)])
        others = np.flatnonzero(~np.isin(self._text, self._text[mine]))
        is_learnable = all(np.isin(range(self._n_classes), data.train.labels[folds != fold]).all() for fold in range(FOLDS))
        if not len(others) or not is_learnable:
            return {}
        found = dict[int | None, Counts]()
        for fold in (None, *range(FOLDS)):
            learned = data.train if fold is None else data.train.take(np.flatnonzero(folds != fold))
            found[fold] = self._counts(others, predicted(class_probabilities(self._teach(learned)[others])))
        return found

    def _teach(self, reviews: Reviews) -> np.ndarray:
        """The logits of every text, `<float64>[texts, classes - 1]`, by a linear model of these reviews."""
        held = self._held[self._places(reviews)]
        holders = np.repeat(np.arange(len(reviews), dtype=np.int32), np.diff(held.indptr))
        tally = Tally(len(reviews), holders, held.indices.astype(np.int32), np.ones(held.nnz, np.int32))
        counted = Counted(self.ngrams, tally, reviews.labels.astype(np.int64), self._n_classes)
        model = next(baseline.fitted("nb_linear", counted, [TEACHER], seed=0))
        return self._held @ model.weights + model.intercepts

    def _counts(self, places: np.ndarray, labels: np.ndarray) -> Counts:
        indicator = np.zeros((self._n, self._n_classes), np.float32)
        indicator[places, labels] = 1
        return Counts((self._held.T @ indicator).astype(np.int32), np.bincount(labels, minlength=self._n_classes))

    def _places(self, reviews: Reviews) -> np.ndarray:
        """The places of labelled reviews among the texts, `<int64>[reviews]`."""
        order = np.argsort(self._rows)
        return order[np.searchsorted(self._rows, reviews.rows, sorter=order)]


def _joined(parts: list[Sequences]) -> Sequences:
    lengths = np.concatenate([part.lengths for part in parts])
    return Sequences(np.concatenate([part.values for part in parts]), np.concatenate([[0], np.cumsum(lengths)]))
