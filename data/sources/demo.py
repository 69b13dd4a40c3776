"""A generated corpus whose labels depend on word order and distance, so that counting words is not enough.

Every opinion clause agrees with the review's label, but only some say so plainly. Others negate the opposite word from a
few words away, set an opinion against another ("but"), or take one back. The words next to an opinion word are the same in
all of them, so neither words nor pairs of words tell much; who reads in order can know.
Lengths follow IMDB's: log-normal, median about 178 words, 11 to 900.
"""

import numpy as np

from data.buckets import IMDB_EDGES
from data.sources.parts import TEST, TRAIN
from data.types import SourceReviews

POSITIVE = ("superb", "moving", "clever", "gripping", "charming", "brilliant")
NEGATIVE = ("dull", "clumsy", "tedious", "lifeless", "dreadful", "shallow")
NEGATORS = ("not", "never", "hardly")
STRETCHERS = ("by any stretch", "in my honest view", "as far as i can tell", "at any point", "even for a moment")
TAILS = ("for me", "on the whole", "to be fair", "that evening")
ASPECTS = ("plot", "acting", "script", "music", "camera work", "ending", "dialogue", "pacing", "cast", "opening scene")
PLAIN = "the {aspect} was {verdict}"
NEGATED = "the {aspect} was {negator} {opposite}"
CONTRASTED = "they call the {aspect} {opposite} but it was {verdict}"
RETRACTED = "i once called the {aspect} {opposite} and i take that back"
SHARES = {PLAIN: 0.47, NEGATED: 0.33, CONTRASTED: 0.15, RETRACTED: 0.05}  # of the opinion clauses
FILLERS = (
    "we watched it on a rainy evening with the whole family",
    "the story begins in a small town near the coast",
    "it runs for about two hours",
    "my neighbour lent me the disc last week",
    "there is a long scene on a train",
    "the director also made two films about sailors",
    "some of it was filmed in winter",
    "a detective , a singer and a dog share most of the screen time",
)
MEDIAN_WORDS, SPREAD, SHORTEST, LONGEST = 178, 0.65, 11, 900


def generate(reviews: int, seed: int, notes: tuple[str, ...] = ()) -> SourceReviews:
    """Generate `reviews` reviews, half of them positive, the last third the test part; the same for the same seed."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(reviews) % 2).astype(np.int8)
    lengths = np.clip(rng.lognormal(np.log(MEDIAN_WORDS), SPREAD, reviews), SHORTEST, LONGEST).astype(int)
    texts = [_review(bool(label), int(length), rng) for label, length in zip(labels, lengths, strict=True)]
    return SourceReviews(
        title="demo corpus (generated, not IMDB)",
        labels=labels,
        parts=np.where(np.arange(reviews) >= reviews * 2 // 3, TEST, TRAIN).astype(np.int8),
        texts=texts,
        is_demo=True,
        is_imdb=True,
        notes=notes,
        bucket_edges=IMDB_EDGES,
    )


def _review(positive: bool, length: int, rng: np.random.Generator) -> str:
    """Clauses and fillers until `length` words are reached, then cut to it; the first clause is always an opinion."""
    words: list[str] = []
    while len(words) < length:
        sentence = _clause(positive, rng) if not words or rng.random() < 0.6 else _pick(FILLERS, rng)
        words += [*sentence.split(), "."]
    return " ".join(words[:length])


def _clause(positive: bool, rng: np.random.Generator) -> str:
    aligned, opposed = (POSITIVE, NEGATIVE) if positive else (NEGATIVE, POSITIVE)
    form = list(SHARES)[rng.choice(len(SHARES), p=list(SHARES.values()))]
    verdict, opposite = (f"{_pick(STRETCHERS, rng)} {_pick(words, rng)} {_pick(TAILS, rng)}" for words in (aligned, opposed))
    return form.format(aspect=_pick(ASPECTS, rng), negator=_pick(NEGATORS, rng), verdict=verdict, opposite=opposite)


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[rng.integers(len(options))]
