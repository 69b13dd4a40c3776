"""All studies of a config: planned, cut into tasks, and run in worker processes that may die without taking anything along.

A task is a study's search or one of its repeats. Each worker has one thread, does one task after another, and keeps its
compiled networks: it prefers architectures that it has compiled already. It is replaced when it has grown too large. The
parent never imports Keras. Everything a worker finds goes to the run folder; its pipe only carries records of it.
"""

import logging
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

import logger
from config import Config
from data import store
from experiment.devices import Device, restrict_process
from experiment.plan import reference, repeats
from experiment.program_cache import ProgramCache, trim
from records.study import Hyperparameters, Progress, Repeat, Study, StudyResult, failed, one_line
from saver import RunFolder

log = logging.getLogger(__name__)
ATTEMPTS = 2  # a task whose worker died is tried once more: a search goes on from its last finished trial

Event = Progress | StudyResult
OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class Task:
    """What a worker is asked to do: a study's search, or the repeat of this number."""

    study: Study
    repeat: int | None = None
    setting: Hyperparameters | None = None  # what to repeat; for a control's search, what not to search

    @property
    def key(self) -> tuple[Study, int | None]:
        """What it is, apart from its setting."""
        return self.study, self.repeat


@dataclass(frozen=True)
class Done:
    """A worker's answer: the study's record without repeats, a repeat, or why it failed."""

    outcome: StudyResult | Repeat | str | None  # None: not finished, another worker goes on
    is_overgrown: bool  # the worker asks to be replaced


@dataclass
class _Worker:
    """A process, our end of its pipe, and what it is doing."""

    process: BaseProcess
    connection: multiprocessing.connection.Connection
    device: Device
    task: Task | None = None
    architectures: set[str] = field(default_factory=set)  # that it has compiled


@dataclass(frozen=True)
class Workplace:
    """What every worker is given."""

    config: Config
    folder: RunFolder
    cache: Path  # what may be deleted between runs: compiled programs
    prepared: Path  # what data.store.keep wrote
    vectors: dict[int, Path]  # width -> what word_vectors.fetch left
    largest_worker: float = 1.0e9  # bytes of memory; a larger worker ends after its trial or repeat, and a new one goes on

    def largest(self, device: Device) -> float:
        """The largest worker on this device; with a GPU's libraries it takes more than a CPU's."""
        return self.largest_worker * (6 if device.kind == "gpu" else 1)


@dataclass
class Sweep:
    """Runs studies in worker processes on the given devices."""

    workplace: Workplace
    devices: tuple[Device, ...]  # one worker each
    on_event: OnEvent
    _waiting: list[Task] = field(default_factory=list)  # can start now
    _open: list[Study] = field(default_factory=list)  # not ended
    _outlines: dict[Study, StudyResult] = field(default_factory=dict)  # searched
    _repeats: dict[Study, dict[int, Repeat]] = field(default_factory=dict)
    _attempts: dict[tuple[Study, int | None], int] = field(default_factory=dict)
    _workers: list[_Worker] = field(default_factory=list)
    _free: list[Device] = field(default_factory=list)

    def run(self, studies: list[Study]) -> Literal["done", "interrupted"]:
        """Run what is not done; results, failed ones too, are in the run folder and went to `on_event`.

        Ctrl-C or a termination signal stops all workers; finished studies, trials and repeats are kept.
        """
        shutil.rmtree(self.workplace.folder.programs, ignore_errors=True)  # of a sweep that was killed
        trim(self.workplace.cache)
        self._free = list(self.devices)
        self._open = list(studies)
        for study in studies:
            result = self.workplace.folder.load_result(study)
            if result is not None and result.status == "completed":
                self._end(result)
        self._waiting += [Task(study) for study in self._open if reference(study) not in studies]
        self._waiting += [
            Task(study, setting=done.hyperparameters)
            for study in self._open
            if (done := self.workplace.folder.load_result(reference(study) or study)) and done.status == "completed"
        ]
        try:
            while self._open:
                self._employ()
                self._wait()
        except KeyboardInterrupt:
            return "interrupted"
        finally:
            for worker in self._workers:
                worker.process.kill()
                worker.process.join()
            shutil.rmtree(self.workplace.folder.programs, ignore_errors=True)
        return "done"

    # -- who does what ----------------------------------------------------------------------------------------------

    def _employ(self) -> None:
        """Give every idle worker a task, hiring on free devices while tasks are left."""
        for worker in [worker for worker in self._workers if worker.task is None]:
            self._assign(worker)
        while self._free and self._waiting:
            worker = self._hire(self._free.pop(0))
            self._workers.append(worker)
            self._assign(worker)

    def _assign(self, worker: _Worker) -> None:
        """The longest task of an architecture that this worker has compiled, else that no other has, else of any."""
        if not self._waiting:
            return
        elsewhere = {name for other in self._workers if other is not worker for name in other.architectures}
        mine = [task for task in self._waiting if task.study.architecture in worker.architectures]
        nobodys = [task for task in self._waiting if task.study.architecture not in elsewhere]
        task = (mine or nobodys or self._waiting)[0]
        self._waiting.remove(task)
        self._attempts[task.key] = self._attempts.get(task.key, 0) + 1
        worker.task = task
        worker.architectures.add(task.study.architecture)
        try:
            worker.connection.send(task)
        except OSError:  # it is dead already; its pipe's end says so too
            log.debug("%s does not listen any more", worker.process.name)

    def _hire(self, device: Device) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, device, self.workplace), daemon=True, name=device.name)
        process.start()
        theirs.close()
        return _Worker(process, ours, device)

    # -- what comes back --------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Handle what arrives."""
        by_connection: dict[Any, _Worker] = {worker.connection: worker for worker in self._workers}
        for connection in multiprocessing.connection.wait(list(by_connection)):
            worker = by_connection[connection]
            try:
                event: Progress | Done = worker.connection.recv()
            except (EOFError, OSError):
                self._bury(worker)
                continue
            if isinstance(event, Progress):
                self.on_event(event)
            elif worker.task is not None:
                task, worker.task = worker.task, None
                self._take(task, event.outcome, worker.device)
                if event.is_overgrown:
                    log.info("a worker has grown too large and is replaced")
                    worker.connection.send(None)
                    self._dismiss(worker)

    def _dismiss(self, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        self._free.append(worker.device)

    def _bury(self, worker: _Worker) -> None:
        task = worker.task
        self._dismiss(worker)
        code = worker.process.exitcode
        if task is None:
            return
        cause = f"signal {-code} ({signal.Signals(-code).name})" if code and code < 0 else f"exit status {code}"
        if self._attempts[task.key] < ATTEMPTS:
            log.warning("%s: its worker died with %s; trying once more from its last finished trial", task.study.id, cause)
            self._waiting.insert(0, task)
            return
        hint = "out of memory?" if code == -signal.SIGKILL else "see logs/libraries.log"
        self._take(task, f"its worker process died twice, the last time with {cause}; {hint}", worker.device)

    def _take(self, task: Task, outcome: StudyResult | Repeat | str | None, device: Device) -> None:
        """Note a task's outcome and make the tasks that it makes possible."""
        study = task.study
        if study not in self._open:  # another of its tasks failed
            return
        if outcome is None:
            self._waiting.insert(0, task)
            self._attempts[task.key] -= 1
        elif isinstance(outcome, str):
            self._fail(study, outcome, device)
        elif isinstance(outcome, StudyResult):
            self._outlines[study] = outcome
            tasks = [Task(study, number, outcome.hyperparameters) for number in range(repeats(study, self.workplace.config))]
            self._waiting[:0] = tasks + self._following(outcome, has_ended=False)
        else:
            self._repeats.setdefault(study, {})[outcome.number] = outcome
            found = self._repeats[study]
            if len(found) == repeats(study, self.workplace.config):
                result = replace(self._outlines[study], repeats=tuple(found[number] for number in sorted(found)))
                self.workplace.folder.finish(result, self.workplace.config.run.checkpoints)
                self._waiting[:0] = self._following(result, has_ended=True)
                self._end(result)

    def _following(self, result: StudyResult, *, has_ended: bool) -> list[Task]:
        """What can start now: controls once there is a setting, fine-tuning once there are weights."""
        following = [study for study in self._open if reference(study) == result.study and study.is_fine_tuned == has_ended]
        return [Task(study, setting=result.hyperparameters) for study in following]

    def _fail(self, study: Study, message: str, device: Device) -> None:
        self._waiting = [task for task in self._waiting if task.study != study]
        result = failed(study, message, device.name)
        self.workplace.folder.save_result(result)
        self._end(result)
        waiting = [s for s in self._open if reference(s) == study and (s.is_fine_tuned or study not in self._outlines)]
        for follower in waiting:
            self._fail(follower, f"{study.id}, whose settings it repeats, failed", device)

    def _end(self, result: StudyResult) -> None:
        self._open.remove(result.study)
        log.info("%s %s on %s %s", result.study.id, result.status, result.device, result.message)
        spent = result.spent
        log.info(
            "%s took %.1f s importing, %.1f compiling, %.1f training, %.1f evaluating",
            result.study.id, spent.importing, spent.compiling, spent.training, spent.evaluating,
        )  # fmt: skip
        self.on_event(result)


# -- in the worker -----------------------------------------------------------------------------------------------------


def _work(connection: Any, device: Device, workplace: Workplace) -> None:
    """A worker's life: one task after another until it is sent None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    config, folder = workplace.config, workplace.folder
    restrict_process(device, config.run.backend)
    programs = ProgramCache(workplace.cache, folder.programs / str(os.getpid()), config.run.backend)
    logger.silence_libraries(folder.path / "logs" / "libraries.log")
    inbox = _Inbox(connection)
    dataset = store.load(workplace.prepared)
    started = time.perf_counter()
    from experiment.study import Overgrown, Workshop, open_study  # imports Keras, now that the process is restricted

    workshop = Workshop(config, dataset, device.name, workplace.vectors, workplace.largest(device))
    workshop.networks.stopwatch.spent["importing"] = time.perf_counter() - started
    while (task := inbox.next()) is not None:
        programs.fetch()
        with logger.logging_to(folder.study_log(task.study)):
            what = "search" if task.repeat is None else f"repeat {task.repeat + 1}"
            log.info("%s: %s starts on %s", task.study.id, what, device.name)
            try:
                stages = open_study(task.study, workshop, folder, connection.send)
                outcome: Any = (
                    stages.search(task.setting) if task.repeat is None else stages.repeat(task.setting or {}, task.repeat)
                )
                log.info("%s: %s completed", task.study.id, what)
            except Overgrown:
                log.info("%s: %s goes on in another process", task.study.id, what)
                outcome = None
            except Exception as error:  # noqa: BLE001 - one study's failure never ends the sweep
                log.error("%s: %s failed\n%s", task.study.id, what, traceback.format_exc())
                outcome = one_line(error)
        programs.publish()
        connection.send(Done(outcome, outcome is None or workshop.is_overgrown()))


class _Inbox:
    """Receives studies in a thread, so that the end of the parent, however sudden, is the end of this process."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._next: Any = None
        self._arrived = threading.Semaphore(0)
        threading.Thread(target=self._receive, daemon=True).start()

    def next(self) -> Task | None:
        self._arrived.acquire()
        return self._next

    def _receive(self) -> None:
        while True:
            try:
                self._next = self._connection.recv()
            except (EOFError, OSError):
                os._exit(1)  # orphaned: nobody may write to the run folder any more
            self._arrived.release()
