"""What is wrong with the settings of a config that say how a table is read and what its labels mean."""

import codecs

from config import Data
from data.sources.mapping import LabelMapping


def problems_of(data: Data) -> list[str]:
    """A sentence for every setting that cannot be meant, as `data.field: expected ..., got ...`."""
    columns = [name.strip() for name in data.columns.split(",")]
    named = [name for name in columns if name != "-"]
    edges = data.label_edges
    checks = {
        "encoding": (data.encoding == "auto" or _is_codec(data.encoding), "auto, or an encoding such as utf-8 or cp1252"),
        "separator": (data.separator in ("auto", "tab") or len(data.separator) == 1, "auto, tab or one character"),
        "columns": (not data.columns.strip() or ("" not in columns and len(set(named)) == len(named)), "different names: text,label"),
        "text_column": (bool(data.text_column.strip("+ ")), "auto or the name of a column"),
        "label_column": (bool(data.label_column), "auto or the name of a column"),
        "time_column": (not (data.time_column and data.group_column), "none beside data.group_column"),
        "label_edges": (list(edges) == sorted(set(edges)), "ascending numbers"),
        "max_bad_rows": (0 <= data.max_bad_rows <= 1, "a share between 0 and 1"),
    }
    problems = [
        f"data.{name}: expected {expected}, got {getattr(data, name)!r}" for name, (holds, expected) in checks.items() if not holds
    ]
    if data.labels.strip():
        if edges:
            problems.append("data.label_edges: expected none beside data.labels, which names classes too")
        try:
            LabelMapping.parse(data.labels)
        except ValueError as error:
            problems.append(f"data.labels: {error}, in {data.labels!r}; write '1,2=negative 4,5=positive 3=-', or 'bad ok good'")
    return problems


def _is_codec(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding  # type: ignore[attr-defined]
    except (LookupError, ValueError):
        return False
