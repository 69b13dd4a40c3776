"""Published word vectors: text files of GloVe's or word2vec's form, plain or gzipped."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data.vocabulary import FIRST_WORD, Vocabulary
from records.errors import ConfigError, DataError


def read(path: Path, vocabulary: Vocabulary, vocab_size: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The vectors of the vocabulary's words in a text file of GloVe's or word2vec's form.

    That is a word and its numbers a line; word2vec's has a line of two counts before. It is read line by line, for
    published ones hold millions of words, of which few are wanted.

    Args:
        path: UTF-8, plain or gzipped.
        vocabulary: whose words are looked up, lower-case.
        vocab_size: ids below this are wanted.
        width: that the vectors should have.

    Returns:
        `<float32>[vocab_size, width]`, not a number where the file has no such word; and the mean and the standard
        deviation of each dimension over the whole file, each `<float64>[width]`.

    Raises:
        ConfigError: the vectors have another width.
        DataError: no such file, no such format, or none of the words.
    """
    wanted = {word: number for number, word in enumerate(vocabulary.words[: vocab_size - FIRST_WORD], start=FIRST_WORD)}
    matrix = np.full((vocab_size, width), np.nan, np.float32)
    count, total, squares = 0, np.zeros(width), np.zeros(width)
    try:
        for word, numbers in _lines(path, width):
            count, total, squares = count + 1, total + numbers, squares + numbers**2
            if word in wanted:
                matrix[wanted[word]] = numbers
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, _LineError) as error:
        expected = "expected GloVe's or word2vec's text format, UTF-8, plain or .gz: a word and its numbers a line"
        raise DataError(f"vectors.source {path}: cannot be read ({error}); {expected}") from error
    if np.isnan(matrix).all():
        raise DataError(f"vectors.source {path}: none of the {len(wanted):,} words of the reviews stands in it")
    mean = total / count
    return matrix, mean, np.sqrt((squares / count - mean**2).clip(min=0))


class _LineError(ValueError):
    """A line that is no word with its numbers."""


def _lines(path: Path, width: int) -> Iterator[tuple[str, np.ndarray]]:
    """The word and the numbers of each line; words may hold spaces, as some of GloVe's do."""
    with gzip.open(path, "rt", encoding="utf-8") if path.name.endswith(".gz") else path.open(encoding="utf-8") as file:
        is_first = True
        for number, line in enumerate(file, start=1):
            if number == 1 and line.count(" ") == 1:
                continue  # word2vec's: how many words, and how many numbers each has
            word, *numbers = line.rstrip().rsplit(" ", -1 if is_first else width)
            try:
                vector = np.array(numbers, np.float64)
            except ValueError as error:
                raise _LineError(f"line {number}: {error}") from error
            if is_first and len(vector) != width:
                raise ConfigError(
                    f"space.embedding_dim: the vectors of {path} have {len(vector)} numbers a word, got {width}; "
                    f"set it to {len(vector)}"
                )
            if len(vector) != width:
                raise _LineError(f"line {number} has {len(vector)} numbers, the width is {width}")
            if not np.isfinite(vector).all():
                raise _LineError(f"line {number} holds a number that is not finite")
            is_first = False
            yield word, vector
