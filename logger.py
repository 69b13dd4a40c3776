"""Logging, configured once per process: by main for the run, by a worker for each study. Nothing happens at import."""

import logging
import os
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


def log_to_file(path: Path) -> logging.Handler:
    """Send this process's messages to a file, appending; returns the handler for `stop`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    return handler


def stop(handler: logging.Handler) -> None:
    """End what `log_to_file` began."""
    logging.getLogger().removeHandler(handler)
    handler.close()
