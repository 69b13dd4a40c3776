"""The Keras IMDB reviews: `imdb.npz` and `imdb_word_index.json`, from a folder, Keras's cache or the official address."""

import hashlib
import io
import json
import os
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from data.buckets import IMDB_EDGES
from data.sources.parts import TEST, TRAIN
from data.types import Sequences, SourceReviews
from records.errors import DataError
from records.files import user_path
from saver import atomic

FILES = {  # name -> digest of the published file (keras.datasets.imdb); MD5 where Keras gives no better
    "imdb.npz": ("sha256", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"),
    "imdb_word_index.json": ("md5", "bfafd718b763782e994055a2d397834f"),
}
ADDRESS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
CONNECTION_SECONDS = 10
THREE_WAYS = (
    "put imdb.npz and imdb_word_index.json into a folder and set LENGTHWISE_DATA to it (or data.source), "
    "copy them to Keras's cache (~/.keras/datasets), or connect this machine to the internet so that they can be downloaded"
)


class DownloadError(DataError):
    """No published files could be had, as opposed to files that exist and are bad."""


_START, _OFFSET = 1, 3  # ids of Keras IMDB: the start token; what is added to a word's rank


def read(folder: Path) -> SourceReviews:
    """Read the two files of a folder without running what a tampered pickle says.

    Raises:
        DataError: a file is missing, truncated, or holds anything but lists of integers.
    """
    if missing := _missing(folder):
        raise DataError(
            f"{folder}: {' and '.join(missing)} not found; the Keras IMDB source needs {' and '.join(FILES)}, "
            f"which can be had at {' and '.join(ADDRESS + name for name in missing)}"
        )
    path = folder / "imdb.npz"
    arrays = _read_npz(path)
    words = read_word_index(folder / "imdb_word_index.json")
    reviews, labels = [], []
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], np.asarray(arrays[f"y_{part}"])
        if len(x) != len(y) or len(x) == 0 or not set(np.unique(y)) <= {0, 1}:
            raise DataError(f"{path}: x_{part} and y_{part} must have one 0/1 label per review, got {len(x)} and {len(y)}")
        reviews.append([_with_start(ranks, path) for ranks in x])
        labels.append(y)
    parts = np.repeat([TRAIN, TEST], [len(reviews[0]), len(reviews[1])]).astype(np.int8)
    return SourceReviews(
        title="Keras IMDB reviews",
        labels=np.concatenate(labels).astype(np.int8),
        parts=parts,
        sequences=Sequences.from_lists(reviews[0] + reviews[1]),
        words=words,
        bucket_edges=IMDB_EDGES,
    )


def cache_folder() -> Path:
    """Keras's own download cache."""
    return user_path(os.environ.get("KERAS_HOME", "~/.keras")) / "datasets"


def is_cached() -> bool:
    """Whether Keras's cache holds the reviews and their words; `imdb.load_data()` alone brings the reviews only."""
    return not _missing(cache_folder())


def _missing(folder: Path) -> list[str]:
    return [name for name in FILES if not (folder / name).is_file()]


def download() -> Path:
    """Bring those of the published files that Keras's cache lacks into it, checking their digests.

    Raises:
        DownloadError: no connection within 10 seconds, or a broken transfer.
        DataError: a file with another digest than the published one; or a file is there, and the other cannot be had.
    """
    import http.client  # imported here, as urllib's modules are

    folder = cache_folder()
    try:
        for name in _missing(folder):
            _download_file(ADDRESS + name, folder / name, *FILES[name])
    except (OSError, http.client.HTTPException) as error:  # urllib's errors are of the first kind
        left = _missing(folder)
        if left and len(left) < len(FILES):
            (name,), (there,) = left, FILES.keys() - {*left}
            raise DataError(
                f"{folder} has {there} but no {name}, which could not be downloaded ({error}): "
                f"bring it from {ADDRESS}{name} and put it into that folder"
            ) from error
        raise DownloadError(f"the IMDB reviews could not be downloaded from {ADDRESS} ({error}); {THREE_WAYS}") from error
    return folder


def _download_file(address: str, target: Path, algorithm: str, digest: str) -> None:
    import urllib.request  # imported here, like the bar: 50 ms that only a download needs

    from rich.progress import Progress

    hasher = hashlib.new(algorithm, usedforsecurity=False)
    with atomic(target) as temporary:
        with (
            urllib.request.urlopen(address, timeout=CONNECTION_SECONDS) as reply,  # noqa: S310 - a fixed https address
            temporary.open("wb") as file,
            Progress() as bar,
        ):
            task = bar.add_task(f"downloading {target.name}", total=int(reply.headers.get("Content-Length", 0)) or None)
            while block := reply.read(1 << 16):
                hasher.update(block)
                file.write(block)
                bar.advance(task, len(block))
        if hasher.hexdigest() != digest:
            raise DataError(f"{address}: expected {algorithm} {digest}, got {hasher.hexdigest()}; not kept. {THREE_WAYS}")


def read_word_index(path: Path) -> tuple[str, ...]:
    """The words of a `word -> rank` JSON file, rank 1 first.

    Raises:
        DataError: the file is missing, is no such JSON, or its ranks are not 1 to n.
    """
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        words = tuple(sorted(index, key=index.__getitem__))
        complete = [index[word] for word in words] == list(range(1, len(words) + 1))
    except (OSError, ValueError, AttributeError, TypeError, LookupError) as error:
        again = f"; remove it and bring it anew from {ADDRESS}{path.name}" if path.name in FILES else ""
        raise DataError(f"{path}: expected a JSON object of word -> rank ({error}){again}") from error
    if not complete or not words:
        raise DataError(f"{path}: expected each rank from 1 to {len(words)} once")
    return words


def _with_start(ranks: Any, path: Path) -> np.ndarray:
    if not isinstance(ranks, list) or not set(map(type, ranks)) <= {int} or min(ranks, default=1) <= 0:
        raise DataError(f"{path}: expected reviews as lists of word ranks above 0, got {str(ranks)[:60]}")
    return np.array([_START - _OFFSET, *ranks], dtype=np.int32) + _OFFSET


class _ListsOnly(pickle.Unpickler):
    """Unpickles an object array of lists of integers; every other class or function is refused before it is reached."""

    _ALLOWED = frozenset((f"numpy.{core}multiarray", "_reconstruct") for core in ("core.", "_core.")) | frozenset(
        {("numpy", "ndarray"), ("numpy", "dtype")}
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which data never needs; nothing was run")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    """The four arrays of `imdb.npz`; object arrays go through `_ListsOnly`."""
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in ("x_train", "y_train", "x_test", "y_test"):
                with archive.open(f"{name}.npy") as file:
                    major, _ = np.lib.format.read_magic(file)
                    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
                    dtype = read_header(file)[2]
                    rest = file.read()
                    arrays[name] = _ListsOnly(io.BytesIO(rest)).load() if dtype.hasobject else np.frombuffer(rest, dtype)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
        raise DataError(
            f"{path}: not a complete Keras imdb.npz ({error}); remove it and bring it anew from {ADDRESS}{path.name}"
        ) from error
    return arrays
