"""Laws of the plan: which studies there are, what they read, what they follow and what they take."""

import numpy as np
import pytest

from config import PROFILES, Compare, Config
from data.types import Dataset
from experiment import plan
from experiment.options import with_overrides
from experiment.plan import reference, refuse_large_evidence, repeats, reviews_of, studies, work
from models.roster import Roster
from records.errors import ConfigError
from records.study import YARDSTICKS, Study

CONTENDERS = """compare.architectures=('simple_rnn', Contender('gru', 'One for all', scope='all', set={'training.repeats': 2}),
    Contender('simple_rnn', 'Both', scope='both', set={'space.units': 64}))"""


def test_a_study_reads_its_scope_and_so_many_reviews(demo_data: Dataset) -> None:
    bucket = demo_data.buckets[0].name
    assert reviews_of(Study("gru", "all"), demo_data) is demo_data
    assert reviews_of(Study("gru", "all", n_reviews=10**6), demo_data) is demo_data
    assert reviews_of(Study("gru", bucket), demo_data).fingerprint == demo_data.scope(bucket).fingerprint
    few = reviews_of(Study("gru", bucket, n_reviews=60), demo_data)
    assert few.fingerprint == demo_data.scope(bucket).first(60).fingerprint and few.n_labelled == 60
    assert np.array_equal(few.test.rows, demo_data.scope(bucket).test.rows)


def test_each_contender_has_the_studies_of_its_own_scope(demo_data: Dataset) -> None:
    options = [CONTENDERS, "compare.fine_tune=true", "compare.learning_curve=(200,)"]
    config = with_overrides(PROFILES["smoke"].config, options)
    planned = studies(config, demo_data)
    low, high = (bucket.name for bucket in demo_data.buckets)
    specialists = {f"{name}/{bucket}" for name in ("simple_rnn", "both", *YARDSTICKS) for bucket in (low, high)}
    generalists = {f"{name}/all" for name in ("one_for_all", "both", *YARDSTICKS)}
    tuned = {f"{name}/all-{bucket}" for name in ("one_for_all", "both") for bucket in (low, high)}
    points = {f"{name}@200" for name in specialists | generalists}
    assert {study.id for study in planned} == specialists | generalists | tuned | points
    assert len(planned) == len(set(planned))


def test_a_study_takes_what_its_contenders_settings_take(demo_data: Dataset) -> None:
    config = with_overrides(PROFILES["smoke"].config, [CONTENDERS])
    roster, bucket = Roster.of(config), demo_data.buckets[0].name
    assert repeats(Study("one_for_all", "all"), roster) == 2 and repeats(Study("simple_rnn", bucket), roster) == 1
    plain, wide = (work(Study(name, bucket), roster, demo_data) for name in ("simple_rnn", "both"))
    assert plain.epochs == wide.epochs and wide.seconds > plain.seconds


def test_a_control_follows_what_it_controls_with_one_training() -> None:
    roster = Roster.of(Config(compare=Compare(architectures=("gru", "custom_gru"))))
    control, study = Study("gru", "0-9"), Study("custom_gru", "0-9")
    assert reference(control, roster) == study and reference(study, roster) is None
    assert (repeats(control, roster), repeats(study, roster)) == (1, 3)
    assert reference(control, Roster.of(Config(compare=Compare(architectures=("gru",))))) is None


def test_evidence_of_more_texts_than_memory_holds_is_one_sentence_with_what_to_type(
    demo_data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = with_overrides(PROFILES["smoke"].config, ["space.evidence=2"])
    roster = Roster.of(config)
    planned = studies(config, demo_data)
    refuse_large_evidence(planned, roster, demo_data)
    monkeypatch.setattr(plan, "MOST_COUNTED", demo_data.n_tokens // 3)
    with pytest.raises(ConfigError, match=r"space.evidence: .* --set data.max_train_per_bucket=\d+ takes fewer"):
        refuse_large_evidence(planned, roster, demo_data)
    refuse_large_evidence([study for study in planned if study.is_yardstick], roster, demo_data)  # nobody asks for it
    without = Roster.of(PROFILES["smoke"].config)
    refuse_large_evidence(planned, without, demo_data)
