"""Logging, configured once per process: by main for the run, by a worker for each study. Nothing happens at import."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


def silence_libraries(path: Path) -> None:
    """Send what TensorFlow, JAX and XLA write to standard error to a file; call before they are imported.

    Part of it is written by C++ before any setting counts, and when a worker dies its last words are worth keeping.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)


@contextlib.contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Send this process's messages to a file, appending, while the block runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
