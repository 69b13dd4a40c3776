"""Texts that stand in the data more than once, and those among them that stand there with different labels."""

from collections.abc import Sequence

import numpy as np

_SHOWN = 60  # characters of a text


def repeats(texts: Sequence[str], labels: np.ndarray) -> tuple[int, tuple[str, ...]]:
    """How many texts repeat an earlier one, and the texts that stand there with different labels, each once."""
    label_of, conflicts = dict[int, int](), dict[str, None]()
    for text, label in zip(texts, labels.tolist(), strict=True):
        first = label_of.setdefault(hash(text), label)  # 64 bits: no two texts share one by chance
        if first != label:
            conflicts[text] = None
    return len(texts) - len(label_of), tuple(conflicts)


def notes(conflicts: Sequence[str]) -> tuple[str, ...]:
    """A sentence on texts with different labels, or none."""
    if not conflicts:
        return ()
    are = "text stands" if len(conflicts) == 1 else "texts stand"
    return (f"{len(conflicts):,} {are} in the data with more than one label, such as {shortened(conflicts[0])!r}",)


def shortened(text: str) -> str:
    """A text in one line, cut where it is long."""
    line = " ".join(text[: 4 * _SHOWN].split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."
