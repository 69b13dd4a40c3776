"""The yardstick: what it reads, and the numbers it is known to give on the real reviews."""

from pathlib import Path

import numpy as np
import pytest

from config import PROFILES
from data.batches import network_ids
from data.types import Dataset
from data_preprocessing import prepare
from experiment import baseline
from experiment.network import Examples
from experiment.options import with_overrides
from tests.networks import a_network, fit_plan


def test_it_reads_words_outside_the_networks_vocabulary(smoke_config: object) -> None:
    small = prepare(with_overrides(smoke_config, ["data.vocab_size=10"]))  # type: ignore[arg-type]
    large = prepare(smoke_config)  # type: ignore[arg-type]
    a, b = (baseline.predict(baseline.fit([d.train, d.validation]), d.test) for d in (small, large))
    np.testing.assert_array_equal(a, b)


def test_it_counts_its_parameters(demo_data: Dataset) -> None:
    pipeline = baseline.fit([demo_data.train])
    assert baseline.parameters(pipeline) == len(pipeline[0].vocabulary_) + 1


def test_the_real_numbers_are_reached_within_half_a_point(real_data: Path) -> None:
    """Per bucket, and trained on everything (shown per bucket)."""
    data = prepare(with_overrides(PROFILES["study"].config, [f"data.source={real_data}"]))
    names = [bucket.name for bucket in data.buckets]

    def accuracy(pipeline: object, bucket: str) -> float:
        test = data.scope(bucket).test
        return float(100 * np.mean((baseline.predict(pipeline, test) >= 0.5) == test.labels))  # type: ignore[arg-type]

    own = [accuracy(baseline.fit([data.scope(n).train, data.scope(n).validation]), n) for n in names]
    assert own == pytest.approx([89.2, 88.9, 88.3, 87.3, 85.3], abs=0.5)
    everything = baseline.fit([data.train, data.validation])
    assert [accuracy(everything, n) for n in names] == pytest.approx([91.2, 91.0, 90.4, 90.7, 91.2], abs=0.5)


def test_on_the_demo_corpus_a_recurrent_network_beats_the_yardstick_by_far(demo_data: Dataset) -> None:
    """Labels there depend on word order and distance; only a reader of sequences can know."""
    shown = [
        Examples(network_ids(part.sequences, demo_data.vocab_size, 100, "tail"), part.labels)
        for part in (demo_data.train, demo_data.validation, demo_data.test)
    ]
    reader = a_network((100,), architecture="custom_gru", vocab_size=demo_data.vocab_size, embedding_dim=16, units=16)
    plan = fit_plan(epochs=10, patience=10, reduce_patience=10)
    reader.start(plan)
    reader.fit(shown[0], shown[1], plan, lambda _: False)
    network = np.mean((reader.predict(shown[2].rows) >= 0.5) == shown[2].labels)
    pipeline = baseline.fit([demo_data.train, demo_data.validation])
    linear = np.mean((baseline.predict(pipeline, demo_data.test) >= 0.5) == demo_data.test.labels)
    assert network > linear + 0.2
