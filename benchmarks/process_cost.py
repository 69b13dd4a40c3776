"""What a command and all processes that it starts cost: wall time, CPU time, peak memory. Linux only."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from experiment.devices import memory_of_process

ROOT = Path(__file__).resolve().parents[1]
SAMPLE_EVERY = 2.0  # seconds between two looks at memory; a look at three processes takes 60 ms of a core


class CommandError(RuntimeError):
    """A command failed; the message says which, and what it said last."""


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    wall_s: float
    cpu_s: float  # of all its processes that ended before it, or with it
    peak_gib: float


@dataclass(frozen=True)
class Sample:
    """One look at the memory of a command's processes, in bytes."""

    time: float  # seconds since the epoch, as of files
    command: int
    workers: tuple[int, ...]  # the processes that it started


def measure(command: list[str], title: str, log: Path) -> tuple[Cost, list[Sample]]:
    """Run a command from the project's folder and say what it took, in all and over time.

    Args:
        command: program and arguments.
        title: what it is, for the message of an error.
        log: where its output goes.

    Raises:
        CommandError: it ended with an exit status other than 0.
    """
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    with log.open("w") as file:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
        memory = MemoryWatch(process.pid)
        memory.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)  # its use, with that of all descendants that were waited for
            process.returncode = os.waitstatus_to_exitcode(status)
            wall = time.perf_counter() - started
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            memory.stop()
    if process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
        raise CommandError(f"{title} ended with exit status {process.returncode}; the end of what it said:\n{said}")
    peak = max((sample.command + sum(sample.workers) for sample in memory.samples), default=0)
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak / 2**30), memory.samples


class MemoryWatch(threading.Thread):
    """Looks at the memory of a process and all its descendants until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.samples: list[Sample] = []
        self._pid, self._end = pid, threading.Event()

    def run(self) -> None:
        """Look, again and again."""
        while not self._end.wait(SAMPLE_EVERY):
            command, *workers = map(_memory, process_tree(self._pid))
            self.samples.append(Sample(time.time(), command, tuple(workers)))

    def stop(self) -> None:
        """End after the current look."""
        self._end.set()
        self.join()


def process_tree(pid: int) -> list[int]:
    """The process and its descendants that live now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
        children.setdefault(parent, []).append(int(entry.parent.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def _memory(pid: int) -> int:
    try:
        return memory_of_process(pid)
    except OSError:  # it has ended meanwhile
        return 0
