"""`stars.jsonl`: a product's stars, 1 to 5 and mostly 5, with a summary and a text, as shops give them out. JSON lines."""

import json
from pathlib import Path

import numpy as np

from benchmarks.own_tables.grammar import Grammar, capitalised, chance, drawn, noisy, pick

ROWS = 7_000
NOISE = 0.05
STARS = {"1": 0.11, "2": 0.07, "3": 0.10, "4": 0.17, "5": 0.55}  # their shares
PRAISE = {1: 0.0, 2: 0.25, 3: 0.5, 4: 0.78, 5: 1.0}  # share of good opinions among those of a review
GRAMMAR = Grammar(
    good=("delicious", "fresh", "rich and smooth", "well made", "worth every cent", "lovely", "perfect", "tasty", "great"),
    bad=("stale", "bland", "bitter and thin", "badly made", "a waste of money", "awful", "disappointing", "nasty", "poor"),
    forms={
        "the {aspect} {was} {verdict}": 0.48,
        "i found the {aspect} {verdict} {tail}": 0.12,
        "the {aspect} {was} {negator} {stretch}{opposite}": 0.16,
        "the {aspect} {was} anything but {opposite}": 0.04,
        "other people call the {aspect} {opposite}, but for us it {was} {verdict}": 0.12,
        "i expected the {aspect} to be {opposite} and was surprised": 0.08,
    },
    slots={
        "aspect": (
            "coffee", "taste", "smell", "texture", "tea", "packaging", "price", "second bag", "dark chocolate", "aftertaste",
            "sauce", "cereal", "delivery", "size", "dog food", "mix", "colour", "flavour", "box of twelve",
        ),
        "was": ("was", "is", "turned out to be", "seems"),
        "negator": ("not", "never", "hardly"),
        "stretch": ("", "", "in my opinion ", "by any means ", "what i would call ", "for a moment "),
        "tail": ("for what it costs", "on the whole", "compared with the old one", "to be honest"),
        "who": ("my husband", "my mother", "our dog", "the whole family", "a friend from work"),
        "other": (
            "i ordered {number} of them in {month}", "{who} has it for breakfast", "it came with the post after {number} days",
            "we keep it in the kitchen", "i usually buy the other brand at the store", "{who} asked me where it is from",
            "the label says it is made in {country}", "a bag lasts us about {number} weeks", "you need two spoons for a cup",
            "i read about it in a magazine", "they sell it at the airport in {country} as well", "{who} opened it in {month}",
        ),
        "number": ("two", "three", "four", "six", "ten"),
        "month": ("march", "june", "october", "december"),
        "country": ("italy", "peru", "japan", "mexico", "canada"),
    },
)  # fmt: skip
SUMMARIES = {
    1: ("Never again", "Do not buy", "Terrible", "Not what was shown", "Yuck"),
    2: ("Not for me", "Expected more", "Meh", "Disappointed", "Too expensive"),
    3: ("It is OK", "So so", "Mixed feelings", "Average", "Good and bad"),
    4: ("Pretty good", "Good but not perfect", "Nice", "Would buy again", "Almost great"),
    5: ("Love it", "The best", "Excellent", "Five stars", "Yum", "Wonderful"),
}


def write(folder: Path) -> Path:
    """The file with an object a review."""
    rng = np.random.default_rng(22)
    meant = drawn(STARS, ROWS, rng)
    path = folder / "stars.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, (stars, score) in enumerate(zip(meant, noisy(meant, NOISE, rng), strict=True), 1):
            row = {
                "Id": number,
                "ProductId": f"B{rng.integers(10**6):06d}",
                "UserId": f"A{rng.integers(10**8):08d}",
                "HelpfulnessNumerator": int(rng.poisson(1.5)),
                "Score": int(score),
                "Time": int(rng.integers(1_100_000_000, 1_350_000_000)),
                "Summary": _summary(int(stars), rng),
                "Text": _text(int(stars), rng),
            }
            file.write(json.dumps(row) + "\n")
    return path


def _summary(stars: int, rng: np.random.Generator) -> str:
    """Half of them say what is meant, the others what the thing is."""
    near = int(np.clip(stars + rng.integers(-1, 2), 1, 5))
    return pick(SUMMARIES[near], rng) if chance(0.5, rng) else capitalised(GRAMMAR.fill("{aspect}", rng))


def _text(stars: int, rng: np.random.Generator) -> str:
    """Four to fourteen sentences, half of them opinions, good ones in the share that the stars stand for."""
    opinions = 2 * int(rng.integers(2, 6))
    good = round(PRAISE[stars] * opinions)
    sentences = [GRAMMAR.opinion(i < good, rng) for i in range(opinions)]
    sentences += GRAMMAR.others(int(rng.integers(0, opinions)), rng)
    return " ".join(capitalised(sentences[int(i)]) + pick((".", ".", ".", "!"), rng) for i in rng.permutation(len(sentences)))
