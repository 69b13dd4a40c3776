"""Laws of the devices: what there is decides, one thread a CPU worker, workers dealt over GPUs."""

import math
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from experiment import control_groups, crew, devices
from experiment.devices import Device, available, environment, restrict_process, spread
from records.errors import ConfigError
from tests.conftest import ROOT


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for nvidia-smi on a machine with two GPUs."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 0, NVIDIA A\necho 1, NVIDIA B\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)


@pytest.mark.usefixtures("two_gpus")
def test_gpus_are_taken_where_there_are_any_and_workers_are_dealt_over_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(devices.COUNT_GPUS, "tensorflow", "print(2)")
    gpus = available("auto", "tensorflow")
    assert [(d.kind, d.number, d.name) for d in gpus] == [("gpu", 0, "gpu 0 (NVIDIA A)"), ("gpu", 1, "gpu 1 (NVIDIA B)")]
    assert available("gpu", "tensorflow") == gpus
    assert {d.kind for d in available("cpu", "tensorflow")} == {"cpu"}
    assert [d.number for d in spread(gpus, 3)] == [0, 1, 0]
    assert spread(gpus, None) == gpus


def test_without_a_gpu_there_is_one_worker_per_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(control_groups, "processors", lambda: math.inf)  # whatever quota this machine has
    assert len(available("auto", "tensorflow")) == len(os.sched_getaffinity(0))
    with pytest.raises(ConfigError, match="no NVIDIA GPU answers nvidia-smi"):
        available("gpu", "tensorflow")


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_that_the_backend_cannot_use_is_not_taken_and_not_passed_over_in_silence(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # whatever this machine has
    assert {d.kind for d in available("auto", "tensorflow")} == {"cpu"}  # asks TensorFlow itself
    assert "NVIDIA A" in caplog.text and "training on the CPU" in caplog.text
    with pytest.raises(ConfigError, match="tensorflow as it is installed here cannot use it"):
        available("gpu", "tensorflow")


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("sleep 60", "does not answer within 0.5 seconds"),
        ("trap '' TERM HUP INT; sleep 60 & sleep 60; wait", "does not answer within 0.5 seconds"),
        ("echo Failed to initialize NVML; exit 9", "ends with exit status 9"),
        ("echo No devices were found", "lists none (No devices were found)"),
        ("printf '\\377\\376\\000 garbage, 7\\n'", "lists none ("),
        ("exit 0", "lists none (it prints nothing)"),
        (None, "cannot be run (Exec format error)"),
    ],
)
def test_a_broken_nvidia_smi_is_said_once_and_soon_and_the_cpu_is_taken(
    program: str | None, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "nvidia-smi"
    path.write_bytes(f"#!/bin/sh\n{program}\n".encode() if program else b"\0no program")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(devices, "SECONDS_OF_SMI", 0.5 if "sleep" in str(program) else 5)
    started = time.monotonic()
    assert {device.kind for device in available("auto", "tensorflow")} == {"cpu"}
    assert time.monotonic() - started < 3
    (record,) = caplog.records
    assert record.getMessage().startswith(f"nvidia-smi {problem}") and "training on the CPU" in record.getMessage()
    with pytest.raises(ConfigError, match=r"^run\.device: nvidia-smi .*; use auto or cpu, or see docs/gpu\.md$"):
        available("gpu", "tensorflow")
    path.chmod(0o644)  # what cannot be executed is no program
    assert {device.kind for device in available("auto", "tensorflow")} == {"cpu"} and len(caplog.records) == 1


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize("program", ["import time; time.sleep(60)", "print('no number')", "pass", "raise SystemExit(3)"])
def test_a_backend_that_does_not_say_how_many_gpus_it_can_use_uses_none(
    program: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(devices.COUNT_GPUS, "tensorflow", program)
    monkeypatch.setattr(devices, "SECONDS_OF_BACKEND", 0.5)
    assert {device.kind for device in available("auto", "tensorflow")} == {"cpu"} and "training on the CPU" in caplog.text


def test_a_worker_sees_only_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "XLA_FLAGS", "JAX_PLATFORMS"):
        monkeypatch.delenv(name, raising=False)
    for name in (
        "TF_FORCE_GPU_ALLOW_GROWTH",
        "XLA_PYTHON_CLIENT_PREALLOCATE",
        "OPENBLAS_NUM_THREADS",
        "KERAS_BACKEND",
        "TF_NUM_INTEROP_THREADS",
        "NPROC",
    ):
        monkeypatch.setenv(name, "")  # so that they are put back
    restrict_process(Device("gpu", 1, "gpu 1"), "tensorflow")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert "OMP_NUM_THREADS" not in os.environ
    restrict_process(Device("cpu", 0, "cpu"), "jax")
    assert os.environ["KERAS_BACKEND"] == "jax"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "-1"
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == os.environ["OMP_NUM_THREADS"] == "1"


def number_from(program: str, argument: str) -> float:
    """What a new process prints."""
    done = subprocess.run([sys.executable, "-c", program, argument], cwd=ROOT, capture_output=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="on one core nothing can run beside")
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_worker_multiplies_on_one_thread(backend: str) -> None:
    pytest.importorskip(backend)
    program = """
import sys, time
from experiment.devices import Device, restrict_process
restrict_process(Device("cpu", 0, "cpu"), sys.argv[1])
import keras
multiply = keras.ops.matmul
if sys.argv[1] == "jax":
    import jax
    multiply = jax.jit(multiply)
matrix = keras.ops.ones((1500, 1500))
keras.ops.convert_to_numpy(multiply(matrix, matrix))
wall, cpu = time.perf_counter(), time.process_time()
for _ in range(10):
    keras.ops.convert_to_numpy(multiply(matrix, matrix))
print((time.process_time() - cpu) / (time.perf_counter() - wall))
"""
    assert number_from(program, backend) < 1.2


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep freed memory")
def test_a_worker_does_not_fetch_its_working_memory_from_the_system_again_and_again() -> None:
    program = """
import resource, sys
import numpy as np
from experiment.devices import Device, restrict_process
if sys.argv[1] == "restricted":
    restrict_process(Device("cpu", 0, "cpu"), "tensorflow")
np.ones(10_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(10_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    assert number_from(program, "restricted") < 100 < number_from(program, "as it comes")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to hand back freed memory")
def test_what_a_large_step_took_can_be_given_back() -> None:
    program = """
import os, sys
from experiment.devices import Device, memory_of_process, restrict_process, return_freed_memory
restrict_process(Device("cpu", 0, "cpu"), sys.argv[1])
from keras import ops
ops.zeros(10)
before = memory_of_process(os.getpid())
large = ops.ones(50_000_000)
assert memory_of_process(os.getpid()) - before > 150e6
del large
return_freed_memory()
print(memory_of_process(os.getpid()) - before)
"""
    assert number_from(program, "tensorflow") < 50e6


@pytest.mark.parametrize("missing", [("smaps_rollup",), ("smaps_rollup", "smaps")])
def test_the_memory_of_a_process_is_known_where_the_system_does_not_count_shared_pages(
    missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in gVisor's containers and on kernels without CONFIG_PROC_PAGE_MONITOR."""

    def open_the_rest(file: Any, *args: Any, **kwargs: Any) -> Any:
        if str(file).endswith(missing):
            raise FileNotFoundError(2, "No such file or directory", str(file))
        return open_any(file, *args, **kwargs)

    counted, open_any = devices.memory_of_process(os.getpid()), open
    monkeypatch.setattr("builtins.open", open_the_rest)
    monkeypatch.setattr("io.open", open_the_rest)
    assert counted / 2 < devices.memory_of_process(os.getpid()) < 3 * counted


def test_where_the_system_has_no_folder_of_processes_memory_is_not_known_and_nothing_else_happens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on macOS, or in a container without /proc; `StudyContext.is_overgrown` takes the error for "no process is too large"."""
    monkeypatch.setattr(devices.psutil, "PROCFS_PATH", str(tmp_path))
    with pytest.raises(OSError):  # noqa: PT011 - of whatever kind and words
        devices.memory_of_process(os.getpid())
    assert crew.memory_left(tmp_path / "meminfo") == pytest.approx(control_groups.memory_left(), rel=0.1)


def test_the_memory_of_a_process_that_has_ended_is_an_error_of_the_system() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(OSError, match=str(ended.pid)):
        devices.memory_of_process(ended.pid)


def test_the_environment_names_every_version_a_number_may_depend_on() -> None:
    about = environment("cpu", "tensorflow")
    assert about["backend"] == "tensorflow" and about["device"] == "cpu"
    assert {"keras", "keras-tuner", "tensorflow", "numpy", "scikit-learn"} <= set(about)


def test_a_backend_that_is_not_installed_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(ConfigError, match="no-such-backend is not installed; make run EXTRAS=jax"):
        environment("cpu", "no-such-backend")
