"""From `data.source` to reviews."""

import os
from pathlib import Path

from config import Data
from data.sources import demo, imdb, reviews
from data.sources.wanted import Wanted, reading
from data.tables.content import as_data_error
from data.tables.open import open_table, refuse_address
from data.tables.table import Table
from data.types import SourceReviews
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
    """The folder or file that holds the reviews; None where they must be downloaded or generated first.

    Raises:
        DataError: the source is a web address, or can be no path.
    """
    if data.source == "demo":
        return None
    if data.source not in ("auto", "imdb"):
        refuse_address(data.source)
        path = user_path(data.source)
        with as_data_error(f"data.source {path}"):  # a name that is too long, a folder that may not be looked into
            (path / "imdb.npz").exists()
        return path
    if folder := os.environ.get("LENGTHWISE_DATA"):
        return user_path(folder)
    return imdb.cache_folder() / "imdb.npz" if imdb.is_cached() else None


def is_table(path: Path) -> bool:
    """Whether a path is read as a table, and not as the files of Keras IMDB."""
    return path.name != "imdb.npz" and not (path / "imdb.npz").is_file()


def table_at(path: Path, data: Data) -> Table:
    """The table of a file or folder, `-` being standard input, as the config says that it is to be read.

    Raises:
        DataError: nothing is there, or nothing that is a table.
    """
    return open_table(path, reading(data.encoding, data.separator, data.quoting, data.columns))


def read_path(path: Path, data: Data) -> SourceReviews:
    """The reviews of a folder or file.

    Raises:
        DataError: nothing is there, or nothing this project can read.
    """
    if not is_table(path):
        return imdb.read(path.parent if path.name == "imdb.npz" else path)
    return reviews.read(table_at(path, data), Wanted.of(data), unlabelled=data.unlabelled)
