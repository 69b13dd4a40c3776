"""Laws of the dataset and its cuts."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from data.types import Dataset
from records.errors import DataError
from tests.conftest import ROOT


def test_unknown_buckets_say_which_exist(demo_data: Dataset) -> None:
    with pytest.raises(DataError, match="no bucket is named '0-1'; buckets: "):
        demo_data.scope("0-1")


def test_a_learning_curves_reviews_are_nested_and_have_every_bucket_and_class(demo_data: Dataset) -> None:
    for scope in ("all", demo_data.buckets[0].name):
        small, large = (demo_data.scope(scope).first(n) for n in (60, 200))
        whole = demo_data.scope(scope)
        for part in ("train", "validation"):
            rows = [set(getattr(data, part).rows.tolist()) for data in (small, large, whole)]
            assert rows[0] < rows[1] < rows[2]
            labels = [getattr(data, part).labels for data in (small, whole)]
            assert abs(labels[0].mean() - labels[1].mean()) <= 1 / len(labels[0])
        assert abs(len(large.train) + len(large.validation) - 200) <= 1
        assert np.array_equal(small.test.rows, whole.test.rows)
        shares = [[bucket.holds(d.train.sequences.lengths).mean() for bucket in whole.buckets] for d in (large, whole)]
        np.testing.assert_allclose(shares[0], shares[1], atol=0.02)
    assert demo_data.scope("all").first(10**6) is demo_data


def test_the_fingerprint_tells_every_array_the_buckets_and_the_vocabulary_size(demo_data: Dataset) -> None:
    train, bucket = demo_data.train, demo_data.buckets[0]
    others = [
        replace(demo_data, train=replace(train, labels=1 - train.labels)),
        replace(demo_data, test=replace(demo_data.test, rows=demo_data.test.rows + 1)),
        replace(demo_data, validation=demo_data.validation.take(np.arange(5))),
        replace(demo_data, unused=train.sequences),
        replace(demo_data, unlabelled=train.sequences),
        replace(demo_data, vocab_size=demo_data.vocab_size - 1),
        replace(demo_data, buckets=(replace(bucket, high=99), *demo_data.buckets[1:])),
    ]
    assert len({demo_data.fingerprint, *(other.fingerprint for other in others)}) == 1 + len(others)
    assert replace(demo_data, max_length=1).fingerprint == demo_data.fingerprint  # it changes no array


@pytest.mark.parametrize("room", ["data.types", "data.batches", "data.vocabulary", "data.sources.locate"])
def test_what_a_run_is_read_with_is_cheap_to_import(room: str) -> None:
    code = f"import sys; import {room}; print(sorted({{'pandas', 'rich', 'urllib.request', 'pydantic'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
