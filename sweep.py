"""All studies of a config: planned, then run in worker processes that may die without taking anything along.

A worker runs one study after another, one at a time, and is replaced after a few, before it bloats. The parent never
imports Keras. Everything a worker finds goes to the run folder; only where it is goes through its pipe.
"""

import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

import logger
from budget import of_study
from config import Config, ConfigError
from data_preprocessing import Dataset, load_prepared
from devices import Device, restrict_process
from results import ALL, YARDSTICK, Progress, Study, StudyResult, failed, one_line
from saver import RunFolder

log = logging.getLogger(__name__)
STUDIES_PER_WORKER = 10  # then its memory is given back
ATTEMPTS = 2  # a study whose worker died is tried once more: it goes on from its last finished trial

Event = Progress | StudyResult
OnEvent = Callable[[Event], None]


def plan(config: Config, dataset: Dataset) -> list[Study]:
    """Every study, longest first so that the last ones to run are short; the yardsticks come at the end."""
    buckets = [b.name for b in dataset.buckets] if config.compare.scope != "all" else []
    scopes = ([ALL] if config.compare.scope != "bucket" else []) + buckets
    studies = [Study(name, scope) for name in config.compare.architectures for scope in scopes]
    studies.sort(key=lambda study: -of_study(study, config, dataset).seconds)
    return studies + [Study(YARDSTICK, scope) for scope in scopes]


def only(studies: list[Study], names: list[str]) -> list[Study]:
    """The studies that `ARCH` or `ARCH/BUCKET` names, with the yardsticks of their scopes; all of them for no names.

    Raises:
        ConfigError: a name matches nothing; says what exists.
    """
    if not names:
        return studies
    unmatched = [name for name in names if not any(name in (study.architecture, study.id) for study in studies)]
    if unmatched:
        architectures = ", ".join(dict.fromkeys(study.architecture for study in studies))
        buckets = ", ".join(dict.fromkeys(study.bucket for study in studies))
        raise ConfigError(
            f"--only: {', '.join(unmatched)} matches no study of this profile; "
            f"architectures: {architectures}; buckets: {buckets}; write ARCH or ARCH/BUCKET"
        )
    chosen = [study for study in studies if study.architecture in names or study.id in names]
    yardsticks = [study for study in studies if study.architecture == YARDSTICK and study.bucket in {s.bucket for s in chosen}]
    return chosen + [study for study in yardsticks if study not in chosen]


@dataclass
class _Worker:
    """A process, our end of its pipe, and what it is doing."""

    process: BaseProcess
    connection: multiprocessing.connection.Connection
    device: Device
    study: Study | None = None
    started: int = 0


@dataclass
class Sweep:
    """Runs studies in worker processes on the given devices."""

    config: Config
    folder: RunFolder
    prepared: Path  # what data_preprocessing.save wrote
    devices: tuple[Device, ...]  # one worker each
    on_event: OnEvent
    _waiting: list[Study] = field(default_factory=list)
    _attempts: dict[Study, int] = field(default_factory=dict)

    def run(self, studies: list[Study]) -> Literal["done", "interrupted"]:
        """Run what is not done; results, failed ones too, are in the run folder and went to `on_event`.

        Ctrl-C or a termination signal stops all workers; finished studies, trials and repeats are kept.
        """
        for study in studies:
            result = self.folder.load_result(study)
            if result is not None and result.status == "completed":
                self._end(result)
            else:
                self._waiting.append(study)
        workers: list[_Worker] = []
        free = list(self.devices[: len(self._waiting)])
        try:
            while self._waiting or workers:
                while free and self._waiting:
                    workers.append(self._hire(free.pop()))
                for worker in self._wait(workers):
                    workers.remove(worker)
                    free.append(worker.device)
        except KeyboardInterrupt:
            return "interrupted"
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.join()
        return "done"

    def _hire(self, device: Device) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_work, args=(theirs, device, self.config, self.folder, self.prepared), daemon=True, name=device.name
        )
        process.start()
        theirs.close()
        worker = _Worker(process, ours, device)
        self._assign(worker)
        return worker

    def _assign(self, worker: _Worker) -> None:
        """Give a worker its next study, or None when there is none or it has done enough."""
        worker.study = self._waiting.pop(0) if self._waiting and worker.started < STUDIES_PER_WORKER else None
        if worker.study is not None:
            worker.started += 1
            self._attempts[worker.study] = self._attempts.get(worker.study, 0) + 1
        try:
            worker.connection.send(worker.study)
        except OSError:  # it is dead already; its pipe's end says so too
            log.debug("%s does not listen any more", worker.process.name)

    def _wait(self, workers: list[_Worker]) -> list[_Worker]:
        """Handle what arrives; returns the workers that are gone."""
        gone = []
        by_connection: dict[Any, _Worker] = {worker.connection: worker for worker in workers}
        for connection in multiprocessing.connection.wait(list(by_connection)):
            worker = by_connection[connection]
            try:
                event: Event = worker.connection.recv()
            except (EOFError, OSError):
                worker.process.join()
                worker.connection.close()
                self._bury(worker)
                gone.append(worker)
                continue
            if isinstance(event, StudyResult):
                self._end(event)
                self._assign(worker)
            else:
                self.on_event(event)
        return gone

    def _bury(self, worker: _Worker) -> None:
        study, code = worker.study, worker.process.exitcode
        if study is None:
            return
        cause = f"signal {-code} ({signal.Signals(-code).name})" if code and code < 0 else f"exit status {code}"
        if self._attempts[study] < ATTEMPTS:
            log.warning("%s: its worker died with %s; trying once more from its last finished trial", study.id, cause)
            self._waiting.insert(0, study)
            return
        result = failed(study, f"its worker process died twice, the last time with {cause}; out of memory?", worker.device.name)
        self.folder.save_result(result)
        self._end(result)

    def _end(self, result: StudyResult) -> None:
        log.info("%s %s on %s %s", result.study.id, result.status, result.device, result.message)
        self.on_event(result)


def _work(connection: Any, device: Device, config: Config, folder: RunFolder, prepared: Path) -> None:
    """A worker's life: one study after another until it is sent None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    restrict_process(device)
    logger.silence_libraries(folder.path / "logs" / "libraries.log")
    inbox = _Inbox(connection)
    dataset = load_prepared(prepared)
    from study import run_study  # imports Keras, now that the process is restricted

    while (study := inbox.next()) is not None:
        with logger.logging_to(folder.study_log(study)):
            log.info("%s starts on %s", study.id, device.name)
            try:
                result = run_study(study, config, dataset, folder, device.name, connection.send)
                log.info("%s completed", study.id)
            except Exception as error:  # noqa: BLE001 - one study's failure never ends the sweep
                log.error("%s failed\n%s", study.id, traceback.format_exc())
                result = failed(study, one_line(error), device.name)
                _try_to_save(folder, result)
        connection.send(result)


def _try_to_save(folder: RunFolder, result: StudyResult) -> None:
    try:
        folder.save_result(result)
    except OSError as error:  # a full disk: the parent still gets the result through the pipe
        log.error("%s: its failure could not be recorded: %s", result.study.id, error)


class _Inbox:
    """Receives studies in a thread, so that the end of the parent, however sudden, is the end of this process."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._next: Any = None
        self._arrived = threading.Semaphore(0)
        threading.Thread(target=self._receive, daemon=True).start()

    def next(self) -> Study | None:
        self._arrived.acquire()
        return self._next

    def _receive(self) -> None:
        while True:
            try:
                self._next = self._connection.recv()
            except (EOFError, OSError):
                os._exit(1)  # orphaned: nobody may write to the run folder any more
            self._arrived.release()
