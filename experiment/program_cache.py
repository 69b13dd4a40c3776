"""Compiled programs kept on disk, so that the next process, and the next run, loads what this one has compiled.

The backends write their files in place; another process could read half of one, and a killed one leaves half of one behind.
So each process has a folder of its own, and its files go to the common one when a task has ended.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import shutil
from pathlib import Path


class ProgramCache:
    """The compiled programs of one process."""

    def __init__(self, common: Path, own: Path, backend: str) -> None:
        """Tell the backend where its programs are; call it before Keras is imported.

        Args:
            common: folder of all processes and runs; each kind of machine and each version has its own folder in it.
            own: folder of this process alone.
            backend: `tensorflow` or `jax`.
        """
        self._common, self._own = common / _kind(backend), own
        for folder in (self._common, self._own):
            folder.mkdir(parents=True, exist_ok=True)
        quote = '"' if "'" in str(own.absolute()) else "'"  # the path may hold blanks
        flag = f"--tf_xla_persistent_cache_directory={quote}{own.absolute()}{quote}"
        os.environ["TF_XLA_FLAGS"] = f"{os.environ.get('TF_XLA_FLAGS', '')} {flag}".strip()
        os.environ |= {
            "JAX_COMPILATION_CACHE_DIR": str(own.absolute()),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }

    def fetch(self) -> None:
        """Bring what others have compiled."""
        _link(self._common, self._own)

    def publish(self) -> None:
        """Give the others what this process has compiled."""
        _link(self._own, self._common)


def trim(common: Path, largest: float = 2e9) -> None:
    """Delete the oldest programs of all kinds until the others take at most so many bytes."""
    programs = []
    for path in common.glob("programs-*/*"):
        with contextlib.suppress(FileNotFoundError):  # another sweep deletes too
            about = path.stat()
            programs.append((about.st_mtime, about.st_size, path))
    total = sum(size for _, size, _ in programs)
    for _, size, path in sorted(programs):
        if total <= largest:
            return
        total -= size
        path.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """Make every file that the target has not got the same file there; none is ever there in part."""
    for path in source.iterdir():
        new = target / path.name
        if new.exists() or path.suffix == ".part" or not path.is_file():  # on a GPU JAX keeps a folder here, of its tuning
            continue
        try:
            os.link(path, new)
        except (FileExistsError, FileNotFoundError):  # another process was faster, or has deleted it as too old
            pass
        except OSError:  # no links on this file system
            part = target / f"{path.name}.{os.getpid()}.part"
            shutil.copyfile(path, part)
            part.replace(new)


def _kind(backend: str) -> str:
    """Name of the backend's version and of this machine's instructions: a program runs only where both are the same."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    about = f"{backend} {importlib.metadata.version(backend)} {platform.machine()} {flags}"
    return f"programs-{hashlib.sha256(about.encode()).hexdigest()[:12]}"
