"""Which part of the data each row of a table says that it is of."""

import numpy as np

from data.sources.plain import seen
from records.errors import DataError

TRAIN, VALIDATION, TEST = 0, 1, 2  # positions in `data.types.PARTS`
UNSUP, EVAL, NO_PART = 3, 4, -1  # an unlabelled row; a row of a part that is validation beside a test part; no word
PART_WORDS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("validation", "validate", "valid", "val", "dev", "development"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
    **dict.fromkeys(("unsup", "unsupervised", "unlabelled", "unlabeled"), UNSUP),
    "eval": EVAL,
    "evaluation": EVAL,
}
_NAMES = {TRAIN: "training", VALIDATION: "validation", TEST: "test"}


def part_of(cell: str) -> int:
    """The part that a cell names, a value of `PART_WORDS`, or NO_PART."""
    return PART_WORDS.get(seen(cell).casefold(), NO_PART)


def resolve(parts: np.ndarray, name: str) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """What the words of a table's rows come to.

    Args:
        parts: `<int8>[reviews]`, of labelled rows, values of `PART_WORDS`.
        name: of the table, for people.

    Returns:
        `<int8>[reviews]`, positions in `data.types.PARTS`, or None where the rows are of one part only, so that all parts are
        drawn; and what a person should know of it.

    Raises:
        DataError: there is nothing to learn from.
    """
    there = set(np.unique(parts).tolist())
    if EVAL in there:
        parts = np.where(parts == EVAL, VALIDATION if TEST in there else TEST, parts).astype(np.int8)
        there = set(np.unique(parts).tolist())
    if len(there) == 1:
        (only,) = there
        return None, (f"all labelled rows are of the {_NAMES[only]} part; the other parts are drawn from them",)
    if TRAIN not in there:
        raise DataError(
            f"{name}: it has validation and test rows and none for training; mark some as train, or have the parts drawn with "
            "--set data.split_column="
        )
    if TEST not in there:
        return parts, ("no labelled rows are for testing: the test part is drawn from the training rows",)
    return parts, ()
