"""Which columns of a table hold the texts, the labels and the rest: as named, else by usual names, else by what they hold."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from data.left_out import LeftOut
from data.sources.order import are_known
from data.sources.parts import NO_PART, part_of
from data.sources.plain import MISSING, seen
from data.sources.wanted import AUTO, Wanted
from data.tables.table import Row, Table
from records.classes import MOST_CLASSES
from records.errors import DataError, closest

# Usual names without blanks, marks and capitals, the surest first; those of one text are equally good.
TEXT_NAMES = (
    "text",
    "review reviews reviewtext reviewbody reviewcontent fulltext",
    "sentence content comment comments commenttext body tweet tweettext message sms phrase document verifiedreviews post",
    "utterance summary title headline description subject selftext",
)
_LABEL_NAMES = (
    "label",
    "labels sentiment airlinesentiment sentimentlabel class target polarity y",
    "stars star rating ratings starrating overall overallrating score reviewscore reviewrating userrating",
    "category emotion topic intent verdict feedback recommended recommendedind isspam spam type labelname labeltext",
)
_SPLIT_NAMES = (
    "split",
    "set subset part partition dataset fold",
)


def of_names(columns: Sequence[str], names: str) -> list[int]:
    """The positions of the columns that have one of these names, whatever blanks, marks and capitals are in theirs."""
    wanted = names.split()
    return [number for number, name in enumerate(columns) if re.sub(r"[\W_]", "", seen(name).casefold()) in wanted]


@dataclass(frozen=True)
class Columns:
    """Positions of the columns that are read; None for one that there is not."""

    texts: tuple[int, ...]  # several are joined by a blank
    label: int | None = None
    split: int | None = None
    group: int | None = None
    time: int | None = None
    unused_splits: tuple[int, ...] = field(default=(), compare=False)  # called as a split is, without a word for a part

    def text(self, cells: Sequence[str]) -> str:
        """The text of a row, joined by a blank where it stands in several columns."""
        if len(self.texts) == 1:
            return cells[self.texts[0]]
        return " ".join(cell for number in self.texts if (cell := cells[number].strip()))

    def notes(self, names: Sequence[str]) -> tuple[str, ...]:
        """A sentence on each of the table's columns that may have been meant and was not used."""
        why = "holds no word for a part (train, validation, test) and was not used"
        return tuple(f"the column {names[number]!r} {why}" for number in self.unused_splits)

    def told(self, names: Sequence[str]) -> str:
        """`texts from 'title' and 'body', labels from 'stars'`.

        Args:
            names: of the table's columns.
        """
        others = {"labels": self.label, "split": self.split, "groups": self.group, "times": self.time}
        texts = " and ".join(repr(names[number]) for number in self.texts)
        each = [f"{what} from {names[number]!r}" for what, number in others.items() if number is not None]
        return ", ".join([f"texts from {texts}", *each])


def find(table: Table, wanted: Wanted, *, has_labels: bool = True) -> Columns:
    """The columns that a person named, and for `auto` those that the table most likely means.

    Args:
        table: to read.
        wanted: what the person said.
        has_labels: whether the labels are needed; otherwise only the texts are looked for.

    Raises:
        DataError: a name is wrong, no column fits, or several fit equally well; it says what to type.
    """
    search = _Search(table, wanted)
    texts = search.texts()
    if not has_labels:
        return Columns(texts)
    group, time = (search.named(name) for name in ("group_column", "time_column"))
    split = search.split({*texts, group, time})
    label = search.label({*texts, split, group, time})
    unused = search.unused_splits({*texts, label, group, time}) if split is None else ()
    return Columns(texts, label, split, group, time, unused)


@dataclass(frozen=True)
class _Search:
    """One table, and what a person wants of it."""

    table: Table
    wanted: Wanted

    def named(self, setting: str, name: str | None = None) -> int | None:
        """The column of this name; None where the setting is empty or `auto`.

        Raises:
            DataError: there is none; it names the closest.
        """
        name, columns = getattr(self.wanted, setting) if name is None else name, self.table.columns
        if name in columns:
            return columns.index(name)
        if name in ("", AUTO):
            return None
        alike = [number for number, column in enumerate(columns) if seen(column).casefold() == seen(name).casefold()]
        if len(alike) == 1:
            return alike[0]
        near = closest(name, columns).removeprefix("; ")
        guess = re.match(r"did you mean (.*)\? Known: ", near)
        tip = f"did you mean {self.wanted.typed(setting, guess[1])}? Its" if guess else "its"
        raise DataError(f"{self.table.name}: no column {name!r} ({self._setting(setting)}); {tip} columns: {', '.join(columns)}")

    def _setting(self, setting: str) -> str:
        return f"--{setting.replace('_', '-')}" if self.wanted.are_options else f"data.{setting}"

    def texts(self) -> tuple[int, ...]:
        """The column of the texts, or those that are joined by a plus sign."""
        name = self.wanted.text_column
        if "+" in name and name not in self.table.columns:
            found = [self.named("text_column", part.strip()) for part in name.split("+")]
            return tuple(number for number in found if number is not None)
        if (found_one := self.named("text_column")) is not None:
            return (found_one,)
        used = {self.named(setting) for setting in ("label_column", "split_column", "group_column", "time_column")}
        return (self._chosen("text_column", TEXT_NAMES, used, self._longest),)

    def label(self, used: Collection[int | None]) -> int:
        """The column of the labels."""
        found = self.named("label_column")
        return self._chosen("label_column", _LABEL_NAMES, used, self._few_valued) if found is None else found

    def split(self, used: Collection[int | None]) -> int | None:
        """The column that says which part a row is of; one that nobody named has such a name and a word for a part."""
        if self.wanted.split_column != AUTO:
            return self.named("split_column")
        return next((number for number in self._like_splits(used) if self._has_part(number)), None)

    def unused_splits(self, used: Collection[int | None]) -> tuple[int, ...]:
        """Columns that are called as a split is, where none was taken."""
        return tuple(self._like_splits(used)) if self.wanted.split_column == AUTO else ()

    def _like_splits(self, used: Collection[int | None]) -> list[int]:
        return [number for names in _SPLIT_NAMES for number in self._of_names(names, used)]

    def _has_part(self, number: int) -> bool:
        """Whether any cell of the whole column is a word for a part; usually the first one is."""
        return any(part_of(row.cells[number]) != NO_PART for row in self.table.rows() if isinstance(row, Row))

    def _of_names(self, names: str, used: Collection[int | None]) -> list[int]:
        return [number for number in of_names(self.table.columns, names) if number not in used]

    def _chosen(
        self,
        setting: str,
        tiers: Sequence[str],
        used: Collection[int | None],
        best: Callable[[Sequence[int]], list[int]],
    ) -> int:
        """The one column of the surest names, else the one that `best` takes of all columns for what they hold.

        Raises:
            DataError: there is none, or more than one.
        """
        found = list[int]()
        for names in tiers:
            found = found or self._of_names(names, used)
        if len(found) != 1:
            found = best(found or [number for number in range(len(self.table.columns)) if number not in used]) or found
        if len(found) == 1:
            return found[0]
        self._survey.left_out.check(self.table.name, 0.5, self.wanted.typed)  # else nothing can be said of any column
        columns, what = self.table.columns, "texts" if setting == "text_column" else "labels"
        if found:
            told = " or ".join(repr(columns[number]) for number in found)
            ways = " or ".join(self.wanted.typed(setting, columns[number]) for number in found)
            raise DataError(f"{self.table.name}: the {what} may stand in {told}; say which with {ways}")
        others = [name for number, name in enumerate(columns) if number not in used]
        if len(columns) == 1:
            way = self.wanted.typed("separator", "CHARACTER")
            raise DataError(
                f"{self.table.name}: has one column, {columns[0]!r}, and labels need one of their own; if another character than "
                f"a comma, a semicolon, a tab or a pipe separates its cells, name it with {way}"
            )
        among = f"among {', '.join(others)}" if others else "beside those that are read already"
        raise DataError(
            f"{self.table.name}: no column looks like {what} {among}; name it with {self.wanted.typed(setting, 'NAME')}"
        )

    def _longest(self, candidates: Sequence[int]) -> list[int]:
        """The column with by far the longest cells, or those that are about as long."""
        lengths = {number: self._survey.characters[number] for number in candidates}
        most = max(lengths.values(), default=0)
        return [number for number in candidates if 2 * lengths[number] > most]

    def _few_valued(self, candidates: Sequence[int]) -> list[int]:
        """The columns of two to fifty different values; of these the ones whose values are known as labels, if any are."""
        values = self._survey.values
        few = [number for number in candidates if 2 <= len(values[number] - MISSING) <= MOST_CLASSES]
        return [number for number in few if are_known(values[number] - MISSING)] or few

    @cached_property
    def _survey(self) -> "_Survey":
        return survey(self.table)


@dataclass(frozen=True)
class _Survey:
    """What the columns of a table hold."""

    values: list[set[str]]  # different cells of each column; not more of them than tell that they are many
    characters: list[int]  # in all cells of each column
    left_out: LeftOut


def survey(table: Table) -> _Survey:
    """Look at every cell of the table once and in constant memory."""
    values, characters = [set[str]() for _ in table.columns], [0] * len(table.columns)
    n_rows, bad = 0, dict[str, list[int]]()
    for n_rows, row in enumerate(table.rows(), 1):  # noqa: B007 - the last of them is the number of all
        if isinstance(row, Row):
            for number, cell in enumerate(row.cells):
                characters[number] += len(cell)
                if len(values[number]) <= MOST_CLASSES + 1:
                    values[number].add(cell)
        else:
            bad.setdefault(row.reason, []).append(row.number)
    return _Survey(values, characters, LeftOut(n_rows, table.place, bad))
