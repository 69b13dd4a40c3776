"""`python -m benchmarks.tokens`: how many tokens a second each rule finds on one core, in texts of several scripts.

The texts are drawn from a few sentences each, 200 words or so a review; `--file` adds the lines of a file of one's own.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from data.tokenizer import Rule, Tokenizer

SENTENCES = {
    "English": (
        "It's a great film.",
        "The plot was dull, and I didn't like the cast!",
        "We saw it on a rainy evening (7/10).",
    ),
    "German": ("Ein großartiger, überraschend schöner Film.", "Die Handlung war öde.", "Wir sahen ihn an einem Abend im März."),
    "Russian": ("Отличный фильм, актёры играли хорошо.", "Сюжет скучный.", "Мы смотрели его дождливым вечером."),
    "Hindi": ("यह फ़िल्म बहुत अच्छी है।", "कहानी नीरस थी।", "हमने इसे बरसात की शाम को देखा।"),
    "Chinese": ("这部电影非常好看，演员的表演很精彩。", "剧情很差。", "我和家人在一个下雨的晚上看的，给7/10分。"),
    "Thai": ("หนังเรื่องนี้สนุกมาก", "เนื้อเรื่องน่าเบื่อ", "เราดูกันในคืนฝนตก "),
    "tweets": ("so good 😂😂 #film https://a.example/b", "@someone I don’t know… :-)", "worst &amp; longest movie 👎🏽 <3"),
}
_CHARACTERS, _ROUNDS = 1_000, 5


def main() -> None:
    """Print a row a language: millions of tokens a second by each rule, the best of some rounds."""
    parser = argparse.ArgumentParser(description="Tokens a second of every rule, one core.")
    parser.add_argument("--reviews", type=int, default=1_000, help="of each language")
    parser.add_argument("--file", type=Path, help="UTF-8, a review a line")
    options = parser.parse_args()
    texts = {name: reviews(sentences, options.reviews) for name, sentences in SENTENCES.items()}
    if options.file:
        texts[options.file.name] = options.file.read_text(encoding="utf-8").splitlines()
    rules: tuple[Rule, ...] = ("imdb", "words", "characters")
    print(f"{'million tokens a second':24}" + "".join(f"{rule:>12}" for rule in rules))
    for name, each in texts.items():
        print(f"{name:24}" + "".join(f"{speed(Tokenizer(rule), each) / 1e6:12.2f}" for rule in rules))


def reviews(sentences: tuple[str, ...], count: int) -> list[str]:
    """So many texts of these sentences, in a random order each."""
    rng, times = np.random.default_rng(1), 1 + _CHARACTERS // sum(map(len, sentences))
    return [" ".join(rng.permutation(sentences * times)) for _ in range(count)]


def speed(tokenizer: Tokenizer, texts: list[str]) -> float:
    """Tokens a second of processor time, in the best of some rounds."""
    seconds = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        tokens = sum(len(tokenizer(text)) for text in texts)
        seconds.append(time.process_time() - started)
    return tokens / min(seconds)


if __name__ == "__main__":
    main()
