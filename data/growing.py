"""Arrays that grow by pieces, and may become larger than the memory: in a temporary file, from some size on, and mapped."""

import tempfile
from collections.abc import Iterator
from typing import IO

import numpy as np

IN_MEMORY = 1 << 26  # bytes
AT_ONCE = 1 << 20  # numbers of one step through a large array


class Growing:
    """An array of one dimension, of which pieces are added until it is read."""

    def __init__(self, dtype: type[np.generic]) -> None:
        """An empty array."""
        self._dtype = np.dtype(dtype)
        self._pieces = list[np.ndarray]()
        self._length = 0
        self._file: IO[bytes] | None = None

    def append(self, piece: np.ndarray) -> None:
        """Add numbers behind the others; the piece may be kept, and is not to change any more."""
        self._pieces.append(np.asarray(piece, self._dtype))
        self._length += len(piece)
        if self._file is None and self._length * self._dtype.itemsize > IN_MEMORY:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it goes with whoever maps it
        if self._file is not None:
            for each in self._pieces:
                self._file.write(np.ascontiguousarray(each).data)
            self._pieces.clear()

    def whole(self) -> np.ndarray:
        """All of it, writable; nothing can be added any more."""
        if self._file is None:
            return np.concatenate([np.zeros(0, self._dtype), *self._pieces])
        self._file.flush()
        with self._file as file:  # the map stays when the file is closed
            return np.asarray(np.memmap(file, self._dtype, "r+", shape=(self._length,)))


def pieces(values: np.ndarray) -> Iterator[np.ndarray]:
    """A large array step by step, as views."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
