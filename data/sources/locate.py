"""From `data.source` to reviews."""

import os
from pathlib import Path

from config import Data
from data.sources import aclimdb, demo, imdb, tables
from data.types import SourceReviews
from records.errors import DataError
from records.files import user_path

DEMO_NOTICE = "DEMO CORPUS, NOT IMDB: these generated reviews stand in because no IMDB files could be had. {why}"


def load(data: Data, seed: int) -> SourceReviews:
    """The reviews that `data.source` names.

    `auto` takes the folder of LENGTHWISE_DATA, Keras's cache, the official download, and, only where none exists and
    none can be had, the demo corpus with a notice. A file that exists and is bad is an error in every case.

    Raises:
        DataError: one sentence on what was wrong and what to do.
    """
    if data.source == "demo":
        return demo.generate(data.demo_reviews, seed)
    path = place(data)
    if path is not None:
        return read_path(path, data)
    try:
        return imdb.read(imdb.download())
    except imdb.DownloadError as error:
        if data.source == "imdb":
            raise
        return demo.generate(data.demo_reviews, seed, notes=(DEMO_NOTICE.format(why=error),))


def place(data: Data) -> Path | None:
    """The folder or file that holds the reviews; None where they must be downloaded or generated first."""
    if data.source == "demo":
        return None
    if data.source not in ("auto", "imdb"):
        return user_path(data.source)
    if folder := os.environ.get("LENGTHWISE_DATA"):
        return user_path(folder)
    return imdb.cache_folder() / "imdb.npz" if imdb.is_cached() else None


def read_path(path: Path, data: Data) -> SourceReviews:
    """The reviews of a folder or file, told apart by name.

    Raises:
        DataError: nothing is there, or nothing this project can read.
    """
    if not path.exists():
        raise DataError(f"data.source {path}: there is no such file or folder")
    if path.name.endswith(tables.SUFFIXES):
        columns = {"text": data.text_column, "label": data.label_column, "split": data.split_column}
        return tables.read(path, **columns, unlabelled=data.unlabelled)
    if path.name == "imdb.npz":
        return imdb.read(path.parent)
    if path.name.endswith((".tar.gz", ".tgz", ".tar")):
        return aclimdb.read(path, unlabelled=data.unlabelled)
    if path.is_dir():
        nested = path / "aclImdb"
        if nested.is_dir() or (path / "train").is_dir():
            return aclimdb.read(nested if nested.is_dir() else path, unlabelled=data.unlabelled)
        return imdb.read(path)
    raise DataError(f"data.source {path}: expected a folder, imdb.npz, aclImdb.tar.gz or {', '.join(tables.SUFFIXES)}")
