"""Texts that stand in the data more than once, and those among them that stand there with different labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SHOWN = 60  # characters of a text


@dataclass(frozen=True)
class Repeats:
    """What of some labelled texts stands there more than once."""

    n_repeated: int  # texts that repeat an earlier one
    n_conflicts: int  # texts that stand there with more than one label, each counted once
    conflict: str  # the first of these

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence on texts with different labels, or none."""
        if not self.n_conflicts:
            return ()
        are = "text stands" if self.n_conflicts == 1 else "texts stand"
        return (f"{self.n_conflicts:,} {are} in the data with more than one label, such as {shortened(self.conflict)!r}",)


def repeats(texts: Sequence[str], labels: np.ndarray) -> Repeats:
    """Look for texts that are the same, letter for letter.

    Args:
        texts: to look at, once.
        labels: of the texts, `<int>[texts]`.
    """
    hashes = np.fromiter(map(hash, texts), np.int64, len(texts))  # 64 bits: no two texts share one by chance
    _, first, same = np.unique(hashes, return_index=True, return_inverse=True)
    conflicts = np.unique(first[same[labels != labels[first][same]]])
    return Repeats(len(texts) - len(first), len(conflicts), texts[int(conflicts[0])] if len(conflicts) else "")


def shortened(text: str) -> str:
    """A text in one line, cut where it is long."""
    line = " ".join(text[: 4 * _SHOWN].split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."
