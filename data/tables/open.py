"""STAND-IN, to be replaced when the package of tables is merged: CSV and TSV in UTF-8 only."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.tables.table import BadRow, Found, Reading, Row
from records.errors import DataError


def refuse_address(text: str) -> None:
    """Refuse a web address."""
    if "://" in text:
        raise DataError(f"{text} is a web address, which is not read; download it first")


@dataclass
class _Csv:
    path: Path
    reading: Reading
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.name, self.found = self.path.name, Found("CSV", ("comma",))
        self.columns = self.reading.columns or tuple(next(self._lines()))

    def _lines(self) -> Iterator[list[str]]:
        opened = gzip.open if self.path.suffix == ".gz" else open
        with opened(self.path, "rt", encoding="utf-8", newline="") as file:
            yield from csv.reader(file, delimiter="\t" if ".tsv" in self.path.name else ",")

    def rows(self) -> Iterator[Row | BadRow]:
        for number, cells in enumerate(self._lines(), 1):
            if number == 1 and not self.reading.columns:
                continue
            if len(cells) != len(self.columns):
                yield BadRow(number, f"has {len(cells)} cells where the first row names {len(self.columns)}")
            else:
                yield Row(number, tuple(cells))

    def place(self, number: int) -> str:
        return f"line {number}"


def open_table(path: Path, reading: Reading) -> _Csv:
    """A table."""
    return _Csv(path, reading)
