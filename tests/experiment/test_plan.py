"""Laws of what studies read."""

import numpy as np

from data.types import Dataset
from experiment.plan import reviews_of
from records.study import Study


def test_a_study_reads_its_scope_and_so_many_reviews(demo_data: Dataset) -> None:
    bucket = demo_data.buckets[0].name
    assert reviews_of(Study("gru", "all"), demo_data) is demo_data
    assert reviews_of(Study("gru", "all", n_reviews=10**6), demo_data) is demo_data
    assert reviews_of(Study("gru", bucket), demo_data).fingerprint == demo_data.scope(bucket).fingerprint
    few = reviews_of(Study("gru", bucket, n_reviews=60), demo_data)
    assert few.fingerprint == demo_data.scope(bucket).first(60).fingerprint and few.n_labelled == 60
    assert np.array_equal(few.test.rows, demo_data.scope(bucket).test.rows)
