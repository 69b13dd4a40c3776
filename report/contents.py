"""What a report is made from: everything that the folder of a run that has ended holds for it."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from analysis import tables
from config import Config
from experiment.options import config_of
from inference import evaluate, examples
from inference.evaluate import OtherReviews
from inference.examples import Examples
from models.roster import Roster
from records.about import About
from records.findings import BEST, ContenderTimes, Ensemble, Findings
from records.study import Score, StudyResult, Trial, on_all_reviews
from records.summary import DataSummary
from report.figures.style import naming
from saver import RunFolder


@dataclass(frozen=True)
class Averaged:
    """A row of the table of ensembles."""

    name: str  # what it is the mean of
    n_models: int
    by_bucket: dict[str, Ensemble]


@dataclass(frozen=True)
class ClassRow:
    """One class in a table; means over repeats, None where a number cannot be had."""

    name: str
    n_test: int
    precision: float | None
    recall: float | None
    f1: float | None
    roc_auc: float | None
    average_precision: float | None


@dataclass(frozen=True)
class ClassTable:
    """A network on one bucket, class by class; of ordered classes also how far off its verdicts are."""

    bucket: str
    title: str  # of the network
    rows: tuple[ClassRow, ...]
    mean_absolute_error: float | None
    within_one: float | None

    @classmethod
    def of(cls, bucket: str, title: str, names: Sequence[str], scores: Sequence[Score]) -> "ClassTable":
        """Of the scores of each repeat."""
        rows = []
        for label, (name, counts) in enumerate(zip(names, scores[0].confusion, strict=True)):
            asked = scores if sum(counts) else ()  # where no review is of the class, its recall of 0 would be nobody's mistake
            measures = (mean_of(getattr(score, measure)[label] for score in asked) for measure in tables.OF_EACH_CLASS)
            rows.append(ClassRow(name, sum(counts), *measures))
        distances = (mean_of(score.mean_absolute_error for score in scores), mean_of(score.within_one for score in scores))
        return cls(bucket, title, tuple(rows), *distances)


def mean_of(numbers: Iterable[float | None]) -> float | None:
    """The mean of the numbers that there are; None where there are none."""
    there = [number for number in numbers if number is not None]
    return statistics.mean(there) if there else None


@dataclass(frozen=True)
class Contents:
    """What the report shows of a run, and why parts of it are left out."""

    about: About
    config: Config
    data: DataSummary
    findings: Findings
    ended: tuple[StudyResult, ...]  # studies in the order of the config, failed ones included
    examples: Examples | None = None
    others: tuple[OtherReviews, ...] = ()
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # section -> a sentence for each part that is missing

    @cached_property
    def roster(self) -> Roster:
        """Who the contenders are."""
        return Roster.of(self.config)

    @cached_property
    def results(self) -> list[StudyResult]:
        """Those on all reviews of their scope; others are points of learning curves."""
        return on_all_reviews(self.ended)

    @property
    def buckets(self) -> list[str]:
        """Those that have a verdict."""
        return [verdict.bucket for verdict in self.findings.verdicts]

    @property
    def failures(self) -> list[StudyResult]:
        """Studies that failed."""
        return [result for result in self.ended if result.status == "failed"]

    @property
    def failed_trials(self) -> list[tuple[str, Trial]]:
        """Trials that failed, each with the id of its study."""
        return [(result.study.id, trial) for result in self.results for trial in result.trials if trial.status == "failed"]

    @property
    def networks(self) -> list[StudyResult]:
        """Completed studies of networks."""
        return [result for result in self.results if result.status == "completed" and result.layers]

    @property
    def yardsticks(self) -> list[StudyResult]:
        """Completed studies of linear models."""
        return [result for result in self.results if result.status == "completed" and result.study.is_yardstick]

    @property
    def has_hashed_yardsticks(self) -> bool:
        """Whether a linear model had more reviews than an exact one reads."""
        return any(form.form.hash_bits for result in self.yardsticks for form in result.forms)

    @property
    def n_repeats(self) -> list[int]:
        """Numbers of final trainings that networks had, ascending; a control's one is not among them."""
        competing = [result for result in self.networks if result.study.contender not in self.roster.controls]
        return sorted({len(result.repeats) for result in competing})

    @property
    def n_trials(self) -> list[int]:
        """Numbers of trials that searches had, ascending."""
        return sorted({len(result.trials) for result in self.results if result.trials})

    @property
    def n_comparisons(self) -> int:
        """Comparisons that Holm's correction is for."""
        return sum(len(verdict.comparisons) for verdict in self.findings.verdicts)

    @property
    def times(self) -> tuple[ContenderTimes, ...]:
        """What the time of all studies went into."""
        return tables.times(list(self.ended))

    @property
    def devices(self) -> list[tuple[str, list[str]]]:
        """Each device with the ids of the studies that it trained."""
        by_device: dict[str, list[str]] = {}
        for result in self.ended:
            by_device.setdefault(result.device, []).append(result.study.id)
        return sorted(by_device.items())

    @property
    def ensembles(self) -> list[Averaged]:
        """The rows of the table of ensembles, in the order of the findings."""
        rows: dict[str, Averaged] = {}
        called = naming((study for record in self.findings.ensembles for study in record.members), self.roster)
        for record in self.findings.ensembles:
            first, *others = record.members
            mark = called(first).removeprefix(self.roster.title(first.contender)) or ", of those trained on one bucket each"
            name = f"the {BEST} best networks on validation{mark}" if others else f"the trainings of {called(first)}"  # one scope
            rows.setdefault(name, Averaged(name, record.n_models, {})).by_bucket[record.bucket] = record
        return list(rows.values())

    @property
    def class_tables(self) -> list[ClassTable]:
        """What the network that validation chose for each bucket does class by class."""
        by_study, found = {result.study: result for result in self.results}, []
        for verdict in self.findings.verdicts:
            if verdict.leader in by_study:
                scores = [s for repeat in by_study[verdict.leader].repeats for s in repeat.scores if s.bucket == verdict.bucket]
                title = self.roster.title(verdict.leader.contender)
                found += [ClassTable.of(verdict.bucket, title, self.data.classes.names, scores)] if scores else []
        return found

    @property
    def resolved_config(self) -> str:
        """The config as JSON."""
        return json.dumps(self.config.plain(), indent=2)


def load(folder: RunFolder) -> Contents:
    """Everything that a run's report is made from, from its folder alone.

    Raises:
        RunError: no run is there, or it is of another version.
        ConfigError: its config.json was changed.
        OSError, ValueError: a record that the report cannot do without is missing, or was changed.
    """
    found, no_examples = _load_examples(folder)
    others, no_others = _load_others(folder)
    config = config_of(folder)
    return Contents(
        about=folder.about(),
        config=config,
        data=folder.summary(),
        findings=folder.findings(),
        ended=tuple(Roster.of(config).in_order(folder.load_results())),
        examples=found,
        others=others,
        left_out={"behaviour": no_examples, "others": no_others},
    )


def _load_examples(folder: RunFolder) -> tuple[Examples | None, tuple[str, ...]]:
    """What shows a run at work, or None and why."""
    try:
        found = examples.stored(folder)
        why = "none were gathered; python main.py gathers them when every study has ended"
    except (OSError, ValueError) as error:
        found, why = None, str(error)
    if found is not None:
        return found, ()
    return None, (f"Behavioural tests, sample predictions and explanations are left out because {why}.",)


def _load_others(folder: RunFolder) -> tuple[tuple[OtherReviews, ...], tuple[str, ...]]:
    """What was stored about other reviews, by name, and why some of it is left out."""
    found, left_out = list[OtherReviews](), list[str]()
    for path in evaluate.paths(folder):
        try:
            found.append(OtherReviews.from_json(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            left_out.append(f"{path.name} is left out because it cannot be read ({error}); main.py evaluate makes it anew.")
    return tuple(found), tuple(left_out)
