"""Logging, configured once per process: by main for the run, by a worker for each study. Nothing happens at import."""

import logging
import os
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


def silence_libraries() -> None:
    """Keep TensorFlow's and JAX's chatter from the terminal; call before they are imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    for name in ("tensorflow", "absl", "jax", "h5py"):
        logging.getLogger(name).setLevel(logging.ERROR)


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
