"""Evidence: the formula, what a training review must not read, and what becomes of it in a network."""

from dataclasses import replace

import numpy as np
import pytest

from data.batches import network_ids
from data.ngrams import NGrams, collect, shared_out
from data.types import Reviews, Sequences
from experiment.network import Examples
from models.evidence import Counts, Evidence, Informed, evidence_for, groups_of, inputs_of
from tests.networks import fit_plan, shared_network

GOOD, BAD, FILM, NOT, RARE = 4, 5, 6, 7, 8
TEXTS = ([GOOD, FILM], [GOOD, FILM, GOOD], [BAD, FILM], [NOT, GOOD], [NOT, BAD, FILM], [BAD, RARE])
LABELS = np.array([1, 1, 0, 0, 1, 0], np.int8)


def reviews(texts: tuple[list[int], ...] = TEXTS, labels: np.ndarray = LABELS) -> Reviews:
    sequences = Sequences.from_lists([1, *ids] for ids in texts)
    return Reviews(sequences, labels, np.arange(len(labels)))


def counted(of: Reviews, classes: int = 2) -> Evidence:
    ngrams, held = collect(of.sequences, 3, 1)
    return Evidence(ngrams, (Counts(held.counts(of.labels, len(ngrams), classes), np.bincount(of.labels, minlength=classes)),))


def told(of: Reviews, evidence: Evidence, folds: np.ndarray | None = None, order: int = 3) -> list[np.ndarray]:
    return Informed(of, 100, "tail", (evidence,), folds).read(np.arange(len(of)), order)[0]


def ratio(p: int, q: int, positive: int = 3, negative: int = 3) -> float:
    return float(np.log((p + 1) / (positive + 2)) - np.log((q + 1) / (negative + 2)))


def test_new_reviews_read_the_log_count_ratio_of_each_word_pair_and_triple_that_ends_there() -> None:
    evidence = counted(reviews())
    (read,) = told(reviews(([GOOD, FILM, GOOD],), np.array([0])), evidence)
    expected = np.array([[0, 0, 0], [ratio(2, 1), 0, 0], [ratio(3, 1), ratio(2, 0), 0], [ratio(2, 1), ratio(1, 0), ratio(1, 0)]])
    np.testing.assert_allclose(read, expected, rtol=1e-5)


def test_what_no_training_review_holds_reads_nothing() -> None:
    read, sums = counted(reviews()).read(Sequences.from_lists([[1, 99, GOOD], [1, 3, 2]]), 3)
    assert not read[[0, 1, 3, 4, 5]].any() and not read[2, 1:].any() and read[2, 0]
    assert sums[0, 0] == pytest.approx(read[2, 0] / np.sqrt(3)) and not sums[1].any()


def test_a_training_review_reads_the_counts_without_itself_and_an_ngram_of_its_own_reads_exactly_nothing() -> None:
    train = reviews()
    read = told(train, counted(train), np.zeros(len(train), np.int8))
    expected = np.array([[0, 0, 0], [ratio(1, 1), 0, 0], [ratio(2, 1), ratio(1, 0), 0]])
    np.testing.assert_allclose(read[0], expected, rtol=1e-5)
    assert not read[5][2].any()  # the rare word, and the pair that ends with it
    assert read[1][3, 2] == 0.0


def test_no_training_review_reads_its_own_label() -> None:
    """What it reads is the same whichever label it has, but for how many reviews of each class there are."""
    train = reviews()
    for position in range(len(train)):
        other = replace(train, labels=np.where(np.arange(len(train)) == position, 1 - train.labels, train.labels))
        sides = []
        for each in (train, other):
            ngrams, held = collect(each.sequences, 3, 1)
            counts = Counts(held.counts(each.labels, len(ngrams), 2), np.array([3, 3]))
            sides.append(told(each, Evidence(ngrams, (counts,)), np.zeros(len(each), np.int8))[position])
        np.testing.assert_array_equal(sides[0], sides[1])


def test_copies_of_a_review_leave_together() -> None:
    train = reviews((*TEXTS, TEXTS[0], TEXTS[0]), np.array([*LABELS, 1, 0], np.int8))
    assert groups_of(train.sequences).tolist() == [0, 1, 2, 3, 4, 5, 0, 0]
    read = told(train, counted(train), np.zeros(len(train), np.int8))
    without = np.array([[0, 0, 0], [ratio(1, 1, 4, 4), 0, 0], [ratio(2, 1, 4, 4), ratio(1, 0, 4, 4), 0]])
    for copy in (0, 6, 7):
        np.testing.assert_allclose(read[copy], without, rtol=1e-5)


def test_more_classes_have_a_number_each_and_of_two_one_is_enough() -> None:
    counts, of = np.array([[3, 1, 0], [0, 0, 0]]), np.array([5, 4, 6])
    expected = [np.log((c + 1) / (n + 2)) - np.log((4 - c + 1) / (15 - n + 2)) for c, n in zip(counts[0], of, strict=True)]
    np.testing.assert_allclose(evidence_for(counts, of), [expected, [0, 0, 0]], rtol=1e-5)
    assert evidence_for(counts[:, :2], of[:2]).shape == (2, 1)
    three = counted(reviews(labels=np.array([0, 1, 2, 0, 1, 2])), classes=3)
    assert three.width(2) == 6 and three.lengths(2).tolist() == [1, 1, 1, 2, 2, 2]
    assert three.read(reviews().sequences, 2)[0].shape == (len(reviews().sequences.values), 6)


def test_a_truncated_review_is_told_the_same_of_the_words_it_reads_and_sums_over_all_of_them() -> None:
    evidence, long = counted(reviews()), reviews(([GOOD, FILM, GOOD, BAD, FILM],), np.array([1]))
    (whole,), sums = Informed(long, 100, "tail", (evidence,)).read(np.array([0]), 3)
    (tail,), of_tail = Informed(long, 2, "tail", (evidence,)).read(np.array([0]), 3)
    np.testing.assert_array_equal(tail, whole[-2:])
    np.testing.assert_array_equal(sums, of_tail)
    np.testing.assert_allclose(sums[0], whole.sum(axis=0) / np.sqrt(6), rtol=1e-5)


@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_a_second_epoch_reads_what_the_first_one_did(monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    monkeypatch.setattr("models.evidence.KEPT", kept)
    train = reviews()
    informed = Informed(train, 2, "tail", (counted(train),), np.zeros(len(train), np.int8))
    first, again = (informed.read(np.array(order), 3) for order in ([0, 1, 2], [2, 3, 0, 1]))
    assert (len(informed._kept.get(3, ())) == 4) == (kept > 0)
    for position, place in ((0, 2), (1, 3), (2, 0)):
        np.testing.assert_array_equal(first[0][position], again[0][place])
        np.testing.assert_array_equal(first[1][position], again[1][place])
    assert informed.read(np.array([0]), 1)[0][0].shape[1] == 1  # another order is not taken for it


def test_the_reviews_of_each_fold_read_its_own_pseudo_labels() -> None:
    train = reviews()
    labels = counted(train)
    ones, twos = (Counts(np.full_like(labels.counts[0].held, fill), np.array([9, 9])) for fill in (0, 2))
    ones.held[:, 1] = 5
    of = tuple(Evidence(labels.ngrams, (labels.counts[0], each)) for each in (ones, twos))
    folds = np.array([0, 1, 0, 1, 0, 1], np.int8)
    parts, _ = Informed(train, 100, "tail", of, folds).read(np.array([1, 0, 2]), 1)
    assert not parts[0][:, 1].any()  # as many of both classes
    np.testing.assert_allclose(parts[1][1:, 1], ratio(5, 0, 9, 9), rtol=1e-5)
    np.testing.assert_array_equal(parts[1][:, 0], told(train, labels, np.zeros(6, np.int8), 1)[0][:, 0])


def test_shares_of_ngrams_are_divided_equally_among_their_words() -> None:
    parts = np.array([[0, 0, 0], [1, 0, 0], [0, 4, 0], [0, 0, 9]], float)
    np.testing.assert_allclose(shared_out(parts, np.array([1, 2, 3])), [0, 1 + 2 + 3, 2 + 3, 3])


def test_counts_and_ngrams_come_back_from_the_disk_and_stay_there(tmp_path) -> None:  # type: ignore[no-untyped-def]
    evidence = counted(reviews())
    evidence.ngrams.save(tmp_path)
    evidence.counts[0].save(tmp_path / "labels.npy")
    back = Evidence(NGrams.load(tmp_path), (Counts.load(tmp_path / "labels.npy"),))
    assert not back.counts[0].held.flags.owndata and not back.counts[0].held.flags.writeable  # of a file, mapped for reading
    some = reviews().sequences
    for mine, theirs in zip(back.read(some, 3), evidence.read(some, 3), strict=True):
        np.testing.assert_array_equal(mine, theirs)


# -- in a network --------------------------------------------------------------------------------------------------------


def noise(n: int, seed: int) -> Reviews:
    """Reviews of frequent and of rare words, which say nothing about the labels."""
    rng = np.random.default_rng(seed)
    texts = tuple((4 + (600 ** rng.random(rng.integers(10, 30))).astype(int)).tolist() for _ in range(n))
    return reviews(texts, rng.permutation(np.arange(n) % 2).astype(np.int8))


def learned(*, leaves_out: bool) -> tuple[float, ...]:
    """The accuracy, in training and on validation, of a network that has learned from such reviews."""
    train, held = noise(400, 1), noise(400, 2)
    evidence = counted(train)
    network, plan = (
        shared_network(evidence=3, evidence_width=3, trains_vectors=False),
        fit_plan(epochs=4, evidence=3, keep="last"),
    )
    shown, validation = (
        Examples(network_ids(of.sequences, 30, 100, "tail"), of.labels, Informed(of, 100, "tail", (evidence,), folds))
        for of, folds in ((train, np.zeros(len(train), np.int8) if leaves_out else None), (held, None))
    )
    network.start(plan)
    network.fit(shown, validation, plan, lambda _: False)
    return tuple(float(np.mean((network.predict(each)[:, 0] >= 0) == each.labels)) for each in (shown, validation))


def test_with_shuffled_labels_a_network_stays_at_chance_and_without_the_leave_out_it_knows_them_by_heart() -> None:
    in_training, on_validation = learned(leaves_out=True)
    assert in_training < 0.62 and 0.42 < on_validation < 0.58
    in_training, on_validation = learned(leaves_out=False)
    assert in_training > 0.98 and 0.42 < on_validation < 0.58


def test_a_network_is_given_ids_evidence_and_sums_with_nothing_beside_padding() -> None:
    train = reviews()
    examples = Examples([train.sequences[i] for i in range(6)], LABELS, Informed(train, 100, "tail", (counted(train),)))
    readings = examples.read([0, 4], 2)
    ids = np.array([[1, GOOD, FILM, 0], [1, NOT, BAD, FILM], [1, 0, 0, 0]], np.int32)
    given, evidence, sums = inputs_of(readings, ids)
    assert given is ids and evidence.shape == (3, 4, 2) and sums.shape == (3, 2)
    assert evidence[0, 2].all() and not evidence[0, 3].any() and not evidence[2].any() and not sums[2].any()


def test_a_network_with_evidence_asks_for_it() -> None:
    train = reviews()
    with pytest.raises(ValueError, match="was given reviews without any"):
        Examples([train.sequences[0]], LABELS[:1]).read([0], 3)
