"""Vectors of words from the words that stand near them: positive pointwise mutual information, cut down by a randomised SVD.

A pair of words that stand within `window` words of each other in one text counts 1/distance. Of the weighted counts
`#(word, context)` one takes

    PMI(word, context) = log(#(word, context) * sum(#) / (#(word) * #(context))), where it is positive,

else 0. A word's vector is its row of `U * sqrt(S)`, U and S being the first left singular vectors and singular values of that
matrix, scaled to one length.

Levy & Goldberg (2014), Neural word embedding as implicit matrix factorization, NeurIPS; Levy, Goldberg & Dagan (2015), Improving
distributional similarity with lessons learned from word embeddings, TACL: the root of the singular values, rows of one length.
Their power of 0.75 of a context's count did worse here (`LOG.md`). Halko, Martinsson & Tropp (2011), Finding structure with
randomness, SIAM Review: the decomposition, which is scikit-learn's.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.sparse

from data.types import Sequences

ROOT_MEAN_SQUARE = 0.6  # of a vector's numbers, whatever its width; by validation, GRU and SimpleRNN (LOG.md)
ITERATIONS = 3  # of the randomised SVD
NEIGHBOURS_AT_ONCE = 5_000_000  # counted in one product, which bounds the memory


def vectors(texts: Sequence[Sequences], n_words: int, window: int, width: int, seed: int) -> np.ndarray:
    """The vectors of words 0 to `n_words` - 1. The same texts give the same bits, whatever the number of cores.

    Args:
        texts: of such words.
        n_words: how many different ones there are.
        window: words on either side that count.
        width: numbers of a vector.
        seed: of the randomised SVD.

    Returns:
        `<float32>[n_words, width]`, each of root mean square `ROOT_MEAN_SQUARE`; not a number for a word that no other stands
        near more often than by chance. Where there are fewer words than numbers, the last numbers are 0.
    """
    matrix = positive_pmi(count(texts, n_words, window))
    found = _left_vectors(matrix, min(width, n_words), seed)
    found[np.diff(matrix.indptr) == 0] = np.nan
    found *= ROOT_MEAN_SQUARE * np.sqrt(width) / np.linalg.norm(found, axis=1, keepdims=True)
    return np.pad(found, ((0, 0), (0, width - found.shape[1])))


def count(texts: Sequence[Sequences], n_words: int, window: int) -> scipy.sparse.csr_array:
    """How often every word stands near every other in one text, weighted by 1/distance, `<float32>[n_words, n_words]`, symmetric.

    Counts are a product of sparse matrices: [words, places], one where a word stands, times [places, words], the weights of the
    `window` words that follow a place. It needs no sorting and adds up in one row at a time.
    """
    following = scipy.sparse.csr_array((n_words, n_words), dtype=np.float32)
    for part in texts:
        for piece in _pieces(part, window):
            following = following + _count_following(_spread(piece, window), n_words, window)
    return (following + following.T).tocsr()


def positive_pmi(counts: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """The positive pointwise mutual information of symmetric counts."""
    sums = counts.sum(axis=1).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.log(sums / np.sqrt(sums.sum())).astype(np.float32)  # half of the logarithm's argument each
    rows = np.repeat(np.arange(len(sums), dtype=np.int32), np.diff(counts.indptr))
    information = np.log(counts.data) - expected[rows] - expected[counts.indices]
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
    """The texts one after the other, `window` places without a word behind each: words from 1, no word is 0."""
    places = np.arange(len(texts.values)) + np.repeat(np.arange(len(texts)) * window, texts.lengths)
    spread = np.zeros(len(texts.values) + len(texts) * window, np.int32)
    spread[places] = texts.values + 1
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


def _left_vectors(matrix: scipy.sparse.csr_array, width: int, seed: int) -> np.ndarray:
    """The first left singular vectors times the root of their singular values, `<float32>[rows, width]`."""
    from sklearn.utils.extmath import randomized_svd  # imported here: a second that only this needs
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # how a product is divided among threads shows in its last bits
        left, values, _ = randomized_svd(
            scipy.sparse.csr_matrix(matrix), width, n_iter=ITERATIONS, power_iteration_normalizer="LU", random_state=seed
        )
    return (left * np.sqrt(values)).astype(np.float32)
