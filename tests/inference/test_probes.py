"""Laws of the behavioural tests: every text is there once, and who is right passes while who is wrong does not."""

import numpy as np
import pytest

from inference.examples import Examples, gather, stored
from inference.probes import CAPABILITIES, TOLERANCE, Probe, _passes, measure
from inference.run import FinishedRun
from records.study import YARDSTICK
from saver import RunFolder
from tests.conftest import SmokeRun


@pytest.fixture(scope="module")
def run(smoke_run: SmokeRun) -> FinishedRun:
    return FinishedRun.open(smoke_run.folder)


def test_every_capability_has_at_least_fifty_different_tests() -> None:
    for capability in CAPABILITIES:
        probes = list(capability.make())
        assert len(set(probes)) == len(probes) >= 50, capability.name
        assert all((probe.changed is None) == (capability.kind == "label") for probe in probes)
        assert all(probe.changed != probe.text for probe in probes)


def test_tests_of_a_label_ask_for_both_verdicts_but_where_only_one_is_meant() -> None:
    for capability in CAPABILITIES:
        if capability.kind == "label" and "negat" not in capability.name:
            assert {probe.is_positive for probe in capability.make()} == {True, False}


def test_neutral_text_makes_a_review_long() -> None:
    for capability in CAPABILITIES:
        if capability.name.startswith("neutral"):
            lengths = [len(probe.changed.split()) for probe in capability.make() if probe.changed]
            assert min(lengths) > 90 and max(lengths) > 180


@pytest.mark.parametrize(
    ("kind", "before", "after", "is_positive", "passes"),
    [
        ("label", 2.0, None, True, True),
        ("label", 2.0, None, False, False),
        ("same", 2.0, 0.1, True, True),
        ("same", 2.0, -0.1, True, False),
        ("direction", 0.0, 1.0, True, True),
        ("direction", 0.0, 1.0, False, False),
        ("direction", 0.0, -0.3, True, True),  # within the tolerance
        ("direction", 0.0, -1.0, True, False),
    ],
)
def test_a_test_is_passed_as_its_kind_says(kind, before, after, is_positive, passes) -> None:  # type: ignore[no-untyped-def]
    probe = Probe("text", None if after is None else "changed", is_positive)
    assert _passes(probe, kind, {"text": before, "changed": after}) is passes
    assert TOLERANCE == 0.1


def test_every_architecture_is_measured_and_failures_are_told(run: FinishedRun) -> None:
    rates, left_out = measure(run)
    assert left_out == ()
    assert [*dict.fromkeys(each.architecture for each in rates)] == run.architectures
    assert len(rates) == len(run.architectures) * len(CAPABILITIES)
    for each in rates:
        assert 0 <= each.passed <= each.n and bool(each.failures) == (each.passed < each.n)


# -- what a report shows of it ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def examples(run: FinishedRun) -> Examples:
    found = stored(RunFolder(run.folder.path))
    assert found is not None
    return found


def test_a_finished_run_has_its_examples_and_it_round_trips(run: FinishedRun, examples: Examples) -> None:
    assert Examples.from_json(examples.to_json()) == examples
    assert examples.probes == measure(run)[0] and examples.left_out == ()


def test_samples_are_test_reviews_of_both_classes_with_the_stored_verdict_of_every_architecture(
    run: FinishedRun, examples: Examples
) -> None:
    assert {(sample.bucket, sample.label) for sample in examples.samples} == {(b.name, y) for b in run.buckets for y in (0, 1)}
    for sample in examples.samples:
        assert [verdict.study.architecture for verdict in sample.verdicts] == run.architectures
        for verdict in sample.verdicts:
            predicted = run.folder.load_predictions(verdict.study, 0)
            index = int(np.flatnonzero(predicted["rows"] == sample.row)[0])
            assert (predicted["probabilities"][index] >= 0.5) == (verdict.probability >= 0.5)
            assert predicted["labels"][index] == sample.label
            if verdict.study.architecture == YARDSTICK:
                assert verdict.probability == pytest.approx(predicted["probabilities"][index], abs=1e-6)


def test_a_mistake_is_the_surest_wrong_verdict_of_the_chosen_network(run: FinishedRun, examples: Examples) -> None:
    for mistake in examples.mistakes:
        leader = run.leaders[mistake.bucket]
        assert mistake.explanation.study == leader
        assert (mistake.explanation.probability >= 0.5) != (mistake.label == 1)
        stored_ = run.folder.load_predictions(leader, 0)
        wrong = (stored_["probabilities"] >= 0.5) != stored_["labels"]
        surest = np.abs(stored_["probabilities"][wrong] - 0.5).max()
        mine = stored_["probabilities"][stored_["rows"] == mistake.row][0]
        assert abs(mine - 0.5) == pytest.approx(surest)


def test_the_report_shows_probes_samples_and_mistakes(smoke_run: SmokeRun, examples: Examples) -> None:
    page = (smoke_run.folder / "report.html").read_text()
    assert all(part in page for part in ("Behavioural tests passed", "Sample predictions", "The most confident mistakes"))
    assert examples.samples[0].text[:40] in page


def test_examples_of_the_same_studies_is_not_gathered_again(run: FinishedRun, examples: Examples, demo_data) -> None:  # type: ignore[no-untyped-def]
    from inference import examples as room

    path = run.folder.final_stats("examples.json")
    before = path.stat().st_mtime_ns
    assert room.load_or_gather(run.folder, demo_data) == examples and path.stat().st_mtime_ns == before
    assert gather is room.gather
