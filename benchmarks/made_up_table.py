"""`python -m benchmarks.made_up_table 1000000 reviews.csv`: a table of made-up reviews, of any size, the same for the same size.

Words are drawn by Zipf's law out of 200,000, as in texts of people. Some of them come in pairs, of which one stands rather in
positive reviews and the other in negative ones. A review has 200 words on average. A million takes two minutes and 1.2 GB.
"""

import argparse
from pathlib import Path

import numpy as np

WORDS, SHORTEST, LONGEST = 200_000, 80, 320
AT_ONCE = 10_000  # reviews
TELLING, FROM = 40, 60  # of so many words one pair tells the class, apart from the most frequent ones
LEANING = 0.65  # the share of a telling word in reviews of its class


def main() -> None:
    """Write the table that the command line asks for."""
    parser = argparse.ArgumentParser(description="Write a table of made-up reviews, with the columns text and label.")
    parser.add_argument("reviews", type=int)
    parser.add_argument("path", type=Path)
    options = parser.parse_args()
    write(options.reviews, options.path)


def write(reviews: int, path: Path, seed: int = 0) -> None:
    """Write a CSV file with so many reviews, half of them positive, in no order."""
    rng = np.random.default_rng(seed)
    words, chances = _words(rng), np.cumsum(1 / (np.arange(WORDS) + 2.7))
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        for start in range(0, reviews, AT_ONCE):
            n = min(AT_ONCE, reviews - start)
            labels, lengths = rng.integers(0, 2, n), rng.integers(SHORTEST, LONGEST + 1, n)
            drawn = np.searchsorted(chances, rng.random(lengths.sum()) * chances[-1]).clip(max=WORDS - 1)
            texts = np.split(words[_leaning(drawn, np.repeat(labels, lengths), rng)], np.cumsum(lengths)[:-1])
            file.writelines(f'"{" ".join(text)}.",{("neg", "pos")[label]}\n' for text, label in zip(texts, labels, strict=True))


def _words(rng: np.random.Generator) -> np.ndarray:
    """Different words of two to ten letters and a number of their own, `<object>[WORDS]`."""
    letters = rng.integers(ord("a"), ord("z") + 1, (WORDS, 10), dtype=np.uint8)
    lengths = rng.integers(2, 11, WORDS)
    spelled = (row[:length].tobytes().decode() for row, length in zip(letters, lengths.tolist(), strict=True))
    known = dict[str, None]()
    for number, word in enumerate(spelled):
        known[word if word not in known else f"{word}{number}"] = None
    return np.array(list(known), dtype=object)


def _leaning(drawn: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The drawn words, where those that tell the class are rather the ones of their review's class."""
    tells = (drawn % TELLING < 2) & (drawn >= FROM)
    leans = rng.random(len(drawn)) < LEANING
    return np.where(tells, drawn // 2 * 2 + np.where(leans, labels, 1 - labels), drawn)


if __name__ == "__main__":
    main()
