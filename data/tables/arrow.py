"""Tables in Parquet and Arrow files, those of Hugging Face's datasets among them."""

import contextlib
import datetime
import json
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from data.tables.content import Content, as_file
from data.tables.encoding import first_bad_byte, shown_bytes
from data.tables.table import BadRow, Found, Row
from records.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 1_000  # read at a time
_PARQUET, _ARROW, _FEATHER, _STREAM = b"PAR1", b"ARROW1", b"FEA1", b"\xff\xff\xff\xff"
BEGINNINGS = (_PARQUET, _ARROW, _FEATHER, _STREAM)
_Batches = tuple["pa.Schema", Iterator["pa.RecordBatch"]]


@dataclass(frozen=True)
class ArrowTable:
    """A table of typed columns."""

    content: Content
    kind: str
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.content.name

    @cached_property
    def found(self) -> Found:
        """What was found out about the file."""
        return Found(self.kind, tuple(filter(None, (self.content.packing,))))

    def place(self, number: int) -> str:
        """Which row it is, from 1."""
        return f"row {number}"

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows in their order, anew at each call, a batch at a time.

        Raises:
            DataError: the file cannot be read on.
        """
        number = 0
        with _opened(self.content) as (schema, batches):
            to_cells = [_to_cells(field, _class_names(schema).get(field.name)) for field in schema]
            for batch in batches:
                columns = [convert(column) for convert, column in zip(to_cells, batch.columns, strict=True)]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield self._row(number, cells)

    def _row(self, number: int, cells: tuple[str, ...]) -> Row | BadRow:
        for name, text in zip(self.columns, cells, strict=True):
            if not text.isascii() and (byte := first_bad_byte(text)) is not None:
                reason = f"has a byte {byte:#04x} in column {name!r} that is not UTF-8"
                return BadRow(number, reason, tuple(map(shown_bytes, cells)))
            if "\0" in text:
                return BadRow(number, f"has a NUL character in column {name!r}", cells)
        return Row(number, cells)


def open_arrow(content: Content) -> ArrowTable:
    """The table in a Parquet file, an Arrow file or an Arrow stream.

    Raises:
        DataError: it cannot be read, its reader is not installed, or two columns have the same name.
    """
    content = as_file(content)
    with _opened(content) as (schema, _):
        names = tuple(schema.names)
    if len(set(names)) < len(names):
        raise DataError(f"{content.name}: several columns have the same name; rename all but one, so that none is lost")
    if not names:
        raise DataError(f"{content.name}: has no columns")
    kind = "Parquet" if content.head(4) == _PARQUET else "Arrow"
    return ArrowTable(content, kind, names)


@contextlib.contextmanager
def _opened(content: Content) -> Iterator[_Batches]:
    """The columns, and the rows batch by batch."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise DataError(
            f"{content.name}: reading Parquet and Arrow files needs pyarrow; run with EXTRAS=parquet, or save it as CSV"
        ) from error
    try:
        with contextlib.ExitStack() as stack:
            yield _batches(content, stack.enter_context)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        said = str(error).partition("\n")[0].rstrip(".")
        raise DataError(f"{content.name}: cannot be read ({said}); it is damaged or cut off: fetch or make it again") from error


def _batches(content: Content, enter: Callable[[AbstractContextManager[Any]], Any]) -> _Batches:
    import pyarrow as pa
    from pyarrow import feather, parquet

    head, path = content.head(6), str(content.path)
    if head.startswith(_PARQUET):
        file = enter(parquet.ParquetFile(path))
        return file.schema_arrow, file.iter_batches(batch_size=_ROWS)
    if head.startswith(_FEATHER):
        table = feather.read_table(path)
        return table.schema, iter(table.to_batches(_ROWS))
    source = enter(pa.memory_map(path))
    if head.startswith(_ARROW):
        file = enter(pa.ipc.open_file(source))
        return file.schema, _small(file.get_batch(number) for number in range(file.num_record_batches))
    stream = enter(pa.ipc.open_stream(source))
    return stream.schema, _small(stream)


def _small(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            yield batch.slice(start, _ROWS)


def _class_names(schema: "pa.Schema") -> dict[str, list[str]]:
    """The names of classes that Hugging Face's datasets write beside the numbers, by column."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: list(about["names"]) for name, about in features.items() if about.get("_type") == "ClassLabel"}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _to_cells(field: "pa.Field", names: list[str] | None) -> "Callable[[pa.Array], list[str]]":
    """How the values of a column become texts."""
    import pyarrow as pa

    def values(column: "pa.Array") -> list[Any]:
        _refuse_damage(column)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = column.cast(pa.large_binary())  # decoded below, so that a bad byte is a bad row
        if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type):
            column = column.cast(pa.string())
        return column.to_pylist()

    if names is not None and pa.types.is_integer(field.type):
        return lambda column: [names[v] if v is not None and 0 <= v < len(names) else "" for v in values(column)]
    return lambda column: [_cell(value) for value in values(column)]


def _refuse_damage(column: "pa.Array") -> None:
    """Look at every value: reading a damaged one may end the process.

    Raises:
        pyarrow.ArrowInvalid: one is damaged; a text that is not UTF-8 is none.
    """
    import pyarrow as pa

    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
