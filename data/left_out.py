"""Rows that are left out because they do not fit: how many, what is wrong with them, and where the first of them stand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from records.errors import DataError

_REASONS, _PLACES = 3, 3  # that a sentence tells before it counts
_MOSTLY = 0.5  # share of rows from which on it is not the rows that are wrong
_READING = (("separator", "tab"), ("quoting", "none"), ("columns", "text,label"))  # settings with an example of each


@dataclass(frozen=True)
class LeftOut:
    """The rows of a source that nobody reads, though they were meant to be read."""

    n_rows: int = 0  # of the source, those that are left out among them
    place: Callable[[int], str] = "row {}".format  # where the row of a number stands
    numbers: Mapping[str, Sequence[int]] = field(default_factory=dict)  # what is wrong -> rows; it ends `line 12 ...`

    def __len__(self) -> int:
        return sum(map(len, self.numbers.values()))

    def with_more(self, reason: str, numbers: Sequence[int]) -> "LeftOut":
        """The same, and these rows."""
        if not len(numbers):
            return self
        return LeftOut(self.n_rows, self.place, {**self.numbers, reason: [*self.numbers.get(reason, ()), *numbers]})

    @property
    def reasons(self) -> str:
        """`line 12 has no text (like line 80); line 90 has 3 cells where the first row names 2`, the first rows first."""
        ordered = sorted((sorted(numbers), reason) for reason, numbers in self.numbers.items())
        told = [self._told(numbers, reason) for numbers, reason in ordered[:_REASONS]]
        rest = sum(len(numbers) for numbers, _ in ordered[_REASONS:])
        return "; ".join([*told, *([f"{rest:,} more for other reasons"] if rest else [])])

    def _told(self, numbers: list[int], reason: str) -> str:
        first, *others = map(self.place, numbers[:_PLACES])
        more = [f"{len(numbers) - _PLACES:,} more"] if len(numbers) > _PLACES else []
        return f"{first} {reason}" + (f" (like {_listed([*others, *more])})" if others else "")

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence, or none where nothing was left out."""
        n = len(self)
        return (f"{n:,} of {self.n_rows:,} rows {'was' if n == 1 else 'were'} left out: {self.reasons}",) if n else ()

    def check(self, name: str, limit: float, typed: Callable[[str, str], str]) -> None:
        """Refuse a source of which more than this share of the rows does not fit.

        Args:
            name: of the source, for people.
            limit: the largest share that may be left out.
            typed: what to type for a setting, as `Wanted.typed`.

        Raises:
            DataError: names the first rows, and the setting that allows more of them.
        """
        share = len(self) / max(1, self.n_rows)
        if share > limit:
            allowed = int(share * 100 + 1) / 100
            way = f"leave them out with {typed('max_bad_rows', f'{allowed:g}')}"
            if share > _MOSTLY:
                way = "say how the table is to be read: " + ", ".join(typed(*each) for each in _READING)
            raise DataError(
                f"{name}: {len(self):,} of {self.n_rows:,} rows ({share:.1%}) do not fit: {self.reasons}; mend them, or {way}"
            )


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
