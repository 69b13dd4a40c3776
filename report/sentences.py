"""What the numbers of a run say, in words: sentences that pages and the terminal share."""

from collections.abc import Callable, Iterable, Sequence

from inference.explain import COMPLETE, DeletionCurve, Explanation
from models import registry
from models.roster import Entry, Roster
from records.about import ListedRun
from records.findings import BucketVerdict, Standing
from records.study import ALL, Study
from report.figures.style import naming

RANDOM = "random"  # the order that every other one is measured against
_A_POINT = 0.01  # of probability: less is not said to be better than chance
_AGAINST = {"better than": "beats", "cannot be told from": "cannot be told from", "worse than": "loses to"}
_PLURAL = {"beats": "beat", "cannot be told from": "cannot be told from", "loses to": "lose to"}
_Called = Callable[[Study], str]

# -- verdicts ----------------------------------------------------------------------------------------------------------


def bucket_sentence(verdict: BucketVerdict, roster: Roster) -> str:
    """Which network validation chooses for a bucket, how it compares, who is like chance, and how all stand to the yardsticks."""
    if verdict.leader is None:
        return "No network has a result here."
    networks = [s for s in verdict.standings if not s.study.is_yardstick]
    called = naming((s.study for s in verdict.standings), roster)
    leader = next(s for s in networks if s.study == verdict.leader)
    competing = {s.study for s in networks if s.study.contender not in roster.controls}
    parts = [_choice(verdict, leader, called), *_rivals(verdict, leader, competing, called)]
    if guessing := [called(s.study) for s in networks if s.like_chance]:
        parts.append(f"{_names(guessing)} cannot be told from chance ({100 * verdict.chance:.1f} %)")
    parts += _yardsticks(verdict, networks, called, len(competing))
    return ". ".join(parts) + "."


def _choice(verdict: BucketVerdict, leader: Standing, called: _Called) -> str:
    text = f"Validation chooses {called(leader.study)}: {_percent(leader)}"
    if not verdict.n_leaked:
        return text
    shared = "the text that stands" if verdict.n_leaked == 1 else f"the {verdict.n_leaked} texts that stand"
    return f"{text}, {100 * leader.accuracy_without_leaked:.1f} % without {shared} in the training part too"


def _rivals(verdict: BucketVerdict, leader: Standing, competing: set[Study], called: _Called) -> list[str]:
    """How the leader compares with the networks it was compared with; nothing where there are none."""
    rivals = [s.study for s in verdict.standings if s.study in competing and verdict.verdict_on(leader.study, s.study)]
    by_verdict = {how: [study for study in rivals if verdict.verdict_on(leader.study, study) == how] for how in _AGAINST}
    it = "It" if leader.repeats > 1 else "In one training each it"
    if len(rivals) > 1 and set(by_verdict["better than"]) == competing - {leader.study}:
        return [f"{it} is better than every other network"]
    clauses = [f"{how} {_names(map(called, studies))}" for how, studies in by_verdict.items() if studies]
    return [f"{it} " + ", ".join(c if c.startswith("cannot") else f"is {c}" for c in clauses)] if clauses else []


def _yardsticks(verdict: BucketVerdict, networks: list[Standing], called: _Called, n: int) -> list[str]:
    """What each yardstick reaches, and how the networks that have seen the same labels stand to it."""
    parts = []
    for yardstick in (s for s in verdict.standings if s.study.is_yardstick):
        rivals = [s.study for s in networks if s.study.yardstick == yardstick.study]
        against = {how: [s for s in rivals if verdict.verdict_on(s, yardstick.study) == how] for how in _AGAINST}
        clauses = [_against([*map(called, studies)], how, n) for how, studies in against.items() if studies]
        if clauses:
            parts.append(f"The {called(yardstick.study).lower()} reaches {_percent(yardstick)}: {', '.join(clauses)}")
    return parts


def _against(names: list[str], how: str, of: int) -> str:
    """Who stands so to the yardstick: `GRU beats it`, `LSTM and SimpleRNN lose to it`, `all networks lose to it`."""
    verb = _AGAINST[how]
    if len(names) == of > 1:
        return f"all networks {_PLURAL[verb]} it"
    return f"{_names(names)} {verb if len(names) == 1 else _PLURAL[verb]} it"


def overall_sentence(verdicts: Sequence[BucketVerdict], roster: Roster) -> str:
    """Which networks validation chooses over all buckets, and how often they beat the linear yardstick."""
    leaders = [(verdict, verdict.leader) for verdict in verdicts if verdict.leader is not None and verdict.bucket != ALL]
    if not leaders:
        return "No network has a result yet."
    called, n = naming((s.study for verdict in verdicts for s in verdict.standings), roster), len(leaders)
    text = f"Validation chooses {_names(dict.fromkeys(called(leader) for _, leader in leaders))}."
    against = [_AGAINST.get(v.verdict_on(leader, leader.yardstick) or "") for v, leader in leaders]
    counts = {how: against.count(how) for how in _AGAINST.values() if how in against}
    clauses = [
        f"{how} {'it' if number else 'the linear yardstick'} in {'every bucket' if k == n else f'{k} of {n} buckets'}"
        for number, (how, k) in enumerate(counts.items())
    ]
    return text + (f" What it chooses {', '.join(clauses)}." if clauses else "")


def chosen_sentence(run: ListedRun) -> str:
    """The networks that validation chose for a run's buckets, and the mean of their test accuracies; `-` for none."""
    if not run.led:
        return "-"
    names, accuracies = zip(*run.led, strict=True)
    known = registry.ARCHITECTURES  # contenders have titles already, and an earlier version may have had other architectures
    called = (registry.title(name) if name in known else name for name in names)
    n = len(accuracies)
    return f"{', '.join(dict.fromkeys(called))}: {100 * sum(accuracies) / n:.1f} % over {n} bucket{'s' if n > 1 else ''}"


def contender_sentences(roster: Roster) -> list[str]:
    """Who each contender is that is more than an architecture with the run's settings: ablations, variants and controls."""
    return [_contender_sentence(entry, roster) for entry in roster.entries if entry.title != registry.title(entry.architecture)]


def _contender_sentence(entry: Entry, roster: Roster) -> str:
    if entry.control_of:
        return (
            f"{entry.title}, is the control of {roster.title(entry.control_of)}: its first training once more, with the same "
            "setting and seed, by Keras's own layer. It takes part in no comparison."
        )
    own = [f"{change.name} is {change.value} (the run's is {change.of_run})" for change in entry.changes]
    text = f"{entry.title} is the architecture {registry.title(entry.architecture)}" + (f"; its {_names(own)}" if own else "")
    if entry.parent is None:
        return f"{text}."
    return f"{text}. Among the networks it is compared with {roster.title(entry.parent)} only."


def _percent(standing: Standing) -> str:
    return f"{100 * standing.accuracy:.1f} % ({100 * standing.low:.1f} to {100 * standing.high:.1f})"


def _names(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


# -- explanations ------------------------------------------------------------------------------------------------------


def completeness_sentence(explanation: Explanation) -> str:
    """How well the integrated gradients share out what there is to share; or that there are none."""
    if explanation.base_logit is None or explanation.completeness_gap is None:
        return (
            f"The verdict is a logit of {_signed(explanation.logit)}. Integrated gradients are not available for a network that "
            "Keras reads: the shares are those of occlusion."
        )
    told = explanation.logit - explanation.base_logit
    side, gap = "above" if told >= 0 else "below", explanation.completeness_gap
    verdict = (
        f"The verdict is a logit of {_signed(explanation.logit)}, {abs(told):.2f} {side} the {_signed(explanation.base_logit)} "
        "of a text of this length without any meaning."
    )
    if gap <= COMPLETE:
        return f"{verdict} The shares of integrated gradients add up to that difference to within {max(gap, 0.0001):.4f}."
    advice = "do not rely on their colours" if gap > abs(told) / 4 else "their colours are rough"
    return f"{verdict} The shares of integrated gradients miss that by {gap:.2f}: {advice}, occlusion asks the model itself."


def faithfulness_sentence(curves: Sequence[DeletionCurve]) -> str:
    """What taking out words in each method's order does to the verdict, against a random order."""
    falls = {curve.method: curve.fall for curve in curves}
    chance = falls.pop(RANDOM)
    told = ", ".join(f"{_points(fall)} in the order of {method}" for method, fall in falls.items())
    best = max(falls, key=lambda method: falls[method])
    is_known = falls[best] - chance >= _A_POINT
    return (
        "With 5 to 50 % of the words taken out, the most important ones first, the probability of the verdict is on average "
        f"{told}, and {_points(chance)} in a random order: "
        + (f"the order of {best} says best what the model goes by." if is_known else "no order says more than chance.")
    )


def _signed(number: float) -> str:
    return f"{number:+.2f}".replace("-", "\u2212")


def _points(fall: float) -> str:
    """By how much a probability falls: `31 points lower`."""
    points = round(100 * fall)
    return f"{abs(points)} point{'s' * (abs(points) != 1)} {'higher' if points < 0 else 'lower'}"
