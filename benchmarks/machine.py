"""The machine that a benchmark ran on: what it is, how many threads a process may use, how fast it multiplies matrices.

NumPy and the standard library only, for processes that have no Keras.
"""

import datetime
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiment.devices import THREADS


def describe() -> dict[str, Any]:
    """CPU, cores, memory, load, operating system, Python and the date, for the head of a file of results."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,  # what else was running
        "os": platform.platform(),
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    """Physical memory, None where the system does not say (Windows)."""
    if not hasattr(os, "sysconf"):
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def cpu_environment(threads: int) -> dict[str, str]:
    """Variables that keep NumPy, TensorFlow, JAX and PyTorch to the CPU and to this many threads, if set before the import."""
    return dict.fromkeys((*THREADS, "MKL_NUM_THREADS"), str(threads)) | {
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'false' if threads == 1 else 'true'}",
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def multiply_rate(multiply: Callable[[], object], shape: tuple[int, int, int], seconds: float = 0.1) -> float:
    """Best GFLOP/s of a matrix product over repetitions that fill some time.

    Args:
        multiply: computes `[m, k] x [k, n]` in single precision and returns when it is done.
        shape: m, k, n; a product is 2 m k n floating-point operations.
        seconds: how long to repeat.
    """
    m, k, n = shape
    multiply()
    best, end = float("inf"), time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        multiply()
        best = min(best, time.perf_counter() - started)
    return 2 * m * k * n / best / 1e9


def numpy_rate() -> float:
    """GFLOP/s of NumPy's product of two 1024 x 1024 matrices in single precision."""
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((1024, 1024), dtype=np.float32) for _ in range(2))
    return multiply_rate(lambda: left @ right, (1024, 1024, 1024))
