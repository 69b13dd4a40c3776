"""CPU or GPU: what there is, and what one worker process may use. Decided before TensorFlow or JAX is imported."""

import contextlib
import ctypes
import importlib.metadata
import logging
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import psutil

from experiment import control_groups
from records.errors import ConfigError

_LIBRARY: Any = ctypes.CDLL(None) if os.name == "posix" else None  # the C library; only glibc has what is asked of it here
# Variables that hold a number of threads: NumPy's, TensorFlow's, and of the pool of JAX's XLA.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC")
COUNT_GPUS = {  # a program that prints how many GPUs a backend can use
    "tensorflow": "import tensorflow; print(len(tensorflow.config.list_physical_devices('GPU')))",
    "jax": "import jax; print(sum(device.platform == 'gpu' for device in jax.devices()))",
}
SECONDS_OF_SMI, SECONDS_OF_BACKEND = 5, 120  # that nvidia-smi, and a backend that is asked for its GPUs, may take
log = logging.getLogger(__name__)
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _LARGEST = -1, -3, 2**31 - 1  # of mallopt(3), in bytes


@dataclass(frozen=True)
class Device:
    """What one worker trains on."""

    kind: str  # "cpu" or "gpu"
    number: int
    name: str  # for logs and the report


def available(choice: str, backend: str) -> tuple[Device, ...]:
    """The devices for `run.device`: every GPU, or one CPU device per core this process may use.

    Raises:
        ConfigError: a GPU is asked for, and there is none or the backend cannot use it.
    """
    gpus, silence = _gpus() if choice != "cpu" else ((), "")
    if choice == "gpu" and not gpus:
        why = f"nvidia-smi {silence}" if silence else "no NVIDIA GPU answers nvidia-smi"
        raise ConfigError(f"run.device: {why}; use auto or cpu, or see docs/gpu.md")
    if silence:
        log.warning("nvidia-smi %s: training on the CPU; see docs/gpu.md", silence)
    if gpus:
        if _can_use_gpus(backend):
            return gpus
        problem = f"{gpus[0].name} answers nvidia-smi, but {backend} as it is installed here cannot use it"
        if choice == "gpu":
            raise ConfigError(f"run.device: {problem}; use auto or cpu, or see docs/gpu.md")
        log.warning("%s: training on the CPU; see docs/gpu.md", problem)
    return tuple(Device("cpu", number, f"cpu ({platform.machine()})") for number in range(cores()))


def cores() -> int:
    """The processor cores that this process may use, of which a quota may leave it a part."""
    return min(processors_in_all(), max(1, math.ceil(min(control_groups.processors(), 1e9))))


def processors_in_all() -> int:
    """The processor cores that this process may run on, whatever share of their time it has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> tuple[tuple[Device, ...], str]:
    """The GPUs that NVIDIA's own program lists, and what is wrong with that program where it does not answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return (), ""
    said, problem = _answer([program, "--query-gpu=index,name", "--format=csv,noheader"], SECONDS_OF_SMI)
    listed = [line.partition(",") for line in said.split("\n")]
    names = [name.strip() for index, comma, name in listed if comma and index.strip().isdecimal()]
    if not names and not problem:
        problem = f"lists none ({said.strip().splitlines()[0][:100] if said.strip() else 'it prints nothing'})"
    return tuple(Device("gpu", number, f"gpu {number} ({name})") for number, name in enumerate(names)), problem


def _can_use_gpus(backend: str) -> bool:
    """Asked in another process: this one imports no backend, and looking at a GPU takes memory of it."""
    said, problem = _answer([sys.executable, "-c", COUNT_GPUS[backend]], SECONDS_OF_BACKEND)
    last = said.split()[-1:]
    return not problem and bool(last) and last[0].isdecimal() and int(last[0]) > 0


def _answer(command: list[str], seconds: float) -> tuple[str, str]:
    """What a program prints, and what is wrong with it where it fails or takes longer than so many seconds.

    It is not waited for beyond that: a program that waits for a broken driver cannot even be killed.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - a fixed command
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        return "", f"cannot be run ({error.strerror})"
    try:
        said = process.communicate(timeout=seconds)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError, AttributeError):  # Windows has no groups of processes
            os.killpg(process.pid, signal.SIGKILL)  # its own children too, which may hold the pipe open
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=1)
        return "", f"does not answer within {seconds:g} seconds"
    return (said, "") if process.returncode == 0 else ("", f"ends with exit status {process.returncode}")


def spread(devices: tuple[Device, ...], workers: int | None) -> tuple[Device, ...]:
    """The device of each worker: one per device, or `workers` of them dealt over the devices."""
    return devices if workers is None else tuple(devices[number % len(devices)] for number in range(workers))


def restrict_process(device: Device, backend: str) -> None:
    """Let this process use only its device: one GPU with growing memory, or one CPU thread.

    One thread a process is what makes the numbers independent of the number of workers, and on small recurrent steps
    two one-thread processes do more work than one process with two threads. Call it before Keras is imported.
    """
    os.environ["KERAS_BACKEND"] = backend
    os.environ["CUDA_VISIBLE_DEVICES"] = str(device.number) if device.kind == "gpu" else "-1"
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    if device.kind == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
        for name in THREADS:
            os.environ[name] = "1"
        os.environ["XLA_FLAGS"] = (os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false").strip()
    os.environ["TF_ONEDNN_USE_SYSTEM_ALLOCATOR"] = "true"  # TensorFlow's own never gives back what its largest step took
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Have the C library keep large blocks that are freed, instead of handing them back to the system at once.

    A training step asks for its working memory anew each time. From 32 MB on, glibc takes it from the system and returns it,
    and the system clears every page: 40 % of the time of a step over long reviews or a wide embedding. Source: mallopt(3).
    """
    if hasattr(_LIBRARY, "mallopt"):
        _LIBRARY.mallopt(_MMAP_THRESHOLD, _LARGEST)
        _LIBRARY.mallopt(_TRIM_THRESHOLD, _LARGEST)


def return_freed_memory() -> None:
    """Hand back what is kept after all, for work that is likely to need less. Source: malloc_trim(3)."""
    if hasattr(_LIBRARY, "malloc_trim"):
        _LIBRARY.malloc_trim(0)


def memory_of_process(pid: int) -> int:
    """Bytes of memory that a process takes: its own, and its share of what it has in common with others (PSS).

    Some systems do not count shares, or not for everyone: there it is what is the process's own (USS), or else all it has in
    memory (RSS).

    Raises:
        OSError: the process has ended, or the system says nothing of it.
    """
    try:
        process = psutil.Process(pid)
        try:
            memory = process.memory_full_info()
        except (psutil.AccessDenied, OSError):
            memory = process.memory_info()
    except psutil.Error as error:
        raise ProcessLookupError(str(error)) from error
    return int(getattr(memory, "pss", 0) or getattr(memory, "uss", 0) or memory.rss)


def environment(kind: str, backend: str) -> dict[str, str]:
    """Versions and kind of device that a number may depend on; part of the run's hash.

    Raises:
        ConfigError: the backend is not installed.
    """
    packages = ("keras", "keras-tuner", "numpy", "scikit-learn", "scipy", backend)
    try:
        return {"backend": backend, "device": kind} | {name: importlib.metadata.version(name) for name in packages}
    except importlib.metadata.PackageNotFoundError as error:
        raise ConfigError(f"run.backend: {error.name} is not installed; make run EXTRAS=jax installs JAX") from error
