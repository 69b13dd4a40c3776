"""Laws of the vectors from co-occurrences: the definition, computed densely, on any number of threads, in any pieces."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from data import cooccurrence
from data.bigrams import NUMPY, bigram_rows
from data.types import Sequences

WORDS, WINDOW, WIDTH = 12, 3, 4


@pytest.fixture
def texts(rng: np.random.Generator) -> list[Sequences]:
    """Two parts, one of them with texts of no word and of one word."""
    skewed = rng.dirichlet(np.ones(WORDS))
    lists = [rng.choice(WORDS - 1, n, p=skewed[:-1] / skewed[:-1].sum()) for n in rng.integers(2, 30, 40)]
    return [Sequences.from_lists(lists[:25]), Sequences.from_lists([[], [WORDS - 1], *lists[25:], [WORDS - 1], []])]


def counted(texts: list[Sequences]) -> np.ndarray:
    """The counts by their definition."""
    counts = np.zeros((WORDS, WORDS))
    for part in texts:
        for n in range(len(part)):
            for i, word in enumerate(part[n]):
                for j in range(max(0, i - WINDOW), min(len(part[n]), i + WINDOW + 1)):
                    counts[word, part[n][j]] += 1 / abs(i - j) if i != j else 0
    return counts


def information(counts: np.ndarray) -> np.ndarray:
    """Positive pointwise mutual information by its definition."""
    contexts = counts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = counts * contexts.sum() / (counts.sum(axis=1, keepdims=True) * contexts)
        return np.maximum(np.nan_to_num(np.log(ratios), nan=0, neginf=0), 0)


def test_counts_are_those_of_the_definition_in_pieces_of_any_size(
    texts: list[Sequences], monkeypatch: pytest.MonkeyPatch
) -> None:
    for at_once in (1, 50, 10**6):
        monkeypatch.setattr(cooccurrence, "NEIGHBOURS_AT_ONCE", at_once)
        np.testing.assert_allclose(cooccurrence.count(texts, WORDS, WINDOW).toarray(), counted(texts), rtol=1e-6)
    nothing = cooccurrence.count([Sequences.from_lists([])], WORDS, WINDOW)
    assert nothing.shape == (WORDS, WORDS) and nothing.nnz == 0


def test_the_information_is_that_of_the_definition(texts: list[Sequences]) -> None:
    counts = cooccurrence.count(texts, WORDS, WINDOW)
    found = cooccurrence.positive_pmi(counts, counts.sum(axis=1)).toarray()
    np.testing.assert_allclose(found, information(counted(texts)), atol=1e-5)


def test_vectors_are_scaled_rows_of_a_dense_decomposition(texts: list[Sequences]) -> None:
    found = cooccurrence.space(texts, WORDS, WINDOW, WIDTH, seed=1).vectors
    dense = information(counted(texts))
    near_some = dense.max(axis=1) > 0
    left, values, _ = np.linalg.svd(dense)
    rows = (left[:, :WIDTH] * np.sqrt(values[:WIDTH]))[near_some]
    rows *= cooccurrence.ROOT_MEAN_SQUARE / np.sqrt((rows**2).mean(axis=1, keepdims=True))
    assert found.dtype == np.float32 and not near_some[-1]  # the last word stands alone wherever it stands
    assert np.isnan(found[~near_some]).all()
    signs = np.sign((found[near_some] * rows).sum(axis=0))  # a vector of a decomposition may be turned round
    np.testing.assert_allclose(found[near_some], rows * signs, atol=1e-3)


def test_with_fewer_words_than_numbers_the_last_numbers_are_zero(texts: list[Sequences]) -> None:
    found = cooccurrence.space(texts, WORDS, WINDOW, 20, seed=1).vectors
    assert found.shape == (WORDS, 20) and not found[:, WORDS:].any()
    found = found[np.isfinite(found[:, 0])]
    np.testing.assert_allclose(np.sqrt((found**2).mean(axis=1)), cooccurrence.ROOT_MEAN_SQUARE, rtol=1e-5)


def test_the_same_texts_give_the_same_bits_on_any_number_of_threads(rng: np.random.Generator) -> None:
    lists = np.minimum(rng.zipf(1.3, (300, 100)), 3_000) - 1
    found = []
    for threads in (1, 2, 2):
        with threadpool_limits(limits=threads):
            found.append(cooccurrence.space([Sequences.from_lists(lists)], 3_000, 5, 64, seed=1).vectors)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[1], found[2])


def test_words_around_pairs_are_counted_by_the_definition_in_pieces_of_any_size(
    texts: list[Sequences], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [Sequences(part.values + 1, part.offsets) for part in texts]  # ids from 1
    numbers = np.arange(-1, WORDS)
    numbers[3] = -1  # a word that is not counted, and keeps its place
    monkeypatch.setattr(cooccurrence, "FEWEST", 4)

    expected, times = np.zeros((61, WORDS)), np.zeros(61)
    for text in (part[n].tolist() for part in texts for n in range(len(part))):
        for place in range(1, len(text)):
            row = int(bigram_rows(NUMPY, np.array([text[place - 1 : place + 1]]), 61)[0, 1])
            times[row] += 1
            near = [(k, text[place + k]) for k in range(1, WINDOW + 1) if place + k < len(text)]
            near += [(k, text[place - 1 - k]) for k in range(1, WINDOW + 1) if place - 1 - k >= 0]
            for distance, word in near:
                if numbers[word] >= 0:
                    expected[row, numbers[word]] += 1 / distance
    assert ((times > 0) & (times < 4)).any()
    expected[times < 4] = 0
    for at_once in (1, 50, 10**6):
        monkeypatch.setattr(cooccurrence, "NEIGHBOURS_AT_ONCE", at_once)
        found = cooccurrence.count_around(texts, 61, numbers, WORDS, WINDOW)
        np.testing.assert_allclose(found.toarray(), expected, rtol=1e-5)
        assert found.nnz == np.count_nonzero(expected)


def test_a_word_folded_in_is_its_vector(texts: list[Sequences]) -> None:
    space = cooccurrence.space(texts, WORDS, WINDOW, WORDS, seed=1)
    near_some = np.isfinite(space.vectors[:, 0])
    found = space.fold_in(cooccurrence.count(texts, WORDS, WINDOW), WORDS)
    np.testing.assert_allclose(found[near_some], space.vectors[near_some], atol=2e-3)
    assert not found[~near_some].any()
    short, long = (space.fold_in(cooccurrence.count(texts, WORDS, WINDOW), width) for width in (3, WORDS + 2))
    assert short.shape == (WORDS, 3) and long.shape == (WORDS, WORDS + 2) and not long[:, WORDS:].any()
    np.testing.assert_allclose(np.sqrt((short[near_some] ** 2).mean(axis=1)), cooccurrence.ROOT_MEAN_SQUARE, rtol=1e-5)
