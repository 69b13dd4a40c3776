"""How much of what they will read the networks know: of the validation reviews, which no network has learned from."""

from dataclasses import replace

import numpy as np

from data.types import Dataset
from data.vocabulary import FIRST_WORD, OOV, START
from records.summary import LEAST_KNOWN


def known_share(dataset: Dataset) -> float:
    """The share of the validation tokens that stand in training reviews and have an id of their own; 0 where there are none."""
    train, tokens = dataset.train.sequences.values, dataset.validation.sequences.values
    is_known = np.zeros(max(train.max(initial=OOV), tokens.max(initial=OOV)) + 1, dtype=bool)
    is_known[train] = True
    is_known[[OOV]] = is_known[dataset.vocab_size :] = False
    tokens = tokens[tokens != START]
    return float(is_known[tokens].mean()) if len(tokens) else 0.0


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
