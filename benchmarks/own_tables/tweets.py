"""`tweets.csv`: two classes, 5 to 30 words, links, mentions, hashtags, emoji, copies, and some rows that do not fit. UTF-8."""

import csv
from pathlib import Path

import numpy as np

from benchmarks.own_tables.grammar import Grammar, capitalised, chance, drawn, noisy, pick

ROWS = 6_000
NOISE = 0.06  # share of the labels that are drawn anew
GRAMMAR = Grammar(
    good=("awesome", "so good", "great", "brilliant", "pure joy", "lovely", "amazing", "a treat", "really nice", "on point"),
    bad=("awful", "so bad", "terrible", "a joke", "pure pain", "horrible", "annoying", "a mess", "really poor", "broken"),
    forms={
        "{thing} {was} {verdict}": 0.33,
        "ok {thing} {was} {verdict} {when}": 0.14,
        "{thing} {was} {negator} {stretch}{opposite}": 0.16,
        "{thing} {was} {but} {opposite}": 0.04,
        "who said {thing} would be {opposite}? it {was} {verdict}": 0.11,
        "thought {thing} would be {opposite} and was wrong, all wrong": 0.09,
        "everybody calls {thing} {opposite}, i {disagree}": 0.07,
        "{thing}: {verdict}, and they told me {opposite}": 0.06,
    },
    slots={
        "thing": (
            "the new update", "my phone", "the concert", "this coffee place", "the train today", "monday", "the season finale",
            "the game last night", "my new job", "the weather in {city}", "lunch with {friend}", "the queue at {place}",
            "the new album", "that trailer", "the delivery", "my exam", "the gym", "{friend}'s party", "the wifi here",
        ),
        "was": ("was", "is", "turned out", "has been"),
        "negator": ("not", "never", "hardly", "by no means"),
        "but": ("anything but", "far from"),
        "stretch": ("", "", "even for a minute ", "in any way ", "what i would call ", "as far as i can tell "),
        "disagree": ("really do not see it", "could not disagree more", "beg to differ", "say the opposite"),
        "when": ("today", "again", "as always", "this week", "for once", "after all"),
        "city": ("leeds", "austin", "dublin", "toronto", "perth", "oslo"),
        "place": ("the bank", "starbucks", "the airport", "the post office"),
        "friend": ("anna", "josh", "my sister", "the boss", "mum", "tom"),
        "other": (
            "up since 5am", "on my way to {city}", "waiting for {friend} at {place}", "need a nap", "it is {number} degrees out",
            "watching tv with {friend}", "only {number} days left", "work starts in {number} minutes", "who is coming tonight?",
            "just saw {friend} at {place}", "making dinner now", "have to write {number} pages tomorrow",
        ),
        "number": ("2", "3", "5", "10", "12", "28", "30"),
        "handle": ("@annie_b", "@tomk", "@the_real_joe", "@mrs_p", "@bbc", "@starbucks", "@xbox"),
        "tag": ("#mondays", "#fail", "#win", "#nofilter", "#justsaying", "#tbt", "#life", "#coffee"),
    },
)  # fmt: skip
FACES = {"good": ("😂", "😍", ":)", ":-)", "❤️", "👍🏽", "<3", "🎉"), "bad": ("😡", "😭", ":(", ":-(", "👎", "💔", ":/", "🙄")}
BAD_ROWS = (("9000001", "only an id"), ("9000002", "negative", ""), ("9000003", "positive", "a comma, too", "many"))


def write(folder: Path) -> Path:
    """The file with a row a tweet."""
    rng = np.random.default_rng(21)
    meant = drawn({"negative": 0.5, "positive": 0.5}, ROWS, rng)
    texts = [_tweet(each == "positive", rng) for each in meant]
    rows = [(str(i), label, text) for i, (label, text) in enumerate(zip(noisy(meant, NOISE, rng), texts, strict=True), 1)]
    rows += [(str(len(rows) + i), *rows[int(row)][1:]) for i, row in enumerate(rng.integers(0, ROWS, ROWS // 50), 1)]
    bad = [BAD_ROWS[i % len(BAD_ROWS)] for i in range(ROWS // 200)]
    path = folder / "tweets.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "sentiment", "tweet"))
        writer.writerows(each for i in rng.permutation(len(rows) + len(bad)) for each in [(rows + bad)[i]])
    return path


def _tweet(is_good: bool, rng: np.random.Generator) -> str:
    parts = [GRAMMAR.opinion(is_good, rng)]
    if chance(0.3, rng):
        parts.append(GRAMMAR.opinion(is_good, rng))
    parts += GRAMMAR.others(int(chance(0.5, rng)), rng)
    text = pick((". ", "! ", " - ", ", "), rng).join(parts[int(i)] for i in rng.permutation(len(parts)))
    text = GRAMMAR.fill("{handle} ", rng) * chance(0.3, rng) + (capitalised(text) if chance(0.4, rng) else text)
    text += pick(("", "", "!", "!!", "...", "."), rng)
    text += GRAMMAR.fill(" {tag}", rng) * chance(0.25, rng)
    if chance(0.25, rng):  # faces are honest three times of four
        text += " " + pick(FACES["good" if is_good == chance(0.75, rng) else "bad"], rng)
    link = "".join(rng.choice(list("abcdefghkmnpqrstuvwxyz23456789"), 8))
    return text + f" https://t.example/{link}" * chance(0.15, rng)
