"""What a worker process keeps from study to study: the data and the compiled networks."""

import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from analysis.search_size import largest
from config import Config
from data import word_vectors
from data.batches import ladder
from data.types import Dataset
from data.word_vectors import WordVectors
from experiment.devices import memory_of_process, return_freed_memory
from experiment.network import ModelCache, Stopwatch
from experiment.plan import cost_of_rung
from models import evidence
from models.evidence import Evidence
from models.roster import Entry, Roster
from records.study import Progress, Study
from saver import RunFolder

log = logging.getLogger(__name__)


class OvergrownError(BaseException):
    """This process has become too large. What it has finished is on disk; another process goes on from there.

    It passes through Keras Tuner, which takes every `Exception` for a failed trial.
    """


@dataclass(frozen=True, kw_only=True)
class StudyContext:
    """What the studies of one process share."""

    config: Config
    folder: RunFolder
    dataset: Dataset  # all of it
    device: str  # its name
    vectors: dict[word_vectors.Key, Path]  # files of the word vectors that networks start from
    on_progress: Callable[[Progress], None]
    largest: float = math.inf  # bytes of memory that this process should take at most

    @cached_property
    def roster(self) -> Roster:
        """Who the studies' contenders are."""
        return Roster.of(self.config)

    @cached_property
    def models(self) -> ModelCache:
        """The compiled networks.

        Their padded lengths follow from the training reviews; the last one holds the longest review there is. Keras's layers,
        where they are compiled, read all of the padding, so that they get lengths of their own.
        """
        limit, dataset = self.config.data.max_length, self.dataset
        lengths = dataset.train.sequences.lengths.clip(max=limit)
        custom, stock = (ladder(lengths, cost_of_rung(self.config, stops_early=stops_early)) for stops_early in (True, False))
        parts = (dataset.train, dataset.validation, dataset.test)
        custom[-1] = stock[-1] = max(int(part.sequences.lengths.clip(max=limit).max(initial=1)) for part in parts)
        return ModelCache(custom, of_keras=stock)

    @property
    def stopwatch(self) -> Stopwatch:
        """What this process spends its time on."""
        return self.models.stopwatch

    def load_vectors(self, config: Config, width: int) -> WordVectors | None:
        """The vectors of these settings that networks start from; None: random ones."""
        if config.vectors.source == word_vectors.RANDOM:
            return None
        return word_vectors.load(self.vectors[word_vectors.key(config, width)])

    def load_evidence(self, study: Study) -> Evidence | None:
        """What the labels of the study's training reviews say about n-grams; None where its contender asks for none."""
        config = self.roster[study.contender].config
        if not largest(config.space.evidence):
            return None
        return evidence.load(self.folder, study, with_pseudo_labels=config.model.pseudo_labels)

    def is_overgrown(self) -> bool:
        """Whether another process should go on: programs once compiled stay in memory, and TensorFlow keeps more than that.

        What is merely kept for the next step is handed back first: it does not count. Where the system does not say how much
        memory a process takes, none is too large.
        """
        return_freed_memory()
        try:
            return memory_of_process(os.getpid()) > self.largest
        except OSError as error:
            log.debug("the memory of this process is not known: %s", error)
            return False

    def engine(self, entry: Entry) -> str:
        """Whose recurrent layers train this contender here: `keras` or `custom`; a control is trained by Keras's everywhere."""
        if entry.control_of:
            return "keras"
        by_device = "keras" if self.device.startswith("gpu") else "custom"
        chosen = self.config.run.engine
        return entry.registered.engine or (by_device if chosen == "auto" else chosen)
