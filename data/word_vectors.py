"""Word vectors that networks start from: from a GloVe or word2vec text file, or learned without labels. No Keras in here.

Learning reads the texts of the training and validation parts, without their labels, and those of `data.unlabelled`; never
a test text. Word2vec is gensim's: the skip-gram model with negative sampling of Mikolov et al. (2013), Distributed
representations of words and phrases, NeurIPS.
"""

import hashlib
import importlib.metadata
import json
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from config import Choice, Config, Range, Vectors
from data import vector_file
from data.batches import known_ids
from data.store import UNREADABLE
from data.types import Dataset, Sequences
from data.vocabulary import PADDING, START
from records.errors import DataError
from saver import atomic

SECONDS_PER_NUMBER = 4e-8  # of a word's vector and a pass over the texts; one CPU thread
RANDOM, LEARNED = "random", "learned"
SKIP_GRAM, NEGATIVE_SAMPLES, RAREST, SUBSAMPLING = 1, 5, 2, 1e-3  # word2vec's usual values; rarer words have no vector
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WordVectors:
    """A vector for every id that a network knows."""

    matrix: np.ndarray  # <float32>[ids, width]; padding's is zero
    coverage: float  # share of the training tokens whose word has a vector of its own; the other words' are drawn


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
        ConfigError: the file of vectors has another width than the space.
        DataError: the file cannot be read, or holds none of the vocabulary's words.
    """
    name, files = fingerprint(config, dataset)[:16], {}
    for width in widths(config) if name else ():
        files[width] = folder / f"vectors-{width}-{name}.npz"
        if not _is_whole(files[width]):
            how = f"about {_minutes(config, dataset, width)} min" if config.vectors.source == LEARNED else "a minute or so"
            say(f"making word vectors ({config.vectors.source}, {width} numbers a word): {how}, once for these reviews")
            _keep(_build(config, dataset, width), files[width])
        coverage = load(files[width]).coverage
        say(f"word vectors ({config.vectors.source}, {width} numbers a word) cover {coverage:.1%} of the training tokens")
    return files


Key = tuple[Vectors, int]  # what decides a file of word vectors within a run: settings and width, see `key`


def key(vectors: Vectors, width: int) -> Key:
    """The key of these vectors: how long a training leaves them as they are does not change them."""
    return replace(vectors, frozen_epochs=0), width


def load_or_build_each(
    configs: Iterable[Config], dataset: Dataset, folder: Path, say: Callable[[str], None] = log.info
) -> dict[Key, Path]:
    """The files of the vectors that several configs need, see `load_or_build`; what two of them share is made once."""
    found: dict[Key, Path] = {}
    for config in configs:
        needed = {key(config.vectors, width) for width in widths(config)} if config.vectors.source != RANDOM else set()
        if needed - found.keys():
            alike = replace(config, vectors=replace(config.vectors, frozen_epochs=0))
            files = load_or_build(alike, dataset, folder, say)
            found |= {key(config.vectors, width): path for width, path in files.items()}
    return found


def load(path: Path) -> WordVectors:
    """The vectors of a file that `load_or_build` named."""
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        return WordVectors(file["matrix"], float(file["coverage"]))


def fingerprint(config: Config, dataset: Dataset) -> str:
    """Digest of what decides the vectors: reviews, settings, file, library, this code; empty for random ones."""
    if config.vectors.source == RANDOM:
        return ""
    about: list[Any] = [dataset.fingerprint, asdict(config.vectors), config.run.seed, importlib.metadata.version("gensim")]
    if config.vectors.source != LEARNED:
        path = Path(config.vectors.source).expanduser()
        if not path.is_file():
            raise DataError(f"vectors.source {path}: there is no such file; {RANDOM} and {LEARNED} need none")
        about += [str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns]
    code = [Path(file).read_bytes() for file in (__file__, vector_file.__file__)]
    return hashlib.sha256(b"".join([json.dumps(about).encode(), *code])).hexdigest()


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
        np.savez(file, allow_pickle=False, matrix=vectors.matrix, coverage=np.float64(vectors.coverage))


def _minutes(config: Config, dataset: Dataset, width: int) -> int:
    tokens = sum(len(part.values) for part in _texts(dataset))
    seconds = SECONDS_PER_NUMBER * width * config.vectors.epochs * tokens
    return max(1, round(seconds / 60))


def _build(config: Config, dataset: Dataset, width: int) -> WordVectors:
    if config.vectors.source == LEARNED:
        known = learn(dataset, width, config.vectors, config.run.seed)
        mean, deviation = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
    else:
        path = Path(config.vectors.source).expanduser()
        known, mean, deviation = vector_file.read(path, dataset.vocabulary, dataset.vocab_size, width)
    return _complete(known, mean, deviation, dataset, config.run.seed)


def _complete(known: np.ndarray, mean: np.ndarray, deviation: np.ndarray, dataset: Dataset, seed: int) -> WordVectors:
    """Draw the vectors that are not a number, per dimension, from a normal distribution with this mean and deviation."""
    missing = np.isnan(known[:, 0])
    drawn = np.random.default_rng([seed, len(known)]).normal(mean, deviation, known.shape)
    matrix = np.where(missing[:, None], drawn, known).astype(np.float32)
    matrix[PADDING] = 0
    tokens = known_ids(dataset.train.sequences, dataset.vocab_size).values
    tokens = tokens[tokens != START]
    return WordVectors(matrix, float(1 - missing[tokens].mean()))


def learn(dataset: Dataset, width: int, settings: Vectors, seed: int) -> np.ndarray:
    """Word2vec over the training, validation and unlabelled texts; one worker, so that the same texts give the same vectors.

    Returns:
        `<float32>[ids, width]`; not a number where a word stands there too rarely.
    """
    from gensim.models import Word2Vec  # imported here: a second that only this needs

    logging.getLogger("gensim").setLevel(logging.WARNING)
    sentences = [sentence for part in _texts(dataset) for sentence in _sentences(part, dataset.vocab_size)]
    model = Word2Vec(
        sentences,
        vector_size=width,
        window=settings.window,
        epochs=settings.epochs,
        sg=SKIP_GRAM,
        negative=NEGATIVE_SAMPLES,
        min_count=RAREST,
        sample=SUBSAMPLING,
        workers=1,
        seed=seed,
        hashfxn=_hash,
    )
    matrix = np.full((dataset.vocab_size, width), np.nan, np.float32)
    matrix[[int(word) for word in model.wv.index_to_key]] = model.wv.vectors
    return matrix


def _texts(dataset: Dataset) -> tuple[Sequences, ...]:
    """Everything that may be learned from: all but the test part."""
    return dataset.train.sequences, dataset.validation.sequences, dataset.unlabelled


def _sentences(sequences: Sequences, vocab_size: int) -> Iterator[list[str]]:
    """The ids of each review as words, as a network reads them, without the start token."""
    known = known_ids(sequences, vocab_size)
    return ([str(i) for i in known[n] if i != START] for n in range(len(known)))


def _hash(word: str) -> int:
    return zlib.crc32(word.encode())  # Python's own differs from process to process
