"""A generated corpus whose labels depend on word order, so that counting words is not enough.

Every opinion clause agrees with the review's label, but says so directly ("the plot was superb"), by a negation a few
words away ("the plot was not by any stretch superb"... which is negative), or after a contrast or a retraction that
takes back the opinion before it. Positive and negative words are therefore almost equally frequent in both classes.
Lengths follow IMDB's: log-normal, median about 178 words, 11 to 900.
"""

import numpy as np

from sources.records import SourceReviews

POSITIVE = ("superb", "moving", "clever", "gripping", "charming", "brilliant")
NEGATIVE = ("dull", "clumsy", "tedious", "lifeless", "dreadful", "shallow")
NEGATORS = ("not", "never", "hardly")
STRETCHERS = ("by any stretch", "in my honest view", "as far as i can tell", "at any point", "even for a moment")
ASPECTS = ("plot", "acting", "script", "music", "camera work", "ending", "dialogue", "pacing", "cast", "opening scene")
CONTRASTS = (
    "friends say the {aspect} was {opposite} but in truth it was {verdict}",
    "at first the {aspect} seemed {opposite} yet it turned out {verdict}",
)
RETRACTIONS = ("i once called the {aspect} {opposite} and i take that back , it was {verdict}",)
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
NEGATED, CONTRASTED, RETRACTED = 0.40, 0.10, 0.05  # shares of clauses; the rest speak plainly


def generate(reviews: int, seed: int, notes: tuple[str, ...] = ()) -> SourceReviews:
    """Generate `reviews` reviews, half of them positive, the last third the test part; the same for the same seed."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(reviews) % 2).astype(np.int8)
    lengths = np.clip(rng.lognormal(np.log(MEDIAN_WORDS), SPREAD, reviews), SHORTEST, LONGEST).astype(int)
    texts = [_review(bool(label), int(length), rng) for label, length in zip(labels, lengths, strict=True)]
    return SourceReviews(
        title="demo corpus (generated, not IMDB)",
        labels=labels,
        is_test=np.arange(reviews) >= reviews * 2 // 3,
        texts=texts,
        is_demo=True,
        notes=notes,
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
    aspect, verdict, opposite = _pick(ASPECTS, rng), _pick(aligned, rng), _pick(opposed, rng)
    kind = rng.random()
    if kind < NEGATED:
        return f"the {aspect} was {_pick(NEGATORS, rng)} {_pick(STRETCHERS, rng)} {opposite}"
    if kind < NEGATED + CONTRASTED:
        return _pick(CONTRASTS, rng).format(aspect=aspect, opposite=opposite, verdict=verdict)
    if kind < NEGATED + CONTRASTED + RETRACTED:
        return _pick(RETRACTIONS, rng).format(aspect=aspect, opposite=opposite, verdict=verdict)
    return f"the {aspect} was {_pick(STRETCHERS, rng)} {verdict}"


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[rng.integers(len(options))]
