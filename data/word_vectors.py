"""Vectors of words and pairs that networks start from: from a GloVe or word2vec file, or learned without labels. No Keras here.

Learning reads the texts of the training and validation parts, of the training reviews that a subsample left out and those of
`data.unlabelled`; never a label, never a test text. It counts words that stand near each other (`data.cooccurrence`), or asks
gensim's word2vec: the skip-gram model with negative sampling of Mikolov et al. (2013), Distributed representations of words and
phrases, NeurIPS.
"""

import hashlib
import importlib.metadata
import json
import logging
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from config import Choice, Config, Range, Vectors
from data import bigrams, cooccurrence, vector_file
from data.batches import known_ids
from data.store import UNREADABLE
from data.types import Dataset, Sequences
from data.vocabulary import PADDING, START
from records.errors import ConfigError, DataError
from records.files import user_path
from saver import atomic

SECONDS_PER_NUMBER = 4e-8  # of a token's vector: word2vec, of a pass over the texts; one CPU thread
SECONDS_PER_NEIGHBOUR, SECONDS_OF_SVD = 1e-7, 5e-9  # svd: of a token; of a token and a number of its vector
SECONDS_PER_NEIGHBOUR_OF_PAIR = 2e-7
RANDOM, LEARNED, SVD = "random", "learned", "svd"
Table = tuple[int, int] | None  # rows and width of a table of vectors for pairs of words
MOST_TOKENS = 30_000_000  # that are learned from: five times as many as all training reviews of IMDB have
SKIP_GRAM, NEGATIVE_SAMPLES, RAREST, SUBSAMPLING = 1, 5, 2, 1e-3  # word2vec's usual values; rarer words have no vector
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WordVectors:
    """A vector for every id that a network knows."""

    matrix: np.ndarray  # <float32>[ids, width]; padding's is zero
    coverage: float  # share of the training tokens whose word has a vector of its own; the other words' are drawn
    pairs: np.ndarray | None = None  # <float32>[rows, width], of pairs of words, see `data/bigrams.py`; None: to be drawn


def load_or_build(config: Config, dataset: Dataset, folder: Path, say: Callable[[str], None] = log.info) -> dict[int, Path]:
    """The files in this folder with the vectors of every width that the space holds; those that are not there are made.

    Args:
        config: of the run.
        dataset: whose words they are of.
        folder: where they are kept, by fingerprint.
        say: is told what takes time, and how many of the words have vectors.

    Returns:
        Width -> file for `load`; nothing where networks start from random vectors.

    Raises:
        ConfigError: the file of vectors has another width than the space, or word2vec is not installed.
        DataError: the file cannot be read, or holds none of the vocabulary's words.
    """
    files = _files(config, dataset, folder)
    for width, path in files.items():
        if not _is_whole(path):
            how = _time(config, dataset, width) if config.vectors.source == LEARNED else "a minute or so"
            step = _step(dataset) if config.vectors.source == LEARNED else 1
            some = f", from one review in {step}" if step > 1 else ""
            say(f"making word vectors ({config.vectors.source}, {width} numbers a word{some}): {how}, once for these reviews")
            _keep(_build(config, dataset, width), path)
        coverage = load(path).coverage
        say(f"word vectors ({config.vectors.source}, {width} numbers a word) cover {coverage:.1%} of the training tokens")
    return files


def _files(config: Config, dataset: Dataset, folder: Path) -> dict[int, Path]:
    name = fingerprint(config, dataset)[:16]
    return {width: folder / f"vectors-{width}-{name}.npz" for width in widths(config)} if name else {}


Key = tuple[Vectors, int, Table]  # what decides a file of word vectors within a run: settings, width and table, see `key`


def key(config: Config, width: int) -> Key:
    """The key of these vectors: how long a training leaves them as they are does not change them."""
    return replace(config.vectors, frozen_epochs=0), width, pair_table(config)


def pair_table(config: Config) -> Table:
    """The rows and width of the table of pairs' vectors that are learned with the words'; None where none are."""
    is_learned = config.vectors.source == LEARNED and config.vectors.method == SVD
    return (config.model.bigrams, config.model.bigram_dim) if is_learned and config.model.bigrams else None


def files_of_each(configs: Iterable[Config], dataset: Dataset, folder: Path) -> dict[Key, Path]:
    """The files of the vectors that several configs need, made or not, see `load_or_build`."""
    return {
        key(config, width): path
        for config in map(_with_its_key, configs)
        for width, path in _files(config, dataset, folder).items()
    }


def build_each(configs: Iterable[Config], dataset: Dataset, folder: Path, say: Callable[[str], None] = log.info) -> None:
    """Make the files of `files_of_each` that are not there; files that two configs share are made once."""
    needed = {(config.vectors, widths(config), pair_table(config)): config for config in map(_with_its_key, configs)}
    for config in needed.values():
        load_or_build(config, dataset, folder, say)


def _with_its_key(config: Config) -> Config:
    """The config with the settings that decide its file."""
    return replace(config, vectors=key(config, 0)[0])


def load(path: Path) -> WordVectors:
    """The vectors of a file that `load_or_build` named."""
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        return WordVectors(file["matrix"], float(file["coverage"]), file.get("pairs"))


def fingerprint(config: Config, dataset: Dataset) -> str:
    """Digest of what decides the vectors: reviews, settings, file, libraries, this code; empty for random ones.

    Raises:
        ConfigError: the library that learns them is not installed.
        DataError: there is no such file.
    """
    if config.vectors.source == RANDOM:
        return ""
    about: list[Any] = [dataset.fingerprint, asdict(config.vectors), config.run.seed, _libraries(config.vectors)]
    about += pair_table(config) or ()
    if config.vectors.source != LEARNED:
        path = user_path(config.vectors.source)
        if not path.is_file():
            raise DataError(f"vectors.source {path}: there is no such file; {RANDOM} and {LEARNED} need none")
        about += [str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns]
        about += [
            dataset.vocabulary.words[: dataset.vocab_size]
        ]  # which the ids do not tell: one may be @user here, and a name there
    code = [Path(file).read_bytes() for file in (__file__, vector_file.__file__, cooccurrence.__file__, bigrams.__file__)]
    return hashlib.sha256(b"".join([json.dumps(about).encode(), *code])).hexdigest()


def _libraries(settings: Vectors) -> list[str]:
    """The versions of what learns the vectors.

    Raises:
        ConfigError: gensim, an extra, is not installed.
    """
    names = ("numpy", "scipy", "scikit-learn") if settings.method == SVD else ("gensim",)
    try:
        return [importlib.metadata.version(name) for name in names]
    except importlib.metadata.PackageNotFoundError as error:
        raise ConfigError(
            "vectors.method: word2vec needs gensim; make run EXTRAS=word2vec installs it, vectors.method=svd needs nothing"
        ) from error


def widths(config: Config) -> tuple[int, ...]:
    """The widths of a word's vector that the space holds."""
    match config.space.embedding_dim:
        case Choice(values=values):
            return tuple(int(value) for value in values)
        case Range(low=low, high=high, step=step):
            return tuple(range(int(low), int(high) + 1, int(step)))
        case width:
            return (int(width),)  # type: ignore[arg-type]


def _is_whole(path: Path) -> bool:
    try:
        load(path)
    except UNREADABLE:
        return False
    return True


def _keep(vectors: WordVectors, path: Path) -> None:
    with atomic(path) as temporary, temporary.open("wb") as file:
        pairs = {} if vectors.pairs is None else {"pairs": vectors.pairs}
        np.savez(file, allow_pickle=False, matrix=vectors.matrix, coverage=np.float64(vectors.coverage), **pairs)


def _time(config: Config, dataset: Dataset, width: int) -> str:
    """How long learning takes, for people."""
    settings = config.vectors
    each = settings.window * SECONDS_PER_NEIGHBOUR + width * SECONDS_OF_SVD
    each += 2 * settings.window * SECONDS_PER_NEIGHBOUR_OF_PAIR if pair_table(config) else 0
    if settings.method != SVD:
        each = SECONDS_PER_NUMBER * width * settings.epochs
    seconds = each * sum(int(part.offsets[-1]) for part in _texts(dataset))
    return f"about {max(1, round(seconds))} s" if seconds < 90 else f"about {round(seconds / 60)} min"


def _build(config: Config, dataset: Dataset, width: int) -> WordVectors:
    if config.vectors.source == LEARNED:
        known, pairs = learn(dataset, width, config.vectors, pair_table(config), config.run.seed)
        mean, deviation = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
    else:
        pairs = None
        path = user_path(config.vectors.source)
        known, mean, deviation = vector_file.read(path, dataset.vocabulary, dataset.vocab_size, width)
    matrix, coverage = _completed(known, mean, deviation, dataset, config.run.seed)
    return WordVectors(matrix, coverage, pairs)


def _completed(
    known: np.ndarray, mean: np.ndarray, deviation: np.ndarray, dataset: Dataset, seed: int
) -> tuple[np.ndarray, float]:
    """Draw the vectors that are not a number, per dimension, from a normal distribution with this mean and deviation.

    Returns:
        All vectors, and the share of the training tokens whose vector was not drawn.
    """
    missing = np.isnan(known[:, 0])
    drawn = np.random.default_rng([seed, len(known)]).normal(mean, deviation, known.shape)
    matrix = np.where(missing[:, None], drawn, known).astype(np.float32)
    matrix[PADDING] = 0
    n_missing = n = 0
    for block in dataset.train.sequences.blocks():
        tokens = known_ids(block, dataset.vocab_size).values
        tokens = tokens[tokens != START]
        n_missing, n = n_missing + int(missing[tokens].sum()), n + len(tokens)
    return matrix, float(1 - n_missing / n)


def learn(dataset: Dataset, width: int, settings: Vectors, pairs: Table, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Vectors from all texts but the test part's, on one thread, so that the same texts give the same vectors.

    Args:
        dataset: see there.
        width: numbers of a word's vector.
        settings: see there.
        pairs: rows and width of a table for the vectors of pairs of words, which only `svd` learns; None: none.
        seed: of everything random.

    Returns:
        `<float32>[ids, width]`, not a number where a word stands there too rarely; and the table, or None.

    Raises:
        DataError: every word does.
    """
    texts = [known_ids(part, dataset.vocab_size) for part in _texts(dataset)]
    counts = np.sum([np.bincount(part.values, minlength=dataset.vocab_size) for part in texts], axis=0)
    counts[START] = 0
    frequent = np.flatnonzero(counts >= RAREST)
    if len(frequent) == 0:
        raise DataError(f"vectors.source: no word stands {RAREST} times in the texts to learn from; {RANDOM} needs none")
    numbers = np.full(dataset.vocab_size, -1, np.int32)
    numbers[frequent] = np.arange(len(frequent))
    numbered = [_numbered(part, numbers) for part in texts]
    matrix = np.full((dataset.vocab_size, width), np.nan, np.float32)
    if settings.method != SVD:
        matrix[frequent] = _word2vec(numbered, len(frequent), width, settings, seed)
        return matrix, None
    space = cooccurrence.space(numbered, len(frequent), settings.window, width, seed)
    matrix[frequent] = space.vectors
    if not pairs:
        return matrix, None
    rows, pair_width = pairs
    around = cooccurrence.count_around(texts, rows, numbers, len(frequent), settings.window)  # in texts as a network reads them
    return matrix, space.fold_in(around, pair_width)


def _texts(dataset: Dataset) -> tuple[Sequences, ...]:
    """What is learned from: all but the test part, or of very many texts some, which are evenly spaced."""
    step = _step(dataset)
    return tuple(part if step == 1 else part.take(np.arange(0, len(part), step)) for part in _learnable(dataset))


def _learnable(dataset: Dataset) -> tuple[Sequences, ...]:
    return dataset.train.sequences, dataset.validation.sequences, dataset.unused, dataset.unlabelled


def _step(dataset: Dataset) -> int:
    return max(1, -(-sum(int(part.offsets[-1]) for part in _learnable(dataset)) // MOST_TOKENS))


def _numbered(sequences: Sequences, numbers: np.ndarray) -> Sequences:
    """The reviews with the number of each id instead of it, without the ids whose number is -1."""
    values = numbers[sequences.values]
    kept = np.concatenate([[0], np.cumsum(values >= 0)])
    return Sequences(values[values >= 0], kept[sequences.offsets])


def _word2vec(texts: list[Sequences], n_words: int, width: int, settings: Vectors, seed: int) -> np.ndarray:
    """The vectors of words 0 to `n_words` - 1, `<float32>[n_words, width]`."""
    from gensim.models import Word2Vec  # imported here: an extra, and a second that only this needs

    logging.getLogger("gensim").setLevel(logging.WARNING)
    model = Word2Vec(
        [[str(word) for word in part[n]] for part in texts for n in range(len(part))],
        vector_size=width,
        window=settings.window,
        epochs=settings.epochs,
        sg=SKIP_GRAM,
        negative=NEGATIVE_SAMPLES,
        min_count=1,  # rarer words than RAREST are left out already
        sample=SUBSAMPLING,
        workers=1,
        seed=seed,
        hashfxn=_hash,
    )
    return model.wv.vectors[[model.wv.key_to_index[str(word)] for word in range(n_words)]]


def _hash(word: str) -> int:
    return zlib.crc32(word.encode())  # Python's own differs from process to process
