"""How much of what they will read the networks know: of the validation reviews, which no network has learned from."""

from dataclasses import replace

import numpy as np

from data.types import Dataset
from data.vocabulary import FIRST_WORD, OOV, START
from records.summary import LEAST_KNOWN


def known_share(dataset: Dataset) -> float:
    """The share of the validation tokens that stand in training reviews and have an id of their own; 0 where there are none."""
    is_known, n_known, n = np.zeros(dataset.vocab_size, dtype=bool), 0, 0
    for block in dataset.train.sequences.blocks():
        is_known[block.values[block.values < dataset.vocab_size]] = True
    is_known[OOV] = False
    for block in dataset.validation.sequences.blocks():
        words = block.values[block.values != START]
        n_known, n = n_known + int(is_known[words[words < dataset.vocab_size]].sum()), n + len(words)
    return n_known / n if n else 0.0


def with_notice(dataset: Dataset) -> Dataset:
    """The dataset, with a note where the networks will know too few of the words."""
    share = known_share(dataset)
    if share >= LEAST_KNOWN:
        return dataset
    words, ways = len(dataset.vocabulary.words), []
    if words + FIRST_WORD > dataset.vocab_size:
        ways.append(f"raise data.vocab_size ({dataset.vocab_size - FIRST_WORD:,} of {words:,} words have a vector)")
    if dataset.vocabulary.tokenizer.rule != "subwords":
        ways.append("choose --set data.tokens=subwords (characters, for a script without spaces)")
    ways.append("check the encoding of the texts")
    note = f"only {int(100 * share)} % of the words of the validation reviews are known to the networks: {', or '.join(ways)}"
    return replace(dataset, origin=replace(dataset.origin, notes=(*dataset.origin.notes, note)))
