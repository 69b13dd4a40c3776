"""Prepared data as one file in the artifacts folder: what workers read, and what the next run of the same data starts from."""

import hashlib
import json
import os
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from config import Config
from data.sources.locate import place
from data.types import Sequences
from data.vocabulary import Vocabulary
from data_preprocessing import Bucket, Dataset, Reviews, prepare
from records.summary import DataSummary

_CODE = ("data_preprocessing.py", "data/*.py", "data/sources/*.py")  # what the prepared data depend on


def fetch(config: Config, folder: Path) -> tuple[Dataset, Path]:
    """The dataset of a config, and the file in this folder where it is or belongs: read when it is there, else prepared.

    Raises:
        DataError: as `prepare` does.
    """
    fingerprint = _fingerprint(config)  # before the reviews are read: what changes meanwhile must not pass for these
    path = _path(folder, fingerprint) if fingerprint else None
    if path is not None and path.is_file():
        try:
            return load_prepared(path), path
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # cut short, or not ours: it is only a cache
            path.unlink(missing_ok=True)
    dataset = prepare(config)
    return dataset, path or _path(folder, dataset.fingerprint)


def keep(dataset: Dataset, path: Path) -> None:
    """Write the file that `fetch` named, unless it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        save(dataset, path)


def _path(folder: Path, fingerprint: str) -> Path:
    return folder / f"data-{fingerprint[:16]}.npz"


def _fingerprint(config: Config) -> str | None:
    """Digest of what decides the prepared data: config, code, and the source's files by name, size and time of change.

    None where there are no files to know the data by.
    """
    source = place(config.data)
    if source is None or not source.exists():
        return None
    digest = hashlib.sha256(json.dumps([asdict(config.compare), asdict(config.data), config.run.seed]).encode())
    root = Path(__file__).parents[1]
    for file in sorted(file for pattern in _CODE for file in root.glob(pattern)):
        digest.update(file.read_bytes())
    word_index = [Path(config.data.word_index)] if config.data.word_index else []
    for file in sorted(file for file in (source, *source.rglob("*"), *word_index) if file.is_file()):
        about = file.stat()
        digest.update(f"{file.resolve()} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def save(dataset: Dataset, path: Path) -> None:
    """Write the dataset as flat arrays (no pickle); `load_prepared` reads it back."""
    arrays: dict[str, np.ndarray] = {"words": np.frombuffer("\n".join(dataset.vocabulary.words).encode(), dtype=np.uint8)}
    for part in ("train", "validation", "test"):
        reviews: Reviews = getattr(dataset, part)
        arrays |= {
            f"{part}_ids": reviews.sequences.values,
            f"{part}_offsets": reviews.sequences.offsets,
            f"{part}_labels": reviews.labels,
            f"{part}_rows": reviews.rows,
        }
    arrays |= {
        "piece_model": np.frombuffer(dataset.vocabulary.piece_model, dtype=np.uint8),
        "leaked": dataset.leaked,
        "unlabelled_ids": dataset.unlabelled.values,
        "unlabelled_offsets": dataset.unlabelled.offsets,
    }
    about = {
        "drops_unknown": dataset.vocabulary.drops_unknown,
        "vocab_size": dataset.vocab_size,
        "buckets": [(b.low, b.high) for b in dataset.buckets],
        "summary": dataset.summary.to_json(),
    }
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    temporary = path.with_suffix(f".{os.getpid()}.part")
    with temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    temporary.replace(path)


def load_prepared(path: Path) -> Dataset:
    """The dataset that `save` wrote."""
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        about = json.loads(file["about"].tobytes())
        words = tuple(file["words"].tobytes().decode().split("\n")) if file["words"].size else ()
        parts = {
            part: Reviews(Sequences(file[f"{part}_ids"], file[f"{part}_offsets"]), file[f"{part}_labels"], file[f"{part}_rows"])
            for part in ("train", "validation", "test")
        }
        piece_model = file["piece_model"].tobytes()
        leaked, unlabelled = file["leaked"], Sequences(file["unlabelled_ids"], file["unlabelled_offsets"])
    return Dataset(
        **parts,
        buckets=tuple(Bucket(low, high) for low, high in about["buckets"]),
        vocabulary=Vocabulary(words, about["drops_unknown"], piece_model),
        vocab_size=about["vocab_size"],
        unlabelled=unlabelled,
        leaked=leaked,
        summary=DataSummary.from_json(about["summary"]),
    )
