"""What a person says of a table, on whichever command line: its columns, its labels, how many of its rows may be left out."""

import shlex
from dataclasses import dataclass

from config import Data
from data.tables.table import Reading

AUTO = "auto"


@dataclass(frozen=True)
class Wanted:
    """The settings of `config.Data` that say what a table means; `auto` is found out."""

    text_column: str = AUTO
    label_column: str = AUTO
    split_column: str = AUTO
    group_column: str = ""
    time_column: str = ""
    labels: str = ""
    label_edges: tuple[float, ...] = ()
    max_bad_rows: float = 0.01
    are_options: bool = False  # said as `--text-column NAME`, and not as `--set data.text_column=NAME`

    def typed(self, name: str, value: str) -> str:
        """What a person types for one of these settings, ready to be copied."""
        if self.are_options:
            between = "=" if value.startswith("-") else " "  # what begins with a hyphen looks like an option
            return f"--{name.replace('_', '-')}{between}{shlex.quote(value)}"
        return f"--set {shlex.quote(f'data.{name}={value}')}"

    @classmethod
    def of(cls, data: Data) -> "Wanted":
        """What a run's config says of its table."""
        return cls(
            text_column=data.text_column,
            label_column=data.label_column,
            split_column=data.split_column,
            group_column=data.group_column,
            time_column=data.time_column,
            labels=data.labels,
            label_edges=data.label_edges,
            max_bad_rows=data.max_bad_rows,
        )


def reading(encoding: str, separator: str, quoting: str, columns: str) -> Reading:
    """How a table is to be read, from four settings as they are written."""
    names = [name.strip() for name in columns.split(",")] if columns.strip() else []
    return Reading(encoding=encoding, separator=separator, quoting=quoting, columns=tuple(names))
