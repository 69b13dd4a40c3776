"""Vectors of words, and of pairs of words, from the words near them: positive pointwise mutual information and a randomised SVD.

A pair of words that stand within `window` words of each other in one text counts 1/distance. Of the weighted counts
`#(word, context)` one takes

    PMI(word, context) = log(#(word, context) * sum(#) / (#(word) * #(context))), where it is positive,

else 0. A word's vector is its row of `U * sqrt(S)`, U and S being the first left singular vectors and singular values of that
matrix, scaled to one length.

A pair of neighbouring words has a vector of the same kind: the PMI of its row in a table (see `data/bigrams.py`) with the words
around it, times `V / sqrt(S)`, V being the right singular vectors of the words' matrix. A word's own row so multiplied is its
vector (folding in: Deerwester et al. 1990, Indexing by latent semantic analysis, JASIS).

Levy & Goldberg (2014), Neural word embedding as implicit matrix factorization, NeurIPS; Levy, Goldberg & Dagan (2015), Improving
distributional similarity with lessons learned from word embeddings, TACL: the root of the singular values, rows of one length.
Their power of 0.75 of a context's count did worse here (`LOG.md`). Halko, Martinsson & Tropp (2011), Finding structure with
randomness, SIAM Review: the decomposition, which is scikit-learn's.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from data.bigrams import NUMPY, bigram_rows
from data.types import Sequences

ROOT_MEAN_SQUARE = 0.6  # of a vector's numbers, whatever its width; by validation, GRU and SimpleRNN (LOG.md)
ITERATIONS = 3  # of the randomised SVD
NEIGHBOURS_AT_ONCE = 5_000_000  # counted in one product, which bounds the memory
NOTHING = 1e-4  # of the root of the largest singular value: a direction so short holds rounding alone
FEWEST = 5  # times that the pairs of a row stand somewhere, if the row is to have a vector


@dataclass(frozen=True)
class WordSpace:
    """The vectors of words, and what makes vectors of the same kind of other things that have words around them."""

    vectors: np.ndarray  # <float32>[n_words, width]; not a number for a word that no other stands near more often than by chance
    sums: np.ndarray  # <float64>[n_words], of the weighted counts of each word's neighbours
    directions: np.ndarray  # <float32>[n_words, width], right singular vectors divided by the root of their singular values

    def fold_in(self, counts: scipy.sparse.csr_array, width: int) -> np.ndarray:
        """The first numbers of the vectors of things with such words around them, `<float32>[things, width]`, of one length.

        Args:
            counts: how often each word stands near each thing, weighted, `<float32>[things, n_words]`.
            width: numbers of a vector; those that the words' vectors do not have are 0, as is all of a thing that nothing stands
                near more often than by chance.
        """
        found = positive_pmi(counts, self.sums) @ self.directions[:, :width]
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        found *= ROOT_MEAN_SQUARE * np.sqrt(width) / np.where(lengths > 0, lengths, 1)
        return np.pad(found, ((0, 0), (0, width - found.shape[1])))


def space(texts: Sequence[Sequences], n_words: int, window: int, width: int, seed: int) -> WordSpace:
    """The space of words 0 to `n_words` - 1. The same texts give the same bits, whatever the number of cores.

    Args:
        texts: of such words.
        n_words: how many different ones there are.
        window: words on either side that count.
        width: numbers of a vector.
        seed: of the randomised SVD.

    Returns:
        With vectors of root mean square `ROOT_MEAN_SQUARE`. Where there are fewer words than numbers, the last numbers are 0.
    """
    counts = count(texts, n_words, window)
    sums = counts.sum(axis=1).astype(np.float64)
    matrix = positive_pmi(counts, sums)
    found, directions = _decomposed(matrix, min(width, n_words), seed)
    found[np.diff(matrix.indptr) == 0] = np.nan
    found *= ROOT_MEAN_SQUARE * np.sqrt(width) / np.linalg.norm(found, axis=1, keepdims=True)
    missing = ((0, 0), (0, width - found.shape[1]))
    return WordSpace(np.pad(found, missing), sums, np.pad(directions, missing))


def count(texts: Sequence[Sequences], n_words: int, window: int) -> scipy.sparse.csr_array:
    """How often every word stands near every other in one text, weighted by 1/distance, `<float32>[n_words, n_words]`, symmetric.

    Counts are a product of sparse matrices: [words, places], one where a word stands, times [places, words], the weights of the
    `window` words that follow a place. It needs no sorting and adds up in one row at a time.
    """
    following = scipy.sparse.csr_array((n_words, n_words), dtype=np.float32)
    for part in texts:
        for piece in _pieces(part, window):
            from_1 = Sequences(piece.values + 1, piece.offsets)
            following = following + _count_following(_spread(from_1, window), n_words, window)
    return (following + following.T).tocsr()


def count_around(
    texts: Sequence[Sequences], n_rows: int, numbers: np.ndarray, n_words: int, window: int
) -> scipy.sparse.csr_array:
    """How often each word stands near each pair of neighbouring words, weighted by 1/distance, `<float32>[rows, n_words]`.

    The `window` words before a pair and the `window` words after it count. A row whose pairs stand fewer than `FEWEST` times
    somewhere is empty, and so is row 0.

    Args:
        texts: of ids from 1.
        n_rows: of the table in which `data.bigrams` finds a pair's row.
        numbers: of the words that the ids stand for, `<int32>[ids]`; -1 for none.
        n_words: how many words are numbered.
        window: see above.
    """
    found, times = scipy.sparse.csr_array((n_rows, n_words), dtype=np.float32), np.zeros(n_rows, np.int64)
    for part in texts:
        for piece in _pieces(part, 2 * window):
            ids = _spread(piece, 2 * window)
            at, contexts = bigram_rows(NUMPY, ids[None], n_rows)[0], _around_pairs(numbers[ids] + 1, window, n_words)
            places = np.flatnonzero((at > 0) & (np.pad(ids[:-1], (1, 0)) > 0))  # where there is a pair
            times += np.bincount(at[places], minlength=n_rows)
            ones = np.ones(len(places), np.float32)
            found = found + scipy.sparse.csr_array((ones, (at[places], places)), shape=(n_rows, len(ids))) @ contexts
    found = (scipy.sparse.diags_array((times >= FEWEST).astype(np.float32)) @ found).tocsr()
    found.eliminate_zeros()
    return found


def _around_pairs(words: np.ndarray, window: int, n_words: int) -> scipy.sparse.csr_array:
    """The weighted words around the pair that ends at each place, `<float32>[places, n_words]`; words from 1, no word is 0."""
    distances, n_places = np.arange(1, window + 1), len(words)
    shifts = np.concatenate([-1 - distances, distances])  # of the words before the pair, and after it, from its second word
    near = np.pad(words, window + 1)[np.arange(n_places)[:, None] + shifts + window + 1]
    weights = np.tile((1 / distances).astype(np.float32), 2 * n_places)
    starts = np.arange(n_places + 1) * len(shifts)
    return scipy.sparse.csr_array((weights, near.ravel(), starts), shape=(n_places, n_words + 1))[:, 1:]


def positive_pmi(counts: scipy.sparse.csr_array, sums: np.ndarray) -> scipy.sparse.csr_array:
    """The positive pointwise mutual information of counts.

    Args:
        counts: of words near things, `<float32>[things, n_words]`.
        sums: of the counts of each word near all words, `<float64>[n_words]`.
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # half of the logarithm's argument each
        of_things, of_words = (
            np.log(each / np.sqrt(sums.sum())).astype(np.float32) for each in (counts.sum(axis=1).astype(np.float64), sums)
        )
        logs = np.log(counts.data)
    rows = np.repeat(np.arange(counts.shape[0], dtype=np.int32), np.diff(counts.indptr))
    information = logs - of_things[rows] - of_words[counts.indices]
    positive = scipy.sparse.csr_array((information.clip(min=0), counts.indices, counts.indptr), shape=counts.shape)
    positive.eliminate_zeros()
    return positive


def _pieces(texts: Sequences, window: int) -> Iterator[Sequences]:
    """The texts in pieces of some `NEIGHBOURS_AT_ONCE` neighbours; none is cut."""
    offsets = texts.offsets
    neighbours = (offsets[:-1] + np.arange(len(texts)) * window) * window  # of the texts before each
    edges = np.flatnonzero(np.diff(neighbours // NEIGHBOURS_AT_ONCE, prepend=-1, append=np.iinfo(np.int64).max))
    for first, end in itertools.pairwise(edges):
        yield Sequences(texts.values[offsets[first] : offsets[end]], offsets[first : end + 1] - offsets[first])


def _spread(texts: Sequences, window: int) -> np.ndarray:
    """The texts, of words from 1, one after the other, and `window` places without a word, 0, behind each."""
    places = np.arange(len(texts.values)) + np.repeat(np.arange(len(texts)) * window, texts.lengths)
    spread = np.zeros(len(texts.values) + len(texts) * window, np.int32)
    spread[places] = texts.values
    return spread


def _count_following(words: np.ndarray, n_words: int, window: int) -> scipy.sparse.csr_array:
    """The weighted counts of the words that follow each word, `<float32>[n_words, n_words]`."""
    n_places, ends = len(words), np.cumsum(np.bincount(words, minlength=n_words + 1))
    standing = scipy.sparse.csr_array(
        (
            np.ones(n_places - ends[0], np.float32),
            np.argsort(words, kind="stable")[ends[0] :].astype(np.int32),
            (ends - ends[0]).astype(np.int32),
        ),
        shape=(n_words, n_places),
    )
    behind = np.lib.stride_tricks.sliding_window_view(np.pad(words[1:], (0, window)), window)  # <int32>[places, window]
    weights = np.tile((1 / np.arange(1, window + 1)).astype(np.float32), n_places)
    starts = np.arange(n_places + 1, dtype=np.int32) * window
    near = scipy.sparse.csr_array((weights, behind.ravel(), starts), shape=(n_places, n_words + 1))
    return (standing @ near)[:, 1:]  # column 0 has the places without a word


def _decomposed(matrix: scipy.sparse.csr_array, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The first left singular vectors times the root of their singular values, the right ones divided by it, `<float32>`."""
    from sklearn.utils.extmath import randomized_svd  # imported here: a second that only this needs
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # how a product is divided among threads shows in its last bits
        left, values, right = randomized_svd(
            scipy.sparse.csr_matrix(matrix), width, n_iter=ITERATIONS, power_iteration_normalizer="LU", random_state=seed
        )
    roots = np.sqrt(values)
    counting = np.where(roots > NOTHING * roots.max(), roots, np.inf)
    return (left * roots).astype(np.float32), (right.T / counting).astype(np.float32)
