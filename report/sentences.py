"""What the numbers of a run say, in words: sentences that pages and the terminal share."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from analysis.search_size import largest, readers_of_evidence
from inference.explain import COMPLETE, DeletionCurve, Explanation
from models import registry
from models.roster import Entry, Roster
from records.about import ListedRun
from records.classes import Classes
from records.findings import BucketVerdict, Climbed, Standing
from records.study import ALL, Study
from records.summary import DataSummary
from report.figures.style import naming

RANDOM = "random"  # the order that every other one is measured against
MISLEADING = 1.4  # times the share that the largest class would have if all were the same size: 70 % of two classes,
AT_LEAST = 0.4  # and so large a share: of many classes a large one is no good guess
_A_POINT = 0.01  # of probability: less is not said to be better than chance
_VERDICTS = ("better than", "worse than", "cannot be told from")
_AGAINST = {"better than": "ahead of", "worse than": "behind", "cannot be told from": "cannot be told from"}  # a yardstick
_Called = Callable[[Study], str]

# -- classes -----------------------------------------------------------------------------------------------------------


def chance_sentence(data: DataSummary, verdicts: Sequence[BucketVerdict]) -> str:
    """What accuracy is to be measured against, and that it misleads where one class is much more frequent than others."""
    worst = max(verdicts, key=lambda verdict: verdict.chance, default=None)
    if worst is None or worst.chance < max(MISLEADING / len(data.classes), AT_LEAST):
        return ""
    where = "" if len(verdicts) == 1 or worst.bucket == ALL else f" of {worst.bucket} tokens"
    return (
        f"One class makes up {100 * worst.chance:.0f} % of the test reviews{where}: whoever always names it is right that often. "
        "Accuracy says little here; macro-F1, the mean over the classes of F1, counts every class the same."
    )


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
    """What the yardsticks of each scope reach, and how the networks that have seen the same labels stand to them."""
    parts = []
    yardsticks = [s for s in verdict.standings if s.study.is_yardstick]
    for same_labels in dict.fromkeys(s.study.yardsticks for s in yardsticks):
        there = [s for s in yardsticks if s.study in same_labels]
        rivals = dict[tuple[str | None, ...], list[str]]()
        for study in (s.study for s in networks if s.study.yardsticks == same_labels):
            rivals.setdefault(tuple(verdict.verdict_on(study, s.study) for s in there), []).append(called(study))
        names = [f"the {_inside(called(s.study))}" for s in there]
        clauses = [_stand(rivals[hows], hows, names, n) for hows in sorted(rivals, key=_order) if None not in hows]
        if clauses:
            reached = [f"{name} {_percent(s)}" for name, s in zip(names[1:], there[1:], strict=True)]
            first = f"{_capital(names[0])} reaches {_percent(there[0])}"
            parts.append(f"{_names([first, *reached])}: {', '.join(clauses)}")
    return parts


def _order(hows: tuple[str | None, ...]) -> list[int]:
    """Sorts how networks stand to the yardsticks: ahead of both first, behind both last."""
    return [("better than", "cannot be told from", "worse than", None).index(how) for how in hows]


def _stand(networks: list[str], hows: tuple[str | None, ...], names: Sequence[str], of: int) -> str:
    """How these networks stand to the yardsticks: `GRU is ahead of both`, `all networks are behind both`.

    Args:
        networks: that stand alike.
        hows: the verdict on them and each yardstick.
        names: of the yardsticks.
        of: how many networks there are.
    """
    who = "all networks" if len(networks) == of > 1 else _names(networks)
    return f"{who} {_to(hows, names, 'are' if len(networks) > 1 else 'is')}"


def _to(hows: Sequence[str | None], names: Sequence[str], verb: str) -> str:
    """`is ahead of both`, `cannot be told from either`, `is ahead of one and behind the other`."""
    if len(set(hows)) == 1:
        how = _AGAINST[hows[0] or ""]
        all_of_them = "it" if len(hows) == 1 else "either" if how.startswith("cannot") else "both"
        return f"{how} {all_of_them}" if how.startswith("cannot") else f"{verb} {how} {all_of_them}"
    clauses = [f"{_AGAINST[how]} {names[hows.index(how)]}" for how in _VERDICTS if how in hows]
    return f"{verb} {_names(clauses)}"


def overall_sentence(verdicts: Sequence[BucketVerdict], roster: Roster) -> str:
    """Which networks validation chooses over all buckets, and how often they are ahead of both linear models."""
    leaders = [(verdict, verdict.leader) for verdict in verdicts if verdict.leader is not None and verdict.bucket != ALL]
    if not leaders:
        return "No network has a result yet."
    called, n = naming((s.study for verdict in verdicts for s in verdict.standings), roster), len(leaders)
    text = f"Validation chooses {_names(dict.fromkeys(called(leader) for _, leader in leaders))}."
    counts = Counter(filter(None, (_to_yardsticks(verdict, leader) for verdict, leader in leaders)))
    clauses = [f"{how} in {'every bucket' if k == n else f'{k} of {n} buckets'}" for how, k in counts.items()]
    return text + (f" Beside the linear models of the same reviews, what it chooses {', '.join(clauses)}." if clauses else "")


def _to_yardsticks(verdict: BucketVerdict, network: Study) -> str | None:
    """How a network stands to its yardsticks, which are not named; None where it was compared with none."""
    there = [how for how in (verdict.verdict_on(network, each) for each in network.yardsticks) if how]
    there.sort(key=_VERDICTS.index)
    return _to(there, ("one", "the other"), "is") if there else None


def ladder_sentence(verdicts: Sequence[BucketVerdict], roster: Roster) -> str:
    """How far accuracy goes on each bucket from a ladder's lowest rung to its highest, and which rungs surely count."""
    climbs = [(verdict.bucket, [each for each in verdict.climb(roster.ladder) if each]) for verdict in verdicts]
    sentences = [_climb(bucket, climbed, roster) for bucket, climbed in climbs if len(climbed) > 1]
    return " ".join(sentences) or "No two rungs have a result."


def _climb(bucket: str, climbed: Sequence[Climbed], roster: Roster) -> str:
    """As in: On 0-129 accuracy goes from 71.2 to 80.5 %, surely by pooling (+4.1 points) and evidence (+5.2)."""
    first, last = (100 * each.standing.accuracy for each in (climbed[0], climbed[-1]))
    sure = [(roster.title(c.standing.study.contender).removeprefix("+ "), c.gain) for c in climbed if c.gain and c.gain.is_sure]
    units = (" points", *[""] * len(sure))
    steps = [f"{name} ({signed_points(100 * gain.difference)}{unit})" for (name, gain), unit in zip(sure, units, strict=False)]
    why = f"surely by {_names(steps)}" if steps else "no step surely"
    return f"On {'all lengths' if bucket == ALL else bucket} accuracy goes from {first:.1f} to {last:.1f} %, {why}."


def signed_points(points: float) -> str:
    """A difference in percentage points: `+4.1`."""
    text = f"{points:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "\u2212")


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


def evidence_sentences(roster: Roster, data: DataSummary) -> list[str]:
    """What networks are told beside the words, why that is fair, and which networks are told nothing; nothing where none is."""
    told = readers_of_evidence(roster)
    if not told:
        return []
    longest = max(int(largest(entry.config.space.evidence)) for entry in told)
    ngrams = ("the word", "the word and the pair of words", "the word, the pair and the triple of words")[longest - 1]
    plain = [entry.title for entry in roster.entries if entry not in told]
    first, second, *more = data.classes.names
    who = "training reviews of each class than those of all others" if more else f"{second} than {first} training reviews"
    sentences = [
        f"Beside each word a network is given its evidence: how much more often {who} hold "
        f"{ngrams} that end there, counted without the review that is read and without its copies.",
        "That is fair to the linear models: they learn from the same labels, and from those of the validation part too.",
    ]
    guessing = [entry for entry in told if entry.config.model.pseudo_labels]
    are_specialists = len(data.buckets) > 1 and any(entry.config.compare.scope != "all" for entry in guessing)
    if guessing and not (data.n_unused or data.n_unlabelled or are_specialists):
        sentences.append("Pseudo-labels were asked for, and there is no text without a label that could have one.")
    elif guessing:
        sentences.append(
            "Evidence is also counted in texts without a label, those of other lengths among them, with the label that a linear "
            "model of the same training reviews gives them: such a network has seen more texts than the linear models, and no "
            "more labels."
        )
    return sentences + ([f"Without evidence: {_names(plain)}."] if plain else [])


def _inside(name: str) -> str:
    """A title inside a sentence: `naive-Bayes linear model`, but `TF-IDF linear model`."""
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


def _capital(text: str) -> str:
    """A text at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def _percent(standing: Standing) -> str:
    return f"{100 * standing.accuracy:.1f} % ({100 * standing.low:.1f} to {100 * standing.high:.1f})"


def _names(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


# -- explanations ------------------------------------------------------------------------------------------------------

VERDICT = "the verdict"  # whose probability falls, unless another class was asked about


def completeness_sentence(explanation: Explanation, classes: Classes) -> str:
    """How well the integrated gradients share out what there is to share; or that there are none."""
    is_verdict, name = watched(explanation, classes) == VERDICT, classes.names[explanation.label]
    what = f"{'verdict is for' if is_verdict else 'account is of'} {name}, a margin over the mean of the other classes"
    if len(classes) == 2:  # the verdict's logit is that of the second one
        what = "verdict is a logit" if explanation.label == 1 else f"account is of {name}, a logit"
    if explanation.base_margin is None or explanation.completeness_gap is None:
        return (
            f"The {what} of {_signed(explanation.margin)}. Integrated gradients are not available for a network that "
            "Keras reads: the shares are those of occlusion."
        )
    told = explanation.margin - explanation.base_margin
    side, gap = "above" if told >= 0 else "below", explanation.completeness_gap
    verdict = (
        f"The {what} of {_signed(explanation.margin)}, {abs(told):.2f} {side} the {_signed(explanation.base_margin)} "
        "of a text of this length without any meaning."
    )
    if gap <= COMPLETE:
        return f"{verdict} The shares of integrated gradients add up to that difference to within {max(gap, 0.0001):.4f}."
    advice = "do not rely on their colours" if gap > abs(told) / 4 else "their colours are rough"
    return f"{verdict} The shares of integrated gradients miss that by {gap:.2f}: {advice}, occlusion asks the model itself."


def watched(explanation: Explanation, classes: Classes) -> str:
    """Whose probability an account watches as words are taken out: the verdict's, or of more classes that of its own class."""
    is_verdict = explanation.probabilities[explanation.label] == max(explanation.probabilities)
    return VERDICT if len(classes) == 2 or is_verdict else classes.names[explanation.label]


def faithfulness_sentence(curves: Sequence[DeletionCurve], what: str = VERDICT) -> str:
    """What taking out words in each method's order does to the probability of `what`, against a random order."""
    falls = {curve.method: curve.fall for curve in curves}
    chance = falls.pop(RANDOM)
    told = ", ".join(f"{_points(fall)} in the order of {method}" for method, fall in falls.items())
    best = max(falls, key=lambda method: falls[method])
    is_known = falls[best] - chance >= _A_POINT
    return (
        f"With 5 to 50 % of the words taken out, the most important ones first, the probability of {what} is on average "
        f"{told}, and {_points(chance)} in a random order: "
        + (f"the order of {best} says best what the model goes by." if is_known else "no order says more than chance.")
    )


def _signed(number: float) -> str:
    return f"{number:+.2f}".replace("-", "\u2212")


def _points(fall: float) -> str:
    """By how much a probability falls: `31 points lower`."""
    points = round(100 * fall)
    return f"{abs(points)} point{'s' * (abs(points) != 1)} {'higher' if points < 0 else 'lower'}"
