"""All studies of a config, run in worker processes that may die without taking anything along.

Each worker has one thread, does one task of the `Schedule` after another and keeps its compiled networks. It is replaced when
it has grown too large. The parent never imports Keras. What a worker finds goes to the run folder; its pipe only carries
records of it.

Why not `concurrent.futures.ProcessPoolExecutor`: one worker that is killed breaks that whole pool, a task cannot be given to
the worker that has compiled its network, progress cannot be sent before a task has ended, and a worker whose parent was
killed lives on.
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
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import logger
from config import Config
from data import store, word_vectors
from experiment.devices import Device, restrict_process
from experiment.program_cache import ProgramCache, trim
from experiment.schedule import Failed, Finished, Outcome, Schedule, Task, Unfinished
from records.study import Progress, Study, StudyResult, one_line
from saver import RunFolder

if TYPE_CHECKING:
    from experiment.context import StudyContext

log = logging.getLogger(__name__)

Event = Progress | StudyResult
OnEvent = Callable[[Event], None]


@dataclass(frozen=True)
class SweepContext:
    """What every worker is given."""

    config: Config
    folder: RunFolder
    cache: Path  # folder of what may be deleted between runs: compiled programs
    prepared: Path  # file of the prepared reviews
    vectors: dict[word_vectors.Key, Path]  # files of the word vectors that networks start from; there before a study starts
    largest_worker: float = 1.2e9  # bytes of memory; a larger worker ends after its trial or repeat, and a new one goes on

    def largest(self, device: Device) -> float:
        """The largest worker on this device; with a GPU's libraries it takes more than a CPU's."""
        return self.largest_worker * (6 if device.kind == "gpu" else 1)


@dataclass(frozen=True)
class Done:
    """A worker's answer to a task."""

    outcome: Outcome
    is_overgrown: bool  # the worker asks to be replaced


@dataclass
class _Worker:
    """A process, our end of its pipe, and what it is doing."""

    process: BaseProcess
    connection: multiprocessing.connection.Connection
    device: Device
    task: Task | None = None
    contenders: set[str] = field(default_factory=set)  # whose networks it has compiled


class Sweep:
    """Runs studies in worker processes on the given devices."""

    def __init__(self, context: SweepContext, devices: tuple[Device, ...], on_event: OnEvent) -> None:
        """Prepare a sweep with one worker for each of the devices; `on_event` hears of progress and results."""
        self._context, self._on_event = context, on_event
        self._free = list(devices)  # without a worker
        self._workers: list[_Worker] = []

    def run(self, studies: list[Study], prepare: Callable[[], None] = lambda: None) -> Literal["done", "interrupted"]:
        """Run what is not done; results, failed ones too, are in the run folder and went to `on_event`.

        Ctrl-C or a termination signal stops all workers; finished studies, trials and repeats are kept.

        Args:
            studies: all of them, in the order that they are to start in.
            prepare: makes the files that studies read; called while the workers import their libraries.
        """
        folder = self._context.folder
        shutil.rmtree(folder.programs, ignore_errors=True)  # of a sweep that was killed
        trim(self._context.cache)
        found = {study: folder.load_result(study) for study in studies}
        done = {study: result for study, result in found.items() if result is not None and result.status == "completed"}
        for result in done.values():
            self._announce(result)
        self._schedule = Schedule(self._context.config, studies, done)
        try:
            self._workers += [self._hire(self._free.pop(0)) for _ in range(min(len(self._free), self._schedule.waiting))]
            prepare()
            while not self._schedule.is_over:
                self._employ()
                self._wait()
        except KeyboardInterrupt:
            return "interrupted"
        finally:
            for worker in self._workers:
                worker.process.kill()
                worker.process.join()
            shutil.rmtree(folder.programs, ignore_errors=True)
        return "done"

    # -- who does what ----------------------------------------------------------------------------------------------

    def _employ(self) -> None:
        """Give every idle worker a task, hiring on free devices while tasks are left."""
        for worker in [worker for worker in self._workers if worker.task is None]:
            self._assign(worker)
        while self._free and self._schedule.waiting:
            worker = self._hire(self._free.pop(0))
            self._workers.append(worker)
            self._assign(worker)

    def _assign(self, worker: _Worker) -> None:
        elsewhere = {name for other in self._workers if other is not worker for name in other.contenders}
        worker.task = self._schedule.start(worker.contenders, elsewhere)
        if worker.task is None:
            return
        worker.contenders.add(worker.task.study.contender)
        try:
            worker.connection.send(worker.task)
        except OSError:  # it is dead already; its pipe's end says so too
            log.debug("%s does not listen any more", worker.process.name)

    def _hire(self, device: Device) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, device, self._context), daemon=True, name=device.name)
        process.start()
        theirs.close()
        return _Worker(process, ours, device)

    # -- what comes back --------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Take what arrives."""
        by_connection: dict[Any, _Worker] = {worker.connection: worker for worker in self._workers}
        for connection in multiprocessing.connection.wait(list(by_connection)):
            worker = by_connection[connection]
            try:
                event: Progress | Done = worker.connection.recv()
            except (EOFError, OSError):
                self._bury(worker)
                continue
            if isinstance(event, Progress):
                self._on_event(event)
            elif worker.task is not None:
                task, worker.task = worker.task, None
                self._end(task, event.outcome)
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
        """Take a dead worker from the list; its task is tried once more, or has failed."""
        self._dismiss(worker)
        task, code = worker.task, worker.process.exitcode
        if task is None:
            return
        cause = f"signal {-code} ({signal.Signals(-code).name})" if code and code < 0 else f"exit status {code}"
        if self._schedule.retry(task):
            log.warning("%s: its worker died with %s; trying once more from its last finished trial", task.study.id, cause)
            return
        hint = "out of memory?" if code == -signal.SIGKILL else "see logs/libraries.log"
        message = f"its worker process died twice, the last time with {cause}; {hint}"
        self._end(task, Failed(message, worker.device.name))

    def _end(self, task: Task, outcome: Outcome) -> None:
        for result in self._schedule.end(task, outcome):
            self._context.folder.finish(result, self._context.config.run.checkpoints)
            self._announce(result)

    def _announce(self, result: StudyResult) -> None:
        log.info("%s %s on %s %s", result.study.id, result.status, result.device, result.message)
        spent = result.spent
        log.info(
            "%s took %.1f s importing, %.1f compiling, %.1f training, %.1f evaluating",
            result.study.id, spent.importing, spent.compiling, spent.training, spent.evaluating,
        )  # fmt: skip
        self._on_event(result)


# -- in the worker -----------------------------------------------------------------------------------------------------


def _work(connection: Any, device: Device, sweep: SweepContext) -> None:
    """A worker's life: one task after another until it is sent None."""
    for name in {"SIGINT", "SIGHUP"} & set(dir(signal)):  # a terminal sends them to all its processes; the parent decides
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    restrict_process(device, sweep.config.run.backend)
    programs = ProgramCache(sweep.cache, sweep.folder.programs / str(os.getpid()), sweep.config.run.backend)
    logger.silence_libraries(sweep.folder.libraries_log)
    inbox = _Inbox(connection)
    dataset = store.load(sweep.prepared)
    started = time.perf_counter()
    from experiment.context import StudyContext  # imports Keras, now that the process is restricted

    context = StudyContext(
        config=sweep.config,
        folder=sweep.folder,
        dataset=dataset,
        device=device.name,
        vectors=sweep.vectors,
        largest=sweep.largest(device),
        on_progress=connection.send,
    )
    context.stopwatch.spent["importing"] = time.perf_counter() - started
    while (task := inbox.next()) is not None:
        programs.fetch()
        with logger.logging_to(sweep.folder.study_log(task.study)):
            outcome = _do(task, context)
        programs.publish()
        connection.send(Done(outcome, isinstance(outcome, Unfinished) or context.is_overgrown()))


def _do(task: Task, context: "StudyContext") -> Outcome:
    """Do a task; one study's failure, in whatever way, never ends the sweep."""
    from experiment.context import OvergrownError
    from experiment.study import open_study

    log.info("%s: %s starts on %s", task.study.id, task.title, context.device)
    try:
        stages = open_study(task.study, context)
        if task.repeat is None:
            outcome = Finished(stages.search(task.hyperparameters))
        else:
            outcome = Finished(stages.repeat(task.hyperparameters or {}, task.repeat))
        outcome.record.to_json()  # what cannot be written fails here, by name, and not in the parent
    except OvergrownError:
        log.info("%s: %s goes on in another process", task.study.id, task.title)
        return Unfinished()
    except Exception as error:  # noqa: BLE001
        log.error("%s: %s failed\n%s", task.study.id, task.title, traceback.format_exc())
        return Failed(one_line(error), context.device)
    log.info("%s: %s completed", task.study.id, task.title)
    return outcome


class _Inbox:
    """Receives tasks in a thread, so that the end of the parent, however sudden, is the end of this process."""

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
