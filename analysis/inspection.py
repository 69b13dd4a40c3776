"""What stands in a table, and what a run would make of it: counts, examples, repeats, scripts and lengths. Nothing is trained.

Of a large table, lengths and scripts are those of a sample; parts and buckets follow from lengths that are estimated from it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

import data_preprocessing
from config import Config, Data
from data.encoding import choose_tokenizer
from data.fitting import Fitted, Labelled
from data.repeats import Repeats, repeats
from data.sources.parts import TEST
from data.types import Lengths, SourceReviews

SAMPLE = 2_000  # texts of which tokens are counted
_SCRIPT_TEXTS, _SCRIPT_CHARACTERS = 1_000, 1_000  # texts whose scripts are told, and so many characters of each
_SCRIPTS = """
    Latin Cyrillic Greek Han Hiragana Katakana Hangul Arabic Hebrew Devanagari Bengali Gurmukhi Gujarati Tamil Telugu Kannada
    Malayalam Sinhala Thai Lao Khmer Myanmar Tibetan Georgian Armenian Ethiopic Mongolian
"""
_QUANTILES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)


@dataclass(frozen=True)
class Inspection:
    """A table's labelled reviews in numbers."""

    source: SourceReviews
    class_counts: tuple[int, ...]
    examples: tuple[str, ...]  # the first text of each class
    repeats: Repeats
    scripts: dict[str, float]  # script -> share of the letters, the most frequent first
    lengths: np.ndarray  # tokens of each review, <int64>[reviews]; of a large table estimated
    n_counted: int  # reviews whose tokens were counted

    @property
    def is_estimated(self) -> bool:
        """Whether tokens were counted of a sample only."""
        return self.n_counted < len(self.source.labels)

    @property
    def length_quantiles(self) -> dict[str, int]:
        """Share -> tokens that so many reviews do not exceed."""
        return {f"{q:.0%}": int(np.quantile(self.lengths, q)) for q in _QUANTILES}


def inspect(source: SourceReviews, data: Data, seed: int) -> Inspection:
    """Look at the reviews of a table.

    Args:
        source: with texts.
        data: how a run would read them.
        seed: a sample is drawn from it.
    """
    texts, labels = source.texts or [], source.labels
    rng = np.random.default_rng(seed)
    counted = np.sort(rng.permutation(len(texts))[:SAMPLE])
    first = [int(np.flatnonzero(labels == label)[0]) for label in range(len(source.classes))]
    return Inspection(
        source=source,
        class_counts=tuple(np.bincount(labels, minlength=len(source.classes)).tolist()),
        examples=tuple(texts[number] for number in first),
        repeats=repeats(texts, labels),
        scripts=scripts([texts[number] for number in counted[:: max(1, len(counted) // _SCRIPT_TEXTS)]]),
        lengths=_lengths(source, counted, data),
        n_counted=len(counted),
    )


def outline(inspection: Inspection, config: Config) -> tuple[Labelled, Fitted, tuple[str, ...]]:
    """The parts and the buckets that a run would cut, and what a person should know of them.

    Raises:
        DataError: a run would refuse the table.
    """
    labelled, fitted = data_preprocessing.outline(inspection.source, Lengths.of(inspection.lengths), config)
    source = inspection.source
    _, about_tokens = choose_tokenizer(source, labelled.parts == TEST, config.data)
    notes = (*about_tokens, *data_preprocessing.notes(config, labelled, fitted))
    return labelled, fitted, tuple(note for note in notes if note not in source.left_out.notes)


def _lengths(source: SourceReviews, counted: np.ndarray, data: Data) -> np.ndarray:
    """Tokens of each review, `<int64>[reviews]`; those that are not counted have as many a character as the others."""
    texts = source.texts or []
    sample = replace(source, texts=[texts[number] for number in counted], labels=source.labels[counted], unlabelled=())
    lengths = data_preprocessing.lengths_of(sample, data)
    if len(counted) == len(texts):
        return lengths
    characters = np.array([len(text) for text in texts])
    estimated = 1 + np.rint(characters * (lengths.sum() - len(lengths)) / characters[counted].sum()).astype(np.int64)
    estimated[counted] = lengths
    return np.maximum(estimated, 2) if (lengths > 1).all() else estimated


def scripts(texts: Sequence[str]) -> dict[str, float]:
    """The scripts that texts are written in, with their shares of the letters, the most frequent first."""
    import regex  # imported here: only this asks for scripts of Unicode

    letters = Counter[str]()
    for text in texts:
        letters.update(text[:_SCRIPT_CHARACTERS])
    is_letter = regex.compile(r"\p{L}")
    counts = {letter: count for letter, count in letters.items() if is_letter.match(letter)}
    found = Counter[str]()
    for name in _SCRIPTS.split():
        of_script = regex.compile(rf"\p{{Script={name}}}")
        found[name] = sum(count for letter, count in counts.items() if of_script.match(letter))
    found["other"] = sum(counts.values()) - sum(found.values())
    return {name: count / sum(counts.values()) for name, count in found.most_common() if count}
