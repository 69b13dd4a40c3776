"""What is wrong with settings that say how a table is read and what its labels mean, in a config or on a command line."""

import codecs
from typing import Any

from config import Data
from data.sources.mapping import LabelMapping
from data.tables.dialect import SEPARATOR_EXPECTED, separator_named
from records.classes import MOST_CLASSES

EXAMPLE = "'1,2=negative 4,5=positive 3=-', or 'bad ok good'"


def problems_of(data: Data) -> list[str]:
    """A sentence for every setting of a config that cannot be meant, as `data.field: expected ..., got ...`."""
    edges = data.label_edges
    checks = {
        "time_column": (not (data.time_column and data.group_column), "none beside data.group_column"),
        "label_edges": (list(edges) == sorted(set(edges)) and len(edges) < MOST_CLASSES, f"fewer than {MOST_CLASSES}, ascending"),
    }
    problems = [f"data.{problem}" for problem in reading_problems(data)]
    problems += [
        f"data.{name}: expected {expected}, got {getattr(data, name)!r}"
        for name, (holds, expected) in checks.items()
        if not holds
    ]
    if data.labels.strip() and edges:
        problems.append("data.label_edges: expected none beside data.labels, which names classes too")
    if data.labels.strip() and not any("data.labels" in problem for problem in problems):
        names = LabelMapping.parse(data.labels).names
        if not 2 <= len(names) <= MOST_CLASSES:
            got = f"{', '.join(names[:5])}{' and more' if len(names) > 5 else ''}" if names else "none"
            problems.append(f"data.labels: expected 2 to {MOST_CLASSES} classes, got {got}; write {EXAMPLE}")
    return problems


def reading_problems(settings: Any) -> list[str]:
    """The same for what a config and the options of a command share, as `field: expected ..., got ...`."""
    columns = [name.strip() for name in settings.columns.split(",")]
    named = [name for name in columns if name != "-"]
    are_names = "" not in columns and len(set(named)) == len(named)
    checks = {
        "encoding": (settings.encoding == "auto" or _is_codec(settings.encoding), "auto, or an encoding such as utf-8 or cp1252"),
        "separator": (settings.separator == "auto" or separator_named(settings.separator) is not None, SEPARATOR_EXPECTED),
        "columns": (not settings.columns.strip() or are_names, "different names: text,label"),
        "text_column": (bool(settings.text_column.strip("+ ")), "auto or the name of a column"),
        "label_column": (bool(settings.label_column), "auto or the name of a column"),
        "max_bad_rows": (0 <= settings.max_bad_rows <= 1, "a share between 0 and 1"),
    }
    problems = [
        f"{name}: expected {expected}, got {getattr(settings, name)!r}" for name, (holds, expected) in checks.items() if not holds
    ]
    if settings.labels.strip():
        try:
            LabelMapping.parse(settings.labels)
        except ValueError as error:
            problems.append(f"labels: {error}, in {settings.labels!r}; write {EXAMPLE}")
    return problems


def _is_codec(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding  # type: ignore[attr-defined]
    except (LookupError, ValueError):
        return False
