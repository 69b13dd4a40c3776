"""The scripts that texts are written in, by letters: Latin, Han, Arabic ...; and whether spaces stand between their words."""

from collections import Counter
from collections.abc import Sequence

from data.tokenizer import UNSPACED, UNSPACED_LETTER, compiled

_TEXTS, _CHARACTERS = 1_000, 2_000  # so many texts are looked at, and so much of each
_SPACED = (
    *("Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Bengali", "Tamil", "Telugu", "Kannada", "Malayalam"),
    *("Gujarati", "Gurmukhi", "Oriya", "Sinhala", "Hangul", "Georgian", "Armenian", "Ethiopic", "Mongolian", "Thaana", "Syriac"),
)
_SEGMENTED = 0.2  # spaces a letter from which on words are divided by hand: words have two letters or three, clauses eight


def sample(texts: Sequence[str]) -> list[str]:
    """The beginnings of some of the texts, evenly drawn from all of them."""
    return [texts[place][:_CHARACTERS] for place in range(0, len(texts), 1 + len(texts) // _TEXTS)]  # one whole text at a time


def script_shares(texts: Sequence[str]) -> dict[str, float]:
    """Of the letters in a sample of the texts, the share of each script, the largest first; `other` for rare scripts."""
    counts = Counter("".join(sample(texts)))
    letters = {letter: count for letter, count in counts.items() if letter.isalpha()}
    total, found = sum(letters.values()), dict[str, float]()
    for script in (*_SPACED, *UNSPACED):
        if members := compiled(rf"\p{{Script={script}}}").findall("".join(letters)):
            found[script] = sum(letters.pop(letter) for letter in members) / total
    if letters:
        found["other"] = sum(letters.values()) / total
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def unspaced_shares(texts: Sequence[str]) -> dict[str, float]:
    """The shares of the scripts whose words stand without spaces in these texts, the largest first.

    Texts of such a script whose words were divided by spaces beforehand have none.
    """
    joined = "\n".join(sample(texts))
    if joined.isascii():
        return {}
    letters = len(compiled(UNSPACED_LETTER).findall(joined))
    divided = len(compiled(rf"(?<={UNSPACED_LETTER})[^\S\n]+(?={UNSPACED_LETTER})").findall(joined))
    if divided > _SEGMENTED * letters:
        return {}
    return {script: share for script, share in script_shares(texts).items() if script in UNSPACED}


def told(shares: dict[str, float]) -> str:
    """Shares for people: `Han 61 %, Hiragana 30 %`."""
    return ", ".join(f"{script} {share:.0%}".replace("%", " %") for script, share in shares.items() if share >= 0.01)
