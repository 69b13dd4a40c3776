"""Texts in files, a folder a class: `pos/1.txt`, also below `train` and `test`, as aclImdb has them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from data.tables.content import as_data_error, printable
from data.tables.encoding import Text, find_encoding, shown_encoding
from data.tables.splits import split_named
from data.tables.table import BadRow, Found, Reading, Row
from data.tables.tree import Tree

_LARGEST = 20_000_000  # bytes of one text
_LOOKED_AT = 1_000  # files that an encoding is found from
_ENDINGS = (".txt", ".text")
_UNLABELLED = "unsup"
CLASS_FOLDERS = "a folder of class folders"


@dataclass(frozen=True)
class Place:
    """Where a text lies says what it is."""

    path: str
    label: str
    split: str  # "" where the folders have none


@dataclass(frozen=True)
class ClassFoldersTable:
    """A table with a row for each file."""

    tree: Tree
    places: tuple[Place, ...]
    encoded: Text  # how the bytes of a file become characters
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the folder or archive."""
        return self.tree.name

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The text, its class, its file, and its part where there are parts."""
        return ("text", "label", "title", *(["split"] if self.places[0].split else []))

    @cached_property
    def found(self) -> Found:
        """What was found out about the folders."""
        labels = list(dict.fromkeys(place.label for place in self.places if place.label))
        splits = list(dict.fromkeys(place.split for place in self.places if place.split))
        shown = ", ".join(labels[:6]) + (", ..." if len(labels) > 6 else "")
        about = [f"{len(labels)} classes: {shown}", f"parts {', '.join(splits)}" if splits else ""]
        about += [self.encoded.shown, *self.notes]
        return Found(CLASS_FOLDERS, tuple(filter(None, about)))

    def place(self, number: int) -> str:
        """The file of a row."""
        return printable(self.places[number - 1].path)

    def rows(self) -> Iterator[Row | BadRow]:
        """All rows in the order of their paths, anew at each call, in constant memory.

        Raises:
            DataError: a file cannot be read.
        """
        for number, place in enumerate(self.places, 1):
            yield self._row(number, place)

    def _row(self, number: int, place: Place) -> Row | BadRow:
        about = (printable(place.label), printable(place.path.rpartition("/")[2]), *([place.split] if place.split else []))
        content = _read(self.tree, place.path)
        if len(content) > _LARGEST:
            return BadRow(number, f"has more than {_LARGEST:,} bytes", ("", *about))
        try:
            text = content.decode(self.encoded.encoding)
        except UnicodeDecodeError as error:
            reason = f"has a byte {content[error.start]:#04x} that is not {shown_encoding(self.encoded.encoding)}"
            shown = content.decode(self.encoded.encoding, "backslashreplace")
            return BadRow(number, f"{reason}{self.encoded.advice}", (shown, *about))
        return Row(number, (text, *about)) if "\0" not in text else BadRow(number, "has a NUL byte", (text, *about))


def _read(tree: Tree, path: str) -> bytes:
    with as_data_error(printable(f"{tree.name}, {path}")), tree.files[path]() as file:
        return file.read(_LARGEST + 1)


def class_places(tree: Tree, *, is_of_texts: bool = False) -> tuple[Place, ...]:
    """Where the texts of class folders lie; nothing where the folders are no classes.

    Classes lie side by side, at least two of them, or parts that have them do; texts that lie elsewhere are none.

    Args:
        tree: the files.
        is_of_texts: whether files without an ending are texts too, as nothing else in the folder can be read.
    """
    places: dict[tuple[str, ...], list[Place]] = {}
    for path, (*parents, folder) in _folders(_texts(tree, is_of_texts=is_of_texts)).items():
        split = split_named(parents[-1]) if parents else ""
        root = tuple(parents[:-1] if split else parents)
        if folder and not split_named(folder):
            places.setdefault((*root, *(["/"] if split else [])), []).append(Place(path, folder, split))
        elif split_named(folder) == _UNLABELLED and split:
            places.setdefault((*root, "/"), []).append(Place(path, "", _UNLABELLED))
    fitting = [found for found in places.values() if len({place.label for place in found if place.label}) > 1]
    return tuple(fitting[0]) if len(fitting) == 1 else ()


def unclear_folders(tree: Tree) -> str:
    """What is found where texts lie in several folders of which it is not clear which are the classes; nothing elsewhere."""
    folders = list(dict.fromkeys(path.rpartition("/")[0] for path in _texts(tree, is_of_texts=True)))
    if len(folders) < 2 or not any("/" in folder for folder in folders):
        return ""
    shown = ", ".join(printable(folder or "its top") for folder in folders[:4]) + ", ..." * (len(folders) > 4)
    above = next(folder for folder in folders if "/" in folder).rpartition("/")[0]
    return (
        f"has texts in {len(folders)} folders ({shown}), and which of these are classes is not clear; expected a folder for each "
        "class, side by side, also below train and test: name the folder that they lie in "
        f"({printable(f'{tree.name}/{above}')}), or move them"
    )


def _texts(tree: Tree, *, is_of_texts: bool) -> list[str]:
    """The files that are texts by their names; those without an ending, as of 20 Newsgroups, only where there are no others."""
    texts = [path for path in tree.files if path.lower().endswith(_ENDINGS)]
    return texts or [path for path in tree.files if is_of_texts and "." not in path.rpartition("/")[2]]


def _folders(paths: list[str]) -> dict[str, list[str]]:
    """The folders of each path, without a last one that all of them have, which is no class: `neg/texts/1.txt`."""
    folders = {path: path.split("/")[:-1] or [""] for path in paths}
    while folders and min(map(len, folders.values())) > 1 and len({each[-1] for each in folders.values()}) == 1:
        folders = {path: each[:-1] for path, each in folders.items()}
    return folders


def open_class_folders(tree: Tree, places: tuple[Place, ...], reading: Reading, notes: tuple[str, ...] = ()) -> ClassFoldersTable:
    """The table of texts in class folders.

    Raises:
        DataError: a file cannot be read, or the encoding is unknown.
    """
    paths = {place.path for place in places}
    others = [path for path in tree.files if path.lower().endswith(_ENDINGS) and path not in paths]
    if others:
        notes = (*notes, f"{len(others)} .txt files in no class not read: {', '.join(others[:3])}{', ...' * (len(others) > 3)}")
    step = max(1, len(places) // _LOOKED_AT)
    sample = (_read(tree, place.path)[:_LARGEST] for place in islice(places, 0, None, step))
    encoded = find_encoding(sample, reading.encoding, tree.name)
    return ClassFoldersTable(tree, places, encoded, notes)
