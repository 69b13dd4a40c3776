"""The cache of prepared reviews: a dataset as two files, which workers read and which the next run of the same data starts from.

The ids are a file of their own, beside the other, which is mapped: all workers share its pages, however large it is.

`data_preprocessing.load_or_prepare` reads it and `keep` fills it. A file's name tells what its content depends on: the settings,
this program's code, its libraries, and the reviews. So a file is never out of date, only missing, and the folder may be deleted
at any time.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import zipfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from config import Config, Data
from data.sources.locate import place
from data.tables.tree import files_below
from data.types import PARTS, Bucket, Dataset, Origin, Reviews, Sequences
from data.vocabulary import Vocabulary
from records.classes import Classes
from records.files import user_path
from saver import atomic

# what prepared reviews depend on: this program's code, and libraries that read tables, find tokens and draw parts
_CODE = ("data_preprocessing.py", "data/*.py", "data/sources/*.py", "data/tables/*.py", "records/classes.py")
_LIBRARIES = ("numpy", "pandas", "scikit-learn", "regex", "charset-normalizer", "sentencepiece")
LARGE = 1 << 23  # tokens
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)  # of a file that is missing, cut short or not ours


def source_digest(data: Data) -> str | None:
    """Digest of the names, sizes and times of change of the source's files; None where no files tell the reviews.

    They do not where the reviews are generated, downloaded, or come through a pipe.

    Raises:
        DataError: a folder of the source cannot be read.
    """
    source = place(data)
    if source is None or not (source.is_file() or source.is_dir()):
        return None
    digest = hashlib.sha256()
    beside = [source.parent / "imdb_word_index.json"] if source.name == "imdb.npz" else []
    word_index = [user_path(data.word_index)] if data.word_index else []
    files = files_below(source) if source.is_dir() else [source]
    for file in sorted(file for file in (*files, *beside, *word_index) if file.is_file()):
        with contextlib.suppress(FileNotFoundError):  # it has gone since it was listed
            about = file.stat()
            digest.update(f"{file.resolve()} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def path_of(folder: Path, config: Config, reviews: str) -> Path:
    """The file in this folder for these settings and reviews.

    Args:
        folder: of the cache.
        config: of the run; its compare and data sections and its seed decide what is prepared.
        reviews: digest of the source's files, or of the prepared reviews where there are no files.
    """
    settings = [asdict(config.compare), asdict(config.data), config.run.seed]
    digest = hashlib.sha256(json.dumps([settings, _code_digest(), _versions(), reviews]).encode())
    return folder / f"data-{digest.hexdigest()[:16]}.npz"


def _code_digest() -> str:
    root, digest = Path(__file__).parents[1], hashlib.sha256()
    for file in sorted(file for pattern in _CODE for file in root.glob(pattern)):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _versions() -> list[str]:
    """The versions of the libraries; nothing for an extra that is not installed."""
    found = []
    for name in _LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return found


def keep(dataset: Dataset, path: Path) -> None:
    """Write the dataset as flat arrays, without pickle, unless the file is there."""
    if path.is_file():
        return
    about = {
        "vocab_size": dataset.vocab_size,
        "max_length": dataset.max_length,
        "classes": dataset.classes.to_json(),
        "buckets": [(bucket.low, bucket.high) for bucket in dataset.buckets],
        "origin": dataset.origin.to_json(),
    }
    arrays = {
        "about": _bytes(json.dumps(about).encode()),
        "vocabulary": _bytes(dataset.vocabulary.to_json().encode()),
        "leaked": dataset.leaked,
        "whole_lengths": dataset.whole_lengths,
        "whole_labels": dataset.whole_labels,
    }
    for part in PARTS:
        reviews: Reviews = getattr(dataset, part)
        arrays[f"{part}_labels"], arrays[f"{part}_rows"] = reviews.labels, reviews.rows
    arrays |= {f"{name}_offsets": texts.offsets for name, texts in _texts(dataset).items()}
    with atomic(_ids(path)) as temporary:
        _write(dataset.n_tokens, _texts(dataset).values(), temporary)
    with atomic(path) as temporary, temporary.open("wb") as file:  # last: the dataset is whole
        np.savez(file, allow_pickle=False, **arrays)


def mapped(dataset: Dataset, path: Path) -> Dataset:
    """A large dataset as it is read from its file, which takes no memory of its own; a small one as it is."""
    if dataset.n_tokens < LARGE:
        return dataset
    keep(dataset, path)
    return load(path)


def _texts(dataset: Dataset) -> dict[str, Sequences]:
    """The ids by the names of their arrays, in the order in which they stand in their file."""
    labelled = {part: getattr(dataset, part).sequences for part in PARTS}
    return labelled | {"unused": dataset.unused, "unlabelled": dataset.unlabelled}


def _ids(path: Path) -> Path:
    return path.with_suffix(".npy")


def _write(n_tokens: int, every: Iterable[Sequences], path: Path) -> None:
    """Write the ids of all texts one after the other as an array, `<int32>[tokens]`."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<i4", "fortran_order": False, "shape": (n_tokens,)})
        for block in (block for texts in every for block in texts.blocks()):
            file.write(np.ascontiguousarray(block.values, "<i4").data)


def _bytes(content: bytes) -> np.ndarray:
    return np.frombuffer(content, dtype=np.uint8)


def load(path: Path) -> Dataset:
    """The dataset that `keep` wrote; its ids stay on the disk until they are read."""
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        arrays = dict(file)
    ids = np.asarray(np.load(_ids(path), mmap_mode="r", allow_pickle=False))  # a plain view of it: indexing a memmap costs more
    about, first, texts = json.loads(arrays["about"].tobytes()), 0, dict[str, Sequences]()
    for name in (*PARTS, "unused", "unlabelled"):
        offsets = arrays[f"{name}_offsets"]
        texts[name] = Sequences(ids[first : first + offsets[-1]], offsets)
        first += offsets[-1]
    if first != len(ids):
        raise ValueError(f"{_ids(path).name} holds {len(ids):,} ids, and {first:,} belong to {path.name}")
    return Dataset(
        **{part: Reviews(texts[part], arrays[f"{part}_labels"], arrays[f"{part}_rows"]) for part in PARTS},
        buckets=tuple(Bucket(low, high) for low, high in about["buckets"]),
        classes=Classes.from_json(about["classes"]),
        vocabulary=Vocabulary.from_json(arrays["vocabulary"].tobytes().decode()),
        vocab_size=about["vocab_size"],
        max_length=about["max_length"],
        unused=texts["unused"],
        unlabelled=texts["unlabelled"],
        leaked=arrays["leaked"],
        whole_lengths=arrays["whole_lengths"],
        whole_labels=arrays["whole_labels"],
        origin=Origin.from_json(about["origin"]),
    )


def load_if_whole(path: Path) -> Dataset | None:
    """The dataset of this file, or None where there is no such file or it was cut short; a file that was cut is removed."""
    try:
        return load(path) if path.is_file() else None
    except UNREADABLE:
        for each in (path, _ids(path)):
            each.unlink(missing_ok=True)  # so that `keep` writes it again
        return None
