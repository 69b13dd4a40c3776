"""The counts of a run: whose labels are in them, and what a training review does not read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from config import Compare, Config, Contender
from data.types import Dataset
from experiment.evidence import Corpus, folds_of, prepare
from models.evidence import Informed, groups_of, load, load_by_fold
from models.roster import Roster
from records.study import Study
from saver import RunFolder

STUDY = Study("gru", "0-150")
ROSTER = Roster.of(
    Config(
        compare=Compare(
            architectures=(
                "gru",
                Contender("gru", "Of words", set={"space.evidence": 1}),
                Contender("gru", "Guessing", set={"space.evidence": 3, "model.pseudo_labels": True}),
            )
        )
    )
)


@pytest.fixture(scope="module")
def corpus(demo_data: Dataset) -> Corpus:
    return Corpus(demo_data, 3)


@pytest.fixture(scope="module")
def scope(demo_data: Dataset) -> Dataset:
    return demo_data.scope(demo_data.buckets[0].name)


def test_the_training_labels_of_the_scope_are_counted_and_no_other(corpus: Corpus, scope: Dataset) -> None:
    counts = corpus.counts(scope.train)
    numbers = corpus.ngrams.find(scope.train.sequences.values)
    review = np.repeat(np.arange(len(scope.train)), scope.train.sequences.lengths)
    for ngram in (0, 5, len(corpus.ngrams) // 2, len(corpus.ngrams) - 1):
        holders = np.unique(review[(numbers == ngram).any(axis=1)])
        assert counts.held[ngram].tolist() == np.bincount(scope.train.labels[holders], minlength=2).tolist()
    assert counts.reviews.tolist() == np.bincount(scope.train.labels).tolist()


def test_no_label_but_those_of_training_changes_what_a_study_reads(demo_data: Dataset, scope: Dataset) -> None:
    def turned(data: Dataset) -> Dataset:
        validation, test = (replace(part, labels=1 - part.labels) for part in (data.validation, data.test))
        return replace(data, validation=validation, test=test)

    found = []
    for data, part in ((demo_data, scope), (turned(demo_data), turned(scope))):
        corpus = Corpus(data, 2)
        found.append([corpus.counts(part.train), *corpus.pseudo_counts(part, folds_of(part.train)).values()])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(mine.held, theirs.held)


def test_pseudo_labels_are_of_texts_outside_the_scope_and_of_models_that_have_not_seen_a_fold(
    corpus: Corpus, scope: Dataset, demo_data: Dataset
) -> None:
    folds = folds_of(scope.train)
    counts = corpus.pseudo_counts(scope, folds)
    assert set(counts) == {None, 0, 1}
    outside = len(demo_data.train) + len(demo_data.validation) - len(scope.train) - len(scope.validation)
    assert {int(each.reviews.sum()) for each in counts.values()} == {outside + len(demo_data.unused) + len(demo_data.unlabelled)}
    turned = replace(scope.train, labels=np.where(folds == 0, 1 - scope.train.labels, scope.train.labels))
    others = corpus.pseudo_counts(replace(scope, train=turned), folds)
    np.testing.assert_array_equal(counts[0].held, others[0].held)  # what fold 0 reads knows no label of fold 0
    assert (counts[1].held != others[1].held).any()


def test_a_generalist_without_further_texts_has_no_pseudo_labels(corpus: Corpus, demo_data: Dataset) -> None:
    assert corpus.pseudo_counts(demo_data, folds_of(demo_data.train)) == {}


def test_a_class_of_a_single_review_leaves_nothing_to_guess_with(corpus: Corpus, scope: Dataset) -> None:
    few = scope.train.take(np.r_[np.flatnonzero(scope.train.labels == 0)[:9], np.flatnonzero(scope.train.labels == 1)[:1]])
    assert corpus.pseudo_counts(replace(scope, train=few), folds_of(few)) == {}


def test_copies_share_a_fold_and_folds_hold_as_many_of_each_class(scope: Dataset) -> None:
    train = scope.train.take(np.r_[np.arange(len(scope.train)), np.arange(10)])
    folds, groups = folds_of(train), groups_of(train.sequences)
    for group in groups[:10]:
        assert len(set(folds[groups == group].tolist())) == 1
    for label in (0, 1):
        sizes = np.bincount(folds[train.labels == label])
        assert abs(int(sizes[0]) - int(sizes[1])) <= 12


def test_counts_are_made_once_and_read_back(demo_data: Dataset, scope: Dataset, corpus: Corpus, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    prepare(demo_data, {STUDY: scope}, ROSTER, folder)
    evidence = load(folder, STUDY, with_pseudo_labels=True)
    assert evidence.width(3) == 6
    np.testing.assert_array_equal(evidence.counts[0].held, corpus.counts(scope.train).held)
    folds, by_fold = load_by_fold(folder, STUDY, evidence, scope.train)
    assert folds.tolist() == folds_of(scope.train).tolist() and len(by_fold) == 2
    some = np.array([7, 3, 40])
    of_some, _ = load_by_fold(folder, STUDY, evidence, scope.train.take(some))
    assert of_some.tolist() == folds[some].tolist()  # as where a generalist is trained on with a bucket's reviews
    _, sums = Informed(scope.train, 100, "tail", by_fold, folds).read(np.arange(4), 3)
    assert sums.shape == (4, 6) and np.isfinite(sums).all()
    written = folder.evidence(STUDY).stat().st_mtime_ns
    prepare(demo_data, {STUDY: scope}, ROSTER, folder)
    assert folder.evidence(STUDY).stat().st_mtime_ns == written
    folder.remove_folds()
    assert load(folder, STUDY, with_pseudo_labels=True).width(1) == 2
    assert load(folder, STUDY, with_pseudo_labels=False).width(3) == 3


def test_files_are_the_same_whichever_contenders_study_comes_first(demo_data: Dataset, scope: Dataset, tmp_path: Path) -> None:
    written = []
    for contender in ("of_words", "guessing"):
        folder = RunFolder(tmp_path / contender)
        prepare(demo_data, {Study(contender, STUDY.bucket): scope}, ROSTER, folder)
        written.append({path.relative_to(folder.path): path.read_bytes() for path in folder.ngrams.rglob("*.npy")})
    assert written[0] == written[1] and len(written[0]) == 8
    folder = RunFolder(tmp_path / "of_words")
    folder.remove_folds()  # as at the end of a run
    folder.evidence(STUDY).unlink()
    prepare(demo_data, {Study("of_words", STUDY.bucket): scope}, ROSTER, folder)
    assert {path.relative_to(folder.path): path.read_bytes() for path in folder.ngrams.rglob("*.npy")} == written[0]
