"""Texts in any number: in memory while they are few, else in a temporary file, so that a table may be larger than the memory."""

import operator
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np

IN_MEMORY = 1 << 26  # bytes of all texts together


class _Read(Sequence[str]):
    """Whatever gives a text by its place."""

    def _at(self, place: int) -> str:
        raise NotImplementedError

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self._at(each) for each in range(*place.indices(len(self)))]
        number = operator.index(place)
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        return self._at(number % len(self))


class Texts(_Read):
    """Texts one after the other in UTF-8. They are not to be read by two threads at once."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Take these texts; others may follow."""
        # It moves to the disk when it has grown, and is gone with the process, however that ends.
        self._bytes = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - open as long as somebody reads
        weakref.finalize(self, self._bytes.close)
        self._offsets, self._is_at_end = array("q", [0]), True
        for text in texts:
            self.append(text)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def append(self, text: str) -> None:
        """Add a text behind the others."""
        written = text.encode("utf-8", "surrogatepass")  # JSON may hold halves of characters
        if not self._is_at_end:  # looking for the place would empty the buffer
            self._bytes.seek(self._offsets[-1])
            self._is_at_end = True
        self._bytes.write(written)
        self._offsets.append(self._offsets[-1] + len(written))

    def _at(self, place: int) -> str:
        start, end = self._offsets[place], self._offsets[place + 1]
        self._bytes.seek(start)
        self._is_at_end = False
        return self._bytes.read(end - start).decode("utf-8", "surrogatepass")

    def take(self, places: np.ndarray) -> "Chosen":
        """The texts at these places, in this order, without a copy of them."""
        return Chosen(self, places)


class Chosen(_Read):
    """Some of other texts, which stay where they are."""

    def __init__(self, texts: Sequence[str], places: np.ndarray) -> None:
        """Those at these places, `<int64>[n]`."""
        self._texts, self._places = texts, places

    def __len__(self) -> int:
        return len(self._places)

    def _at(self, place: int) -> str:
        return self._texts[int(self._places[place])]
