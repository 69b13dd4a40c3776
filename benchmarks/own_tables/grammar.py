"""Templates that become texts: opinions that words alone do not give away, and other sentences around them.

As in the demo corpus, every opinion agrees with the text's label, but some are said by way of the opposite word: negated from
a few words away, reported and contradicted, or taken back. Who counts words sees about the same words in both.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """How texts of one table say what they say."""

    good: tuple[str, ...]
    bad: tuple[str, ...]
    forms: Mapping[str, float]  # opinion with {verdict} (agrees with the label) or {opposite} -> share of all opinions
    slots: Mapping[str, tuple[str, ...]]  # what may stand for another name in braces; its words may have slots themselves

    def opinion(self, is_good: bool, rng: np.random.Generator) -> str:
        """A clause that says what is meant."""
        aligned, opposed = (self.good, self.bad) if is_good else (self.bad, self.good)
        form = list(self.forms)[int(rng.choice(len(self.forms), p=list(self.forms.values())))]
        return self.fill(form, rng, verdict=aligned, opposite=opposed)

    def others(self, n: int, rng: np.random.Generator) -> list[str]:
        """So many sentences without an opinion, from `slots["other"]`, none from the same template before all were taken."""
        templates = self.slots["other"]
        order = [int(i) for _ in range(-(-n // len(templates))) for i in rng.permutation(len(templates))]
        return [self.fill(templates[i], rng) for i in order[:n]]

    def fill(self, template: str, rng: np.random.Generator, **more: Sequence[str]) -> str:
        """The template with something drawn in place of every name in braces."""
        while slot := _SLOT.search(template):
            drawn = pick({**self.slots, **more}[slot[1]], rng)
            template = template[: slot.start()] + drawn + template[slot.end() :]
        return template


def pick(options: Sequence[str], rng: np.random.Generator) -> str:
    """One of them."""
    return options[int(rng.integers(len(options)))]


def chance(probability: float, rng: np.random.Generator) -> bool:
    """True so often."""
    return bool(rng.random() < probability)


def capitalised(sentence: str) -> str:
    """With a capital at its beginning, the rest as it is."""
    return sentence[:1].upper() + sentence[1:]


def drawn(counts: Mapping[str, float], n: int, rng: np.random.Generator) -> list[str]:
    """So many labels in these shares, exactly but for rounding, in a random order."""
    names = list(counts)
    ends = np.round(np.cumsum(list(counts.values())) * n).astype(int)
    return [names[int(i)] for i in rng.permutation(np.searchsorted(ends, np.arange(n), side="right"))]


def noisy(labels: Sequence[str], share: float, rng: np.random.Generator) -> list[str]:
    """Labels as people give them: this share is another one, drawn among those of the whole table."""
    return [pick(labels, rng) if chance(share, rng) else label for label in labels]
