"""What a network's evidence is read from, as an export holds it: the n-grams of each length as sorted keys, and their ratios.

At prediction nothing is left out of the counts, so that their ratios are all that is needed. An n-gram is found by the place of
its words but the last among the n-grams of their length, and by the id of its last word: a binary search for each length, in
the NumPy of the card as in TensorFlow's graph. N-grams that say nothing, and begin no other that says something, are left out.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.run import Trained
from models.evidence import Evidence, evidence_for

FILE = "evidence.npz"
_NONE = np.iinfo(np.int64).max  # a key above all others


@dataclass(frozen=True)
class NGramsOfLength:
    """The n-grams of one length, by their keys; the last one is none: it stands for all that are not known, and says 0."""

    keys: np.ndarray  # <int64>[n-grams + 1], ascending: the place of all words but the last, times 2^32, and the last one's id
    ratios: np.ndarray  # <float32>[n-grams + 1, sources of counts, numbers], as `models.evidence.evidence_for` gives them


def ngrams_by_length(evidence: Evidence, order: int) -> list[NGramsOfLength]:
    """The words, pairs, triples, ... up to this length that say something, or begin an n-gram that does."""
    ends = np.cumsum(evidence.ngrams.sizes[:order])
    ratios = np.stack([evidence_for(each.held[: ends[-1]], each.reviews) for each in evidence.counts], axis=1)
    parts = [evidence.ngrams.parts(words) for words in range(1, order + 1)]
    numbers = np.split(np.arange(ends[-1]), ends[:-1])
    is_kept = np.asarray(ratios.any(axis=(1, 2)))
    for (shorter, _), of_length in zip(parts[:0:-1], numbers[:0:-1], strict=True):  # the longest ones first
        is_kept[shorter[is_kept[of_length]]] = True
    places, found = np.zeros(ends[-1], np.int64), []
    for (shorter, last), of_length in zip(parts, numbers, strict=True):
        kept = is_kept[of_length]
        keys = places[shorter[kept]] << 32 | last[kept]
        by_key = np.argsort(keys)
        ascending = of_length[kept][by_key]
        places[ascending] = np.arange(len(ascending))
        nothing = np.zeros_like(ratios[:1])
        found.append(NGramsOfLength(np.append(keys[by_key], _NONE), np.concatenate([ratios[ascending], nothing])))
    return found


def write(trained: Trained, folder: Path) -> None:
    """Write `folder/evidence.npz` for a network that reads evidence: `keys_1`, `ratios_1` of words, `keys_2` of pairs, ..."""
    if trained.evidence is None:
        return
    arrays = dict[str, np.ndarray]()
    for words, ngrams in enumerate(ngrams_by_length(trained.evidence, trained.order), start=1):
        arrays |= {f"keys_{words}": ngrams.keys, f"ratios_{words}": ngrams.ratios}
    np.savez_compressed(folder / FILE, allow_pickle=False, **arrays)  # type: ignore[arg-type]
