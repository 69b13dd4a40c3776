"""Behavioural tests of a run: what its models do when a text is changed in one way only.

The idea is CheckList's: Ribeiro et al. (2020), Beyond accuracy: behavioral testing of NLP models, ACL. The texts are this
project's own. Three kinds: a short text has one right verdict; a change that says the same must not turn the verdict; a
change in one direction must not move the probability in the other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

from engine.arrays import predicted
from inference.run import Encoded, FinishedRun
from records.codec import Record
from records.errors import InferenceError

Kind = Literal["label", "same", "direction"]
SHOWN = 3  # failures kept of each test
LEAST_KNOWN = 0.5  # of the tests' words, by a run that they say something of
TOLERANCE = 0.1  # kind `direction`: how far the probability may move the wrong way, as in CheckList
_SUBJECTS = ("film", "story", "acting", "plot", "ending", "script", "cast", "dialogue")
_GOOD = ("good", "great", "wonderful", "excellent", "brilliant", "enjoyable")
_BAD = ("bad", "terrible", "awful", "boring", "dull", "poor")
_STRONGER = ("really", "extremely", "absolutely", "incredibly")
_NAMES = ("Anna Keller", "David Brown", "Maria Silva", "John Miller", "Emma Clark", "Peter Hall", "Sarah Green", "James Young")
_NEUTRAL = (
    "I watched it on a Tuesday evening with my brother.",
    "The film lasts a little less than two hours.",
    "It was shot in three towns near the coast.",
    "We sat in the fourth row, next to the door.",
    "The first scene shows a man who walks through a street.",
    "There are two women, an old doctor and a boy with a dog.",
    "Most of it takes place in a house during one week.",
    "The camera follows them from room to room.",
    "After that the story moves to another city.",
    "The titles at the end are white on black.",
)


@dataclass(frozen=True)
class Probe:
    """One test: a text, what it is changed into, and what must hold."""

    text: str
    changed: str | None = None
    is_positive: bool = True  # kind `label`: the right verdict; kind `direction`: the side to which the probability may move


@dataclass(frozen=True)
class Capability:
    """A set of tests of one thing."""

    name: str
    kind: Kind
    law: str  # for people
    make: Callable[[], Iterator[Probe]]


@dataclass(frozen=True)
class PassRate(Record):
    """What a contender makes of one capability."""

    contender: str
    capability: str
    n: int
    passed: int
    failures: tuple[str, ...]  # the first ones

    @property
    def rate(self) -> float:
        """Share of the tests that it passed."""
        return self.passed / self.n


def _plain() -> Iterator[Probe]:
    for words, is_positive in ((_GOOD, True), (_BAD, False)):
        for subject, word in product(_SUBJECTS, words):
            yield Probe(f"The {subject} was {word}.", is_positive=is_positive)


def _negation() -> Iterator[Probe]:
    frames = (
        "The {subject} was not {word}.",
        "I do not think that the {subject} was {word}.",
        "Nobody can say the {subject} was {word}.",
    )
    for frame, subject, word in product(frames, _SUBJECTS[:5], _GOOD):
        yield Probe(frame.format(subject=subject, word=word), is_positive=False)


def _double_negation() -> Iterator[Probe]:
    frames = ("The {subject} was not {word} at all.", "The {subject} was never {word}.")
    for frame, subject, word in product(frames, _SUBJECTS, _BAD):
        yield Probe(frame.format(subject=subject, word=word), is_positive=True)


def _intensifiers() -> Iterator[Probe]:
    for words, is_positive in ((_GOOD, True), (_BAD, False)):
        for subject, word, stronger in product(_SUBJECTS[:4], words, _STRONGER[:3]):
            yield Probe(f"The {subject} was {word}.", f"The {subject} was {stronger} {word}.", is_positive)


def _contrast() -> Iterator[Probe]:
    for first, second, is_positive in ((_BAD, _GOOD, True), (_GOOD, _BAD, False)):
        for subject, one, other in product(_SUBJECTS[1:4], first[:5], second[:4]):
            yield Probe(f"The {subject} was {one}, but the film as a whole was {other}.", is_positive=is_positive)


def _typos() -> Iterator[Probe]:
    """Two neighbouring letters change places in a word that carries no opinion."""
    for words in (_GOOD, _BAD):
        for subject, word, place in product(("film", "story", "script", "dialogue"), words, (0, 1)):
            swapped = subject[:place] + subject[place + 1] + subject[place] + subject[place + 2 :]
            yield Probe(f"I thought that the {subject} was {word}.", f"I thought that the {swapped} was {word}.")


def _names() -> Iterator[Probe]:
    for words in (_GOOD, _BAD):
        for number, word in product(range(len(_NAMES)), words):
            one, other = _NAMES[number], _NAMES[(number + 3) % len(_NAMES)]
            yield Probe(f"{one} plays the lead, and the film is {word}.", f"{other} plays the lead, and the film is {word}.")


def _longer(*, before: bool) -> Iterator[Probe]:
    """A short review with so much neutral text before or after it that it becomes a long one."""
    for words in (_GOOD, _BAD):
        for word, repeats, start in product(words, (1, 2), (0, 3, 7)):
            opinion = f"The film was {word}. I found the story {word} and the acting {word} too."
            turned = (_NEUTRAL[start:] + _NEUTRAL[:start]) * repeats
            parts = [*turned, opinion] if before else [opinion, *turned]
            yield Probe(opinion, " ".join(parts))


CAPABILITIES = (
    Capability("plain opinion", "label", "one word of opinion has its verdict", _plain),
    Capability("negation", "label", "not good is negative", _negation),
    Capability("negated fault", "label", "not bad at all is positive", _double_negation),
    Capability("contrast", "label", "what comes after but decides", _contrast),
    Capability("intensifiers", "direction", "really good is not clearly less positive than good", _intensifiers),
    Capability("typos", "same", "two letters swapped in a neutral word turn no verdict", _typos),
    Capability("names", "same", "another name turns no verdict", _names),
    Capability(
        "neutral text before", "same", "100 or 200 neutral words before an opinion turn no verdict", lambda: _longer(before=True)
    ),
    Capability(
        "neutral text after", "same", "100 or 200 neutral words after an opinion turn no verdict", lambda: _longer(before=False)
    ),
)


def measure(run: FinishedRun) -> tuple[tuple[PassRate, ...], tuple[str, ...]]:
    """The pass rates of every contender of a run: its specialist for a text's length answers, or its generalist.

    Contenders that have neither for some length are left out. Nobody is asked where the run has no classes `negative` and
    `positive`, or knows too few of the tests' words, as after reviews in another language.

    Returns:
        The pass rates; and a sentence on each contender that is left out because a model of it cannot be asked, or on all.
    """
    rates, left_out = list[PassRate](), list[str]()
    if why := unfit(run):
        return (), (why,)
    probes = {capability: tuple(capability.make()) for capability in CAPABILITIES}
    encoded = {
        text: run.encode(text) for each in probes.values() for probe in each for text in (probe.text, probe.changed) if text
    }
    for contender in run.contenders:
        try:
            verdicts = _verdicts(run, contender, encoded)
        except InferenceError as error:
            left_out.append(str(error))
            continue
        if verdicts is not None:
            rates += [_rate(contender, capability, each, verdicts) for capability, each in probes.items()]
    return tuple(rates), tuple(left_out)


def unfit(run: FinishedRun) -> str:
    """Why these tests, and other English film reviews, say nothing of a run, in a sentence; empty where they do."""
    names = run.data.classes.names
    if not {"negative", "positive"} <= set(names):
        return f"the behavioural tests ask for verdicts of negative and positive, and this run's classes are {', '.join(names)}"
    texts = [run.encode(probe.text) for capability in CAPABILITIES for probe in capability.make()]
    known = 1 - sum(len(each.unknown) + len(each.dropped) for each in texts) / sum(
        len(each.words) + len(each.dropped) for each in texts
    )
    if known < LEAST_KNOWN:
        return f"the behavioural tests are English film reviews, of whose words this run knows {known:.0%}"
    return ""


@dataclass(frozen=True)
class Said:
    """What a contender says of a text."""

    says: str  # the class
    positive: float  # the probability of `positive`


_Verdicts = dict[str, Said]  # by text


def _rate(contender: str, capability: Capability, probes: tuple[Probe, ...], verdicts: _Verdicts) -> PassRate:
    failures = [probe for probe in probes if not _passes(probe, capability.kind, verdicts)]
    shown = tuple(_told(probe, verdicts) for probe in failures[:SHOWN])
    return PassRate(contender, capability.name, len(probes), len(probes) - len(failures), shown)


def _verdicts(run: FinishedRun, contender: str, texts: dict[str, Encoded]) -> _Verdicts | None:
    """What a contender says of each text; None where it has no model for some length.

    Raises:
        InferenceError: one of its models cannot be asked.
    """
    by_bucket: dict[str, list[str]] = {}
    for text, encoded in texts.items():
        by_bucket.setdefault(run.bucket(encoded.ids), []).append(text)
    studies = {bucket: run.of_contender(contender, bucket) for bucket in by_bucket}
    if None in studies.values():
        return None
    verdicts, names = _Verdicts(), run.data.classes.names
    for bucket, study in studies.items():
        group = by_bucket[bucket]
        found = run.by_engine(study).probabilities([texts[text].ids for text in group])  # type: ignore[arg-type]
        positive = found[:, names.index("positive")].tolist()
        said = [Said(names[label], share) for label, share in zip(predicted(found).tolist(), positive, strict=True)]
        verdicts |= dict(zip(group, said, strict=True))
    return verdicts


def _passes(probe: Probe, kind: Kind, verdicts: _Verdicts) -> bool:
    before = verdicts[probe.text]
    if kind == "label" or probe.changed is None:
        return before.says == ("positive" if probe.is_positive else "negative")
    after = verdicts[probe.changed]
    if kind == "same":
        return before.says == after.says
    moved = after.positive - before.positive
    return (moved if probe.is_positive else -moved) >= -TOLERANCE


def _told(probe: Probe, verdicts: _Verdicts) -> str:
    def said(text: str) -> str:
        shown = text if len(text) <= 90 else f"{text[:42]} ... {text[-42:]}"
        return f"“{shown}” {verdicts[text].positive:.0%} positive"

    return said(probe.text) + (f" → {said(probe.changed)}" if probe.changed else "")
