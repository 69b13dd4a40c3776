"""Laws of the behavioural tests: every text is there once, and who is right passes while who is wrong does not."""

from dataclasses import replace

import pytest

from inference.probes import CAPABILITIES, TOLERANCE, Probe, Said, _passes, measure
from inference.run import FinishedRun
from records.classes import Classes
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
    [  # probabilities of positive
        ("label", 0.9, None, True, True),
        ("label", 0.9, None, False, False),
        ("same", 0.9, 0.52, True, True),
        ("same", 0.9, 0.48, True, False),
        ("direction", 0.5, 0.73, True, True),
        ("direction", 0.5, 0.73, False, False),
        ("direction", 0.5, 0.43, True, True),  # within the tolerance
        ("direction", 0.5, 0.27, True, False),
    ],
)
def test_a_test_is_passed_as_its_kind_says(kind, before, after, is_positive, passes) -> None:  # type: ignore[no-untyped-def]
    probe = Probe("text", None if after is None else "changed", is_positive)
    said = {"text": before, "changed": after}
    verdicts = {text: Said("positive" if p >= 0.5 else "negative", p) for text, p in said.items() if p is not None}
    assert _passes(probe, kind, verdicts) is passes
    assert TOLERANCE == 0.1


def test_a_run_without_these_classes_or_words_is_not_put_to_the_tests(run: FinishedRun) -> None:
    stars = replace(run, data=replace(run.data, classes=Classes(("1", "2"))))
    assert measure(stars) == (
        (),
        ("the behavioural tests ask for verdicts of negative and positive, and this run's classes are 1, 2",),
    )
    words = tuple(f"wort{i}" for i in range(len(run.vocabulary.words)))
    foreign = replace(run, vocabulary=replace(run.vocabulary, words=words))
    assert measure(foreign) == ((), ("the behavioural tests are English film reviews, of whose words this run knows 0%",))


def test_every_architecture_is_measured_and_failures_are_told(run: FinishedRun) -> None:
    rates, left_out = measure(run)
    assert left_out == ()
    assert [*dict.fromkeys(each.contender for each in rates)] == run.contenders
    assert len(rates) == len(run.contenders) * len(CAPABILITIES)
    for each in rates:
        assert 0 <= each.passed <= each.n and bool(each.failures) == (each.passed < each.n)
