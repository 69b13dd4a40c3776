"""Laws of the records: JSON without loss, seeds that depend on nothing but their name."""

from dataclasses import replace

import pytest

from records.study import (
    CrossValidated,
    Epoch,
    LayerSize,
    LinearForm,
    Repeat,
    Score,
    Setting,
    Study,
    StudyResult,
    Trial,
    one_line,
    strongest_yardstick,
)
from records.summary import DataSummary
from tests.made_up import a_result, a_summary


def test_a_study_result_round_trips_through_json() -> None:
    result = a_result("gru", "0-129", 0.8)
    assert StudyResult.from_json(result.to_json()) == result
    assert isinstance(result.repeats[0], Repeat)
    back = StudyResult.from_json(result.to_json())
    kinds = (back.study, back.trials[0], back.repeats[0].scores[0], back.repeats[0].history[0], back.layers[0])
    assert tuple(map(type, kinds)) == (Study, Trial, Score, Epoch, LayerSize)


def test_a_data_summary_round_trips_through_json() -> None:
    summary = a_summary()
    assert DataSummary.from_json(summary.to_json()) == summary


def test_numbers_that_json_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Epoch(1, float("nan"), 0.5, 0.5, 0.5, 0.5, 1e-3, 1.0, 1.0).to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"architecture": "gru"}', '{"architecture": "gru", "bucket": "a", "more": 1}'])
def test_text_that_is_no_record_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own errors are among them
        Study.from_json(text)


def test_seeds_differ_by_study_and_purpose_and_are_never_zero() -> None:
    seeds = {
        Study(a, b).seed(1, kind, n)
        for a in ("gru", "lstm")
        for b in ("0-9", "all")
        for kind in ("trial", "repeat")
        for n in range(50)
    }
    assert len(seeds) == 2 * 2 * 2 * 50
    assert min(seeds) > 0
    assert Study("gru", "0-129").seed(1, "repeat", 0) == Study("gru", "0-129").seed(1, "repeat", 0)


def test_an_exception_becomes_one_line() -> None:
    text = one_line(ValueError("\x1b[1mshape\x1b[0m is wrong\n\n  here " + "x" * 1000))
    assert text.startswith("ValueError: shape is wrong here") and "\n" not in text and len(text) <= 400


@pytest.mark.parametrize(
    ("difference", "refusal", "is_read"),
    [(0.0, "", True), (1e-4, "", True), (1.1e-4, "", False), (None, "", False), (None, "an unknown layer", False)],
)
def test_the_engine_reads_a_repeat_only_where_it_was_seen_to_answer_like_the_network(
    difference: float | None, refusal: str, is_read: bool
) -> None:
    repeat = replace(a_result("gru", "0-129", 0.9).repeats[0], engine_difference=difference, engine_refusal=refusal)
    assert repeat.is_read_by_engine == is_read
    assert Repeat.from_json(repeat.to_json()) == repeat


def test_a_setting_comes_back_from_what_a_record_keeps() -> None:
    setting = Setting(
        units=8, embedding_dim=4, dropout=0.1, spatial_dropout=0, adversarial=0.0, learning_rate=1e-3, batch_size=32
    )
    assert Setting.of(setting.hyperparameters) == setting


def test_the_strongest_yardstick_is_chosen_by_cross_validation_whatever_the_test_reviews_say() -> None:
    def a_yardstick(name: str, scope: str, accuracy: float, test: float) -> StudyResult:
        forms = tuple(CrossValidated(LinearForm(n=2, min_df=2, C=c), a) for c, a in ((1.0, accuracy), (2.0, accuracy - 0.1)))
        return replace(a_result(name, scope, test), forms=forms)

    found = [
        a_yardstick("linear", "0-129", 0.7, 0.9),
        a_yardstick("nb_linear", "0-129", 0.8, 0.6),
        a_yardstick("linear", "all", 0.9, 0.9),
    ]
    results = {result.study: result for result in found}
    assert found[0].cv_accuracy == 0.7 and a_result("gru", "0-129", 0.8).cv_accuracy is None
    assert strongest_yardstick(Study("gru", "0-129"), results) == found[1] == strongest_yardstick(found[0].study, results)
    assert strongest_yardstick(Study("gru", "0-129", is_fine_tuned=True), results) == found[2]
    assert strongest_yardstick(Study("gru", "130-end"), results) is None
    assert StudyResult.from_json(found[1].to_json()) == found[1]
