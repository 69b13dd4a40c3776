"""CPU or GPU: what there is, and what one worker process may use. Decided before TensorFlow or JAX is imported."""

import ctypes
import importlib.metadata
import logging
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass

import psutil

from records.errors import ConfigError

_LIBRARY = ctypes.CDLL(None)  # the C library; only glibc has what is asked of it here
# Variables that hold a number of threads: NumPy's, TensorFlow's, and of the pool of JAX's XLA.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC")
COUNT_GPUS = {  # a program that prints how many GPUs a backend can use
    "tensorflow": "import tensorflow; print(len(tensorflow.config.list_physical_devices('GPU')))",
    "jax": "import jax; print(sum(device.platform == 'gpu' for device in jax.devices()))",
}
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
    gpus = _gpus() if choice != "cpu" else ()
    if choice == "gpu" and not gpus:
        raise ConfigError("run.device: no NVIDIA GPU answers nvidia-smi; use auto or cpu, or see docs/gpu.md")
    if gpus:
        if _can_use_gpus(backend):
            return gpus
        problem = f"{gpus[0].name} answers nvidia-smi, but {backend} as it is installed here cannot use it"
        if choice == "gpu":
            raise ConfigError(f"run.device: {problem}; use auto or cpu, or see docs/gpu.md")
        log.warning("%s: training on the CPU; see docs/gpu.md", problem)
    return tuple(Device("cpu", number, f"cpu ({platform.machine()})") for number in range(cores()))


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpus() -> tuple[Device, ...]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - a fixed command
    names = answer.stdout.split("\n") if answer.returncode == 0 else []
    return tuple(Device("gpu", number, f"gpu {number} ({name.strip()})") for number, name in enumerate(names) if name.strip())


def _can_use_gpus(backend: str) -> bool:
    """Asked in another process: this one imports no backend, and looking at a GPU takes memory of it."""
    command = [sys.executable, "-c", COUNT_GPUS[backend]]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - a fixed command
    return answer.returncode == 0 and int(answer.stdout.split()[-1]) > 0


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
