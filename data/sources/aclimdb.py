"""The Stanford Large Movie Review Dataset as published: a folder `aclImdb` or its tar.gz (Maas et al. 2011)."""

import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data.types import SourceReviews
from records.errors import DataError

_LABELLED = re.compile(r"(?:^|/)(train|test)/(neg|pos)/[^/]+\.txt$")
_ALL = re.compile(r"(?:^|/)(?:(train|test)/(neg|pos)|train/unsup)/[^/]+\.txt$")


def read(path: Path, *, unlabelled: bool = False) -> SourceReviews:
    """Read `train|test/neg|pos/*.txt`, and `train/unsup/*.txt` if `unlabelled`, in the order of their names.

    Raises:
        DataError: not readable, not UTF-8, an empty text, or one of the four folders has no reviews.
    """
    try:
        found = sorted(_members(path, _ALL if unlabelled else _LABELLED), key=lambda member: member[0])
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise DataError(f"{path}: cannot be read as aclImdb: {error}") from error
    texts, labels, is_test, parts, further = [], [], [], set(), []
    for name, content in found:
        match = _ALL.search(name)
        assert match is not None  # noqa: S101 - _members only yields what matches
        text = _text(content, name, path)
        if match[2] is None:
            further.append(text)
            continue
        texts.append(text)
        labels.append(match[2] == "pos")
        is_test.append(match[1] == "test")
        parts.add(f"{match[1]}/{match[2]}")
    missing = sorted({"train/neg", "train/pos", "test/neg", "test/pos"} - parts)
    if missing:
        raise DataError(f"{path}: no reviews in {', '.join(missing)}; expected aclImdb's train|test/neg|pos/*.txt")
    return SourceReviews(
        title=f"Large Movie Review Dataset ({path.name})",
        labels=np.array(labels, dtype=np.int8),
        is_test=np.array(is_test),
        texts=texts,
        unlabelled=tuple(further),
        is_imdb=True,
    )


def _text(content: bytes, name: str, path: Path) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: {name} is not UTF-8 ({error.reason} at byte {error.start})") from error
    if not text.strip():
        raise DataError(f"{path}: {name} is empty; remove it")
    return text


def _members(path: Path, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each review; a tar is read in memory, nothing is extracted."""
    if path.is_dir():
        for file in path.rglob("*.txt"):
            name = file.relative_to(path).as_posix()
            if wanted.search(name):
                yield name, file.read_bytes()
        return
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and wanted.search(member.name):
                content = archive.extractfile(member)
                if content is not None:
                    yield member.name, content.read()
