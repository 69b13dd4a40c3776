"""`airline.csv`: tweets to airlines, negative, neutral or positive (63, 21 and 16 %), among columns of other things."""

import csv
from pathlib import Path

import numpy as np

from benchmarks.own_tables.grammar import Grammar, capitalised, chance, drawn, noisy, pick

ROWS = 7_000
NOISE = 0.06
SHARES = {"negative": 0.63, "neutral": 0.21, "positive": 0.16}
COLUMNS = (
    "tweet_id", "airline_sentiment", "airline_sentiment_confidence", "negativereason", "airline", "name", "retweet_count",
    "text", "tweet_created", "tweet_location", "user_timezone",
)  # fmt: skip
SLOTS = {
    "line": ("@united", "@AmericanAir", "@SouthwestAir", "@JetBlue", "@USAirways", "@VirginAmerica"),
    "city": ("Denver", "Boston", "Dallas", "LAX", "JFK", "Chicago", "Phoenix", "Miami", "Seattle"),
    "n": ("2", "3", "4", "5", "6", "12", "20", "45", "90"),
    "flight": ("flight {digit}{digit}{digit}", "my flight to {city}", "the flight from {city}", "my connection in {city}"),
    "digit": tuple("123456789"),
    "thing": ("my bag", "my suitcase", "the crew", "your website", "the gate agent", "customer service", "the app", "my seat"),
    "event": ("delayed", "late", "cancelled", "lost", "overbooked", "stuck on the runway", "sitting on hold"),
    "month": ("March", "April", "June", "next week", "the summer"),
    "time": ("today", "this morning", "last night", "yesterday", "again"),
    "thanks": ("thank you", "thanks", "many thanks", "thx"),
}
GRAMMAR = Grammar(
    good=("great", "friendly", "on time", "helpful", "smooth", "the best", "kind", "fast", "amazing"),
    bad=("rude", "late", "useless", "a disaster", "the worst", "slow", "broken", "unhelpful", "a joke"),
    forms={
        "{thing} was {verdict} {time}": 0.45,
        "{flight} was {negator} {stretch}{opposite}": 0.22,
        "they promised {thing} would be {opposite}, it was {verdict}": 0.13,
        "{flight} was {verdict}, {negator} {opposite}": 0.10,
        "i was told {thing} is {opposite}, that is not what i saw {time}": 0.10,
    },
    slots=SLOTS | {"negator": ("not", "never"), "stretch": ("", "for a minute ", "at any point ")},
)
NEGATIVE = (
    "{flight} has been {event} for {n} hours", "{thanks} for nothing, {thing} is still in {city}",
    "{n} hours on hold and nobody answers", "still no word about {thing}, {n} days and counting",
    "I missed my connection in {city} because {flight} was {event}", "never flying with you again after {time}",
    "you {event} my bag {time} and nobody says sorry",
)  # fmt: skip
NEUTRAL = (
    "do you fly from {city} to {city} in {month}?", "how do I change {flight}?", "can I take {n} bags to {city}?",
    "is {flight} {event} or on time?", "what happens if {flight} is {event}?", "who do I ask about {thing} in {city}?",
    "please follow me, I need to send you a message about {flight}", "when do fares for {month} come out?",
    "heading to {city} with {flight}", "was {thing} {event} {time}? a friend in {city} is asking", "is {thing} great or a joke?",
)  # fmt: skip
POSITIVE = (
    "{thanks} for the help with {thing} {time}", "{n} flights with you and not once {event}",
    "{flight} was {event} but {thing} made up for it, {thanks}", "nothing was {event} {time}, {thanks}",
    "found {thing} that was {event} within {n} minutes, {thanks}", "love flying with you to {city}",
)  # fmt: skip
ENDS = {"negative": ("", "", "!", ".", " #fail", " 😡", " :("), "neutral": ("", "."), "positive": ("", ".", "!", " :)", " 👏")}
REASONS = ("Late Flight", "Customer Service Issue", "Lost Luggage", "Cancelled Flight", "Can't Tell")


def write(folder: Path) -> Path:
    """The file with a row a tweet."""
    rng = np.random.default_rng(23)
    meant = drawn(SHARES, ROWS, rng)
    path = folder / "airline.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number, (sentiment, said) in enumerate(zip(meant, noisy(meant, NOISE, rng), strict=True)):
            writer.writerow(_row(number, sentiment, said, rng))
    return path


def _row(number: int, sentiment: str, said: str, rng: np.random.Generator) -> tuple[str, ...]:
    line = GRAMMAR.fill("{line}", rng)
    return (
        str(570_000_000_000 + 7 * number),
        said,
        pick(("1.0", "1.0", "0.68", "0.65", "0.36"), rng),
        pick(REASONS, rng) if said == "negative" else "",
        line[1:],
        f"user{rng.integers(10**5)}",
        str(rng.poisson(0.1)),
        f"{line} {_text(sentiment, rng)}",
        f"2015-02-{rng.integers(10, 25)} {rng.integers(24):02d}:{rng.integers(60):02d}:00 -0800",
        pick(("", "", "Boston, MA", "New York", "Texas", "here and there"), rng),
        pick(("", "Eastern Time (US & Canada)", "Pacific Time (US & Canada)"), rng),
    )


def _text(sentiment: str, rng: np.random.Generator) -> str:
    """One or two sentences of the sentiment; a neutral tweet has no opinion."""
    own = {"negative": NEGATIVE, "neutral": NEUTRAL, "positive": POSITIVE}[sentiment]
    sentences = []
    for _ in range(1 + chance(0.45, rng)):
        is_opinion = sentiment != "neutral" and chance(0.55, rng)
        sentences.append(GRAMMAR.opinion(sentiment == "positive", rng) if is_opinion else GRAMMAR.fill(pick(own, rng), rng))
    if sentiment != "neutral" and chance(0.2, rng):
        sentences.insert(0, GRAMMAR.fill(pick(("{flight} {time}", "flying to {city} {time}"), rng), rng))
    text = pick((". ", "! ", ", "), rng).join(map(capitalised, sentences))
    return text + pick(ENDS[sentiment], rng) * (text[-1] != "?")
