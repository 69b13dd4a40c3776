"""Reviews in a table: CSV or TSV (plain or gzipped), or Parquet when its reader is installed."""

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.types import SourceReviews
from records.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
LABELS = {"0": 0, "1": 1, "neg": 0, "pos": 1, "negative": 0, "positive": 1, "false": 0, "true": 1}
SPLITS = {"train": False, "test": True}


def read(path: Path, *, text: str, label: str, split: str, unlabelled: bool = False) -> SourceReviews:
    """Read texts, labels and, where that column exists, the train/test split.

    Args:
        path: the file; its ending says its format.
        text: name of the column of texts.
        label: name of the column of labels (0/1, neg/pos, negative/positive, false/true).
        split: name of the optional column train/test/unsup; rows marked unsup have no label.
        unlabelled: whether to read the rows marked unsup too; otherwise they are left out and counted.

    Raises:
        DataError: unreadable file, missing column, unknown label or split, one class only, or empty texts.
    """
    table = _load(path)
    for name, key in (("data.text_column", text), ("data.label_column", label)):
        if key not in table.columns:
            raise DataError(f"{path}: no column {key!r} ({name}); its columns are {', '.join(map(str, table.columns))}")
    has_label = table[split] != "unsup" if split in table.columns else np.full(len(table), fill_value=True)
    labelled, further = table[has_label], table[~has_label]
    notes: tuple[str, ...] = ()
    if len(further) and not unlabelled:
        notes = (f"{len(further):,} rows marked unsup carry no label and were left out (data.unlabelled=True reads them)",)
        further = further[:0]
    is_test = _is_test(labelled, split, path) if split in table.columns else None
    labels = _mapped(labelled, label, LABELS, path).astype(np.int8)
    if len(np.unique(labels)) < 2:
        raise DataError(f"{path}: column {label!r} holds one class only; two are needed to learn anything")
    _refuse_empty([labelled[text], further[text]], path)
    return SourceReviews(
        title=path.name,
        labels=labels,
        is_test=is_test,
        texts=labelled[text].tolist(),
        unlabelled=tuple(further[text]),
        notes=notes,
    )


def _is_test(table: "pd.DataFrame", split: str, path: Path) -> np.ndarray:
    """`<bool>[rows]`: whether each row belongs to the test part."""
    is_test = _mapped(table, split, SPLITS, path)
    if is_test.all() or not is_test.any():
        raise DataError(f"{path}: column {split!r} must hold both train and test rows; rename it to have a split drawn")
    return is_test


def _refuse_empty(columns: "list[pd.Series]", path: Path) -> None:
    if empty := [row for texts in columns for row in texts.index[texts.str.strip() == ""]]:
        rows = ", ".join(str(row + 2) for row in empty[:5])  # as an editor counts lines: from 1, the names of the columns first
        raise DataError(f"{path}: {len(empty)} empty texts (first at row {rows}); remove those rows")


def _load(path: Path) -> "pd.DataFrame":
    import pandas as pd  # imported here: half a second that only this source needs

    try:
        if path.name.endswith(".parquet"):
            return pd.read_parquet(path).astype(str)
        separator = "\t" if ".tsv" in path.name else ","
        return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 (byte {error.start}: {error.reason}); save it as UTF-8") from error
    except ImportError as error:
        raise DataError(f"{path}: reading Parquet needs pyarrow; run with EXTRAS=parquet, or save it as CSV") from error
    except (OSError, ValueError, EOFError, zlib.error) as error:  # pandas' parser errors are ValueErrors
        raise DataError(f"{path}: cannot be read as a table: {error}") from error


def _mapped(table: "pd.DataFrame", column: str, meaning: dict[str, int] | dict[str, bool], path: Path) -> np.ndarray:
    values = table[column].str.strip().str.lower()
    unknown = sorted(set(values) - set(meaning))
    if unknown:
        raise DataError(f"{path}: column {column!r} holds {', '.join(map(repr, unknown[:5]))}; expected {', '.join(meaning)}")
    return values.map(meaning).to_numpy()
