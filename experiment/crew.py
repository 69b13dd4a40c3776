"""How many workers a run has: one for each core or GPU, but no more than the memory there is, as far as that can be foreseen."""

import contextlib
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from analysis.search_size import largest
from config import Config
from data.hashed import MANY, hash_bits
from data.types import Dataset
from experiment import control_groups
from experiment.devices import Device, cores, processors_in_all, spread
from models.roster import Roster

# Bytes. A worker takes so much beside what follows from its data and models, for its libraries and the programs that it has
# compiled; on a GPU also for CUDA's libraries. The parent keeps the reviews, learns word vectors and writes the report.
LIBRARIES, PARENT = {"cpu": 1.0e9, "gpu": 2.5e9}, 0.5e9
# Numbers that a training step keeps for each token of a batch: so many for a unit of a GRU, and for a number of a word's vector;
# and bytes that a yardstick takes for each token that it learns from. Read off finished runs: docs/speed.md has their memory.
PER_UNIT, PER_FEATURE, PER_NGRAM_TOKEN = 20, 8, 3 * 45
PER_CLASS = 4  # bytes more for each of these tokens and each class beyond the second
HASHED, PER_BUCKET = 0.3e9, 64  # bytes of a yardstick that reads very many reviews, and for each bucket and class
FLOAT = 4  # bytes
COPIES = 4  # of a table of vectors in training: itself, its gradient, and two moments of Adam


@dataclass(frozen=True)
class Crew:
    """The workers of a run."""

    devices: tuple[Device, ...]  # the device of each
    limit: str = ""  # a sentence on what allows no more of them; nothing where there is one for each core or GPU


def crew(devices: tuple[Device, ...], wanted: int | None, need: float) -> Crew:
    """The workers for these devices.

    Args:
        devices: the processor cores or the GPUs that may be used.
        wanted: how many a person asks for; None: as many as there can be.
        need: bytes of memory that one is expected to take, see `bytes_of_worker`.
    """
    if wanted is not None:
        return Crew(spread(devices, wanted))
    memory = memory_left()
    fit = _fitting(memory - PARENT, need)
    if fit < len(devices):
        return Crew(devices[:fit], _of_memory(fit, memory, need))
    if devices[0].kind == "cpu" and len(devices) < processors_in_all():
        return Crew(devices, _of_quota(len(devices)))
    return Crew(devices)


def processes(most: int, need: float) -> int:
    """How many further processes may run at once: one for each core that may be used, as far as there is memory.

    Args:
        most: that there is work for.
        need: bytes of memory that one takes.
    """
    return min(most, cores(), _fitting(memory_left(), need))


def _fitting(memory: float, need: float) -> int:
    """How many processes of a size fit into this memory; at least one, which is for the system to refuse."""
    return max(1, int(min(memory, 1e18) // need))


def memory_left(meminfo: Path = Path("/proc/meminfo")) -> float:
    """Bytes of memory that are free for this run; infinity where the system does not say."""
    told = None
    with contextlib.suppress(OSError):
        told = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo.read_text(encoding="utf-8"), re.MULTILINE)
    return min(1024.0 * int(told[1]) if told else _free_elsewhere(), control_groups.memory_left())


def _free_elsewhere() -> float:
    """The same on a system that is no Linux, or an old one, or hides what it has."""
    try:
        return float(psutil.virtual_memory().available)
    except (OSError, LookupError, ValueError, psutil.Error):
        return math.inf


def bytes_of_worker(config: Config, dataset: Dataset, kind: str) -> float:
    """About how much memory a worker takes at its largest.

    Args:
        config: of the run.
        dataset: all reviews; workers share the pages that hold their ids.
        kind: of its device; on a GPU, networks are in the GPU's memory.
    """
    parts = (dataset.train, dataset.validation, dataset.test)
    longest = max(int(part.sequences.lengths.max(initial=1)) for part in parts)
    entries = Roster.of(config).entries if kind == "cpu" else ()
    networks = (_of_network(entry.config, entry.registered.cost, longest, dataset) for entry in entries)
    return LIBRARIES[kind] + max([_of_yardstick(config, dataset), *networks])


def _of_yardstick(config: Config, dataset: Dataset) -> float:
    """Bytes of a linear model of the largest scope."""
    lengths = np.concatenate([dataset.train.sequences.lengths, dataset.validation.sequences.lengths])
    has_generalists = config.compare.scopes != {"bucket"}
    scopes = [lengths] if has_generalists else [lengths[bucket.holds(lengths)] for bucket in dataset.buckets]
    tokens, n_classes = max(float(scope.sum()) for scope in scopes), len(dataset.classes)
    hashed = HASHED + PER_BUCKET * n_classes * (1 << hash_bits(n_classes))
    return hashed if tokens > MANY else (PER_NGRAM_TOKEN + PER_CLASS * (n_classes - 2)) * tokens


def _of_network(config: Config, cost: float, longest: int, dataset: Dataset) -> float:
    """Bytes of a network's largest training step and of its tables of vectors.

    Args:
        config: of its contender.
        cost: of its architecture, relative to a GRU's; what a step keeps grows like its time.
        longest: tokens of the longest review.
        dataset: tells how many ids it knows, and how many classes it has evidence for.
    """
    space, model = config.space, config.model
    units, features, batch = (largest(of) for of in (space.units, space.embedding_dim, space.batch_size))
    readings = 2 if largest(space.adversarial) else 1
    vectors = COPIES * (dataset.vocab_size * features + model.bigrams * model.bigram_dim)
    features += largest(space.evidence) * (len(dataset.classes) if len(dataset.classes) > 2 else 1)
    step = readings * batch * min(longest, config.data.max_length) * (PER_UNIT * cost * units + PER_FEATURE * features)
    return FLOAT * (step + vectors)


def _of_memory(fit: int, memory: float, need: float) -> str:
    free, each = f"{memory / 1e9:.1f} GB of memory", f"{need / 1e9:.1f} GB"
    if fit > 1 or memory >= PARENT + need:
        return f"{_workers(fit)}: {free} allow no more, at about {each} for each; --workers N decides otherwise"
    return (
        f"1 worker: it may take {each}, and {free} are free: smaller space.batch_size, space.units or data.max_length take less, "
        "and the same command goes on where memory runs out"
    )


def _of_quota(number: int) -> str:
    quota = f"a quota of {control_groups.processors():g} processors"
    return f"{_workers(number)}: {quota} allows no more of the {processors_in_all()} there are; --workers N decides otherwise"


def _workers(number: int) -> str:
    return f"{number} worker{'s' * (number != 1)}"
