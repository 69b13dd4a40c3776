"""Which table the files of a folder, or of an archive, make."""

import json
import re
from collections.abc import Callable

from data.tables.chained import Part, chain
from data.tables.class_folders import class_places, open_class_folders, unclear_folders
from data.tables.content import Content
from data.tables.splits import SPLITS, split_named, split_of_file
from data.tables.table import Reading, Table
from data.tables.tree import Tree
from records.errors import DataError

TABLES = (".csv", ".tsv", ".tab", ".psv", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".xlsx", ".zip")
_LINES = (".txt", ".text")
_PACKED = (".gz", ".bz2", ".xz")
_ABOUT = re.compile(r"(readme|licen[cs]e|dataset_(infos?|dict)|state|metadata|requirements)(?![a-z])", re.IGNORECASE)
_ORDER = (*SPLITS, "")
_STATE = "state.json"  # beside the Arrow files of a data set that Hugging Face's `save_to_disk` wrote

OpenContent = Callable[[Content, Reading], Table]


def open_tree(tree: Tree, reading: Reading, open_content: OpenContent) -> Table:
    """The table that files make: texts in class folders, parts of a data set, or the only table among them.

    Args:
        tree: the files.
        reading: how tables in them are read.
        open_content: opens one of them.

    Raises:
        DataError: there is no table, or several of which nothing says how they belong together.
    """
    others = [path for path in tree.files if is_table(path)]
    if places := class_places(tree, is_of_texts=not others):
        return open_class_folders(tree, places, reading, _not_read(others))
    if states := [path for path in tree.files if path.rpartition("/")[2] == _STATE]:
        return _saved(tree, states, reading, open_content)
    tables = _tables(tree)
    if len(tables) == 1:
        return open_content(tree.content(tables[0]), reading)
    parts = _parts(tables)
    if not parts:
        unclear = "" if others else unclear_folders(tree)
        raise DataError(f"{tree.name}: {unclear or _said(tree, tables)}")
    notes = _not_read([path for path in tables if path not in parts])
    opened = tuple(Part(split, open_content(tree.content(path), reading)) for path, split in parts.items())
    return chain(tree.name, opened, "a folder of tables", notes)


def _not_read(paths: list[str]) -> tuple[str, ...]:
    return (f"not read: {', '.join(paths[:6])}{', ...' if len(paths) > 6 else ''}",) if paths else ()


def is_table(path: str) -> bool:
    """Whether a file is a table by its name."""
    return _stem_ends(path, TABLES)


def _stem_ends(path: str, endings: tuple[str, ...]) -> bool:
    name = path.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return name.endswith(endings)


def _tables(tree: Tree) -> list[str]:
    """The files that are tables by their names; those ending as plain texts do only where there is nothing else."""
    own = [path for path in tree.files if not _ABOUT.match(path.rpartition("/")[2])]
    tables = [path for path in own if is_table(path)]
    unpacked = [path for path in tables if not path.lower().endswith(".zip")]  # the archive that they came in may lie beside them
    texts = [path for path in own if _stem_ends(path, _LINES) or "." not in path.rpartition("/")[2]]
    return unpacked or tables or texts


def _parts(tables: list[str]) -> dict[str, str]:
    """The parts of a data set among tables, in their order, by path; nothing where it is not clear which they are.

    A part is one file or several that are numbered, all in one folder, or in a folder for each part. One part alone is none.
    """
    found = {path: split_of_file(path) for path in tables}
    found = {path: about for path, about in found.items() if about[0]}
    folders = {_home(path) for path in found}
    shards = {split: [is_shard for _, (other, is_shard) in found.items() if other == split] for split, _ in found.values()}
    is_clear = all(len(several) == 1 or all(several) for several in shards.values())
    if len(folders) != 1 or not is_clear or (len(shards) < 2 and len(found) < len(tables)):
        return {}
    return {path: found[path][0] for path in sorted(found, key=lambda path: (_ORDER.index(found[path][0]), path))}


def _home(path: str) -> str:
    """The folder of a data set that a part belongs to."""
    folder, _, _ = path.rpartition("/")
    above, _, last = folder.rpartition("/")
    return above if split_named(last) else folder


def _saved(tree: Tree, states: list[str], reading: Reading, open_content: OpenContent) -> Table:
    """A data set, or a dictionary of them, as Hugging Face's `save_to_disk` writes them."""
    parts = []
    for path in sorted(states, key=lambda path: _ORDER.index(_saved_split(path))):
        folder = path.rpartition("/")[0]
        with tree.content(path).open() as file:
            try:
                state = json.load(file)
                files = [str(each["filename"]) for each in state["_data_files"]]
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{tree.name}: {path} is not as Hugging Face's datasets write it; save it again") from error
        if state.get("_indices_data_files"):
            raise DataError(f"{tree.name}: {path} tells of rows in another order; call flatten_indices() and save it again")
        for name in files:
            arrow = f"{folder}/{name}" if folder else name
            if arrow not in tree.files:
                raise DataError(f"{tree.name}: {arrow} is missing; copy the whole folder")
            parts.append(Part(_saved_split(path), open_content(tree.content(arrow), reading)))
    if len({part.split == "" for part in parts}) > 1:
        raise DataError(f"{tree.name}: holds several data sets ({', '.join(states[:8])}); name the folder of one")
    return chain(tree.name, tuple(parts), "a data set of Hugging Face")


def _saved_split(path: str) -> str:
    folder = path.rpartition("/")[0]
    return split_named(folder.rpartition("/")[2])


def _said(tree: Tree, tables: list[str]) -> str:
    """What there is, and what could be read."""
    if not tables:
        some = ", ".join([*tree.files][:5]) or "nothing"
        return (
            f"holds no table ({some}{', ...' if len(tree.files) > 5 else ''}); expected one table, train.csv and test.csv, or "
            "a folder of .txt files for each class"
        )
    some = ", ".join(tables[:8]) + (f" and {len(tables) - 8} more" if len(tables) > 8 else "")
    return f"holds several tables ({some}); name one of them, or call them train.csv, validation.csv and test.csv"
