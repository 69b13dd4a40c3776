"""Which task of a sweep can start, and what follows from its outcome. Pure: it knows no process, no Keras and no file.

A task is a study's search or one of its repeats. A study has ended when all its repeats have, or when a task of it has failed.
Some studies follow another one: a control and a point of a learning curve take the setting that its search has found, and
fine-tuning goes on with the networks that it has trained.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from config import Config
from experiment.plan import reference, repeats
from models.roster import Roster
from records.study import Hyperparameters, Repeat, Study, StudyResult, failed

ATTEMPTS = 2  # a task whose worker died is tried once more: a search goes on from its last finished trial


@dataclass(frozen=True)
class Task:
    """What a worker is asked to do: a study's search, or the repeat of this number."""

    study: Study
    repeat: int | None = None
    hyperparameters: Hyperparameters | None = None  # to train with; None: they are searched for

    @property
    def key(self) -> tuple[Study, int | None]:
        """What the task is, apart from its hyperparameters."""
        return self.study, self.repeat

    @property
    def title(self) -> str:
        """For logs."""
        return "search" if self.repeat is None else f"repeat {self.repeat + 1}"


@dataclass(frozen=True)
class Finished:
    """A task has been done."""

    record: StudyResult | Repeat  # a search's: the study's result without repeats


@dataclass(frozen=True)
class Failed:
    """A task cannot be done; its study has failed."""

    message: str  # one sentence
    device: str  # where


@dataclass(frozen=True)
class Unfinished:
    """A task was left before its end because its worker had grown too large; another worker is to go on with it."""


Outcome = Finished | Failed | Unfinished


class Schedule:
    """The tasks of some studies, in the order that they are to start in."""

    def __init__(self, config: Config, studies: Sequence[Study], done: Mapping[Study, StudyResult]) -> None:
        """Plan what is left to do.

        Args:
            config: of the run.
            studies: all of them, the longest first; of every study that follows another one, that one too.
            done: the results of those that a former sweep has completed.
        """
        self._roster = Roster.of(config)
        self._open = [study for study in studies if study not in done]
        self._attempts: dict[tuple[Study, int | None], int] = {}
        self._searched: dict[Study, StudyResult] = {}  # without repeats
        self._repeats: dict[Study, dict[int, Repeat]] = {}
        self._waiting = [Task(study) for study in self._open if self._before(study) not in studies]  # they can start now
        for study in self._open:
            if (before := self._before(study)) and before in done:
                self._waiting.append(Task(study, hyperparameters=done[before].hyperparameters))

    @property
    def is_over(self) -> bool:
        """Whether all studies have ended."""
        return not self._open

    @property
    def waiting(self) -> int:
        """How many tasks can start now."""
        return len(self._waiting)

    def start(self, compiled: Set[str] = frozenset(), elsewhere: Collection[str] = ()) -> Task | None:
        """The next task for a worker, which is taken to have started: the first of a contender that the worker prefers.

        It prefers one that it has compiled, else one that no other worker has, so that each is compiled as seldom as possible.

        Args:
            compiled: contenders that the worker has compiled.
            elsewhere: contenders that other workers have compiled.
        """
        if not self._waiting:
            return None
        mine = [task for task in self._waiting if task.study.contender in compiled]
        nobodys = [task for task in self._waiting if task.study.contender not in elsewhere]
        task = (mine or nobodys or self._waiting)[0]
        self._waiting.remove(task)
        self._attempts[task.key] = self._attempts.get(task.key, 0) + 1
        return task

    def retry(self, task: Task) -> bool:
        """Whether a task whose worker died is tried again, as the next one: not where that has happened before."""
        is_retried = task.study in self._open and self._attempts[task.key] < ATTEMPTS
        if is_retried:
            self._waiting.insert(0, task)
        return is_retried

    def end(self, task: Task, outcome: Outcome) -> list[StudyResult]:
        """Note the outcome of a task that had started; the results of the studies that have ended with it, to be kept."""
        study = task.study
        if study not in self._open:  # another of its tasks has failed
            return []
        match outcome:
            case Unfinished():
                self._waiting.insert(0, task)
                self._attempts[task.key] -= 1
            case Failed():
                return self._fail(study, outcome)
            case Finished(StudyResult() as searched):
                self._searched[study] = searched
                own = [Task(study, number, searched.hyperparameters) for number in range(repeats(study, self._roster))]
                self._waiting[:0] = own + self._followers(searched, has_ended=False)
            case Finished(Repeat() as repeat):
                found = self._repeats.setdefault(study, {})
                found[repeat.number] = repeat
                if len(found) == repeats(study, self._roster):
                    result = replace(self._searched[study], repeats=tuple(found[number] for number in sorted(found)))
                    self._waiting[:0] = self._followers(result, has_ended=True)
                    self._open.remove(study)
                    return [result]
        return []

    def _before(self, study: Study) -> Study | None:
        """The study that this one follows."""
        return reference(study, self._roster)

    def _followers(self, result: StudyResult, *, has_ended: bool) -> list[Task]:
        """The tasks that can start now: of controls once there is a setting, of fine-tuning once there are networks."""
        following = [study for study in self._open if self._before(study) == result.study and study.is_fine_tuned == has_ended]
        return [Task(study, hyperparameters=result.hyperparameters) for study in following]

    def _fail(self, study: Study, why: Failed) -> list[StudyResult]:
        """The results of the study and of those that would have followed it."""
        self._waiting = [task for task in self._waiting if task.study != study]
        self._open.remove(study)
        results = [failed(study, why.message, why.device)]
        for other in list(self._open):
            if self._before(other) == study and (other.is_fine_tuned or study not in self._searched):
                results += self._fail(other, Failed(f"{study.id}, whose settings it repeats, failed", why.device))
        return results
