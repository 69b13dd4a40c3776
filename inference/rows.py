"""The rows of a CSV or TSV file of any size, read so strictly that no cell is lost without a word."""

import contextlib
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inference.predictor import LARGEST_TEXT
from records.errors import TableError


@dataclass(frozen=True)
class TableFile:
    """A table whose first row names the columns; every reading begins at its first row."""

    path: Path
    name: str  # for people
    delimiter: str
    encoding: str

    def columns(self) -> list[str]:
        """The names of the columns.

        Raises:
            TableError: the file cannot be read, or two columns have the same name.
        """
        names = next(self._every_row(), [])
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise TableError(f"{self.name}: several columns are named {_shown(twice)}; rename all but one, so that none is lost")
        return names

    def rows(self) -> Iterator[list[str]]:
        """The cells of each row below the first one; a blank line is an empty cell where there is one column.

        Raises:
            TableError: the file cannot be read, or a row has more or fewer cells than the first one.
        """
        every = self._every_row()
        width, blank = len(next(every, [])), 0
        for number, row in enumerate(every, 2):
            if not row and width > 1:  # blank lines at the end hold nothing that could be lost
                blank = blank or number
            elif blank or len(row or [""]) != width:
                raise TableError(f"{self.name}: row {blank or number} has not {width} cells as the first one has; mend it")
            else:
                yield row or [""]

    def _every_row(self) -> Iterator[list[str]]:
        csv.field_size_limit(LARGEST_TEXT)
        with self._told_as_table_error(), self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            try:
                yield from reader
            except csv.Error as error:
                raise TableError(
                    f"{self.name}: cannot be read as a table: line {reader.line_num}: {error}; a cell that holds quotes or line "
                    'ends stands in quotes, and every quote inside it is written twice ("")'
                ) from error

    @contextlib.contextmanager
    def _told_as_table_error(self) -> Iterator[None]:
        """Turns what reading raises into a `TableError`."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise TableError(
                f"{self.name}: line {self._bad_line()} is not {self.encoding} "
                f"({error.reason}, byte {error.object[error.start]:#04x}); "
                "save it in one encoding, or name it with --encoding (latin-1 reads any byte)"
            ) from error
        except UnicodeError as error:  # UTF-16 without its mark, for example
            raise TableError(f"{self.name}: is not {self.encoding} ({error}); name its encoding with --encoding") from error
        except LookupError as error:
            raise TableError(f"--encoding: {error}; utf-8 and latin-1 are usual") from error
        except OSError as error:
            raise TableError(f"{self.name}: cannot be read as a table: {error}") from error

    def _bad_line(self) -> int:
        """The first line that the encoding does not read; the decoder reads ahead, so that it does not know."""
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    line.decode(self.encoding)
                except UnicodeDecodeError:
                    return number
        return 1


def check(table: TableFile, text_column: str, added: tuple[str, ...]) -> tuple[list[str], int]:
    """The names of the columns and the number of rows, once every byte and every row has been read.

    Args:
        table: to read.
        text_column: must be there.
        added: names of columns that must not be there.

    Raises:
        TableError: the table cannot be read, or these columns are not as they must be.
    """
    columns = table.columns()
    if text_column not in columns:
        raise TableError(
            f"{table.name}: no column {text_column!r}; its columns are "
            f"{', '.join(name if name.isprintable() else repr(name) for name in columns) or 'none'}. Name it with --text-column"
        )
    if taken := [name for name in added if name in columns]:
        raise TableError(f"{table.name}: has columns that would be added ({', '.join(taken)}); rename them")
    return columns, sum(1 for _ in table.rows())


def _shown(names: list[str]) -> str:
    return ", ".join(map(repr, names))
