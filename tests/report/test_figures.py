"""Laws of the figures: the records hold the numbers, colours and order are the registry's, nothing from a text is HTML."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from analysis.comparison import Predictions, Truth, corrected, judge
from config import PROFILES
from experiment.options import with_overrides
from inference.examples import Examples, Faithfulness
from inference.probes import CAPABILITIES, PassRate
from models.registry import ARCHITECTURES, colour
from records.classes import Classes
from records.findings import (
    BucketVerdict,
    ControlComparison,
    Ensemble,
    Findings,
    Importance,
    LearningCurve,
    LengthCurve,
    Reliability,
    Standing,
)
from records.study import YARDSTICKS, Study, StudyResult
from report.contents import ClassRow, ClassTable, Contents
from report.figures import accuracy, comparisons, cost, data, errors, search, training
from report.figures.table import FIGURES, SECTIONS
from tests.made_up import ROSTER, a_result, a_score, a_summary, an_about
from tests.report.test_explanation import CURVES

BUCKETS = ("0-129", "130-end")
LADDER = """("simple_rnn", "lstm", "custom_gru", "gru", Contender("gru", "A", scope="all"), Contender("gru", "B", parent="A"))"""


def results() -> list[StudyResult]:
    names = ("simple_rnn", "gru", "custom_gru", *YARDSTICKS)
    return [a_result(a, b, 0.6 + i / 20) for i, a in enumerate(names) for b in BUCKETS] + [
        a_result("lstm", "0-129", 0, status="failed")
    ]


def verdicts() -> tuple[BucketVerdict, ...]:
    truth = Truth(np.arange(100) % 2, np.arange(100) < 2, np.arange(100) % 2)
    found = []
    for bucket in BUCKETS:
        p = {}
        for result in results():
            if result.status == "completed" and result.study.bucket == bucket:
                right = round(100 * result.repeats[0].scores[0].accuracy)
                said = np.where((np.arange(100) < right) == (truth.test == 1), 2.2, -2.2)[None, :, None]
                p[result.study] = Predictions(said, said[:, :0] if result.study.is_yardstick else said)
        found.append(judge(bucket, truth, p, ROSTER))
    return corrected(found)


RELIABILITIES = (
    Reliability(Study("gru", "0-129"), ((0.1, 0.2, 50), (0.9, 0.8, 60)), ((0.2, 0.2, 50), (0.8, 0.8, 60))),
    Reliability(Study(YARDSTICKS[0], "0-129"), ((0.1, 0.15, 50), (0.9, 0.85, 60)), ()),
)


EXAMPLES = Examples(
    key="",
    probes=tuple(PassRate("gru", capability.name, 60, 45, ("a failure",)) for capability in CAPABILITIES),
    samples=(),
    mistakes=(),
    faithfulness=(Faithfulness("0-129", Study("gru", "0-129"), 7, CURVES),),
    left_out=(),
)


def a_comparison() -> ControlComparison:
    study, control = Study("custom_gru", "0-129"), Study("gru", "0-129")
    return ControlComparison(study, control, 0.81, 0.80, -0.01, 0.03, 0.012, 0.048)


def findings() -> Findings:
    gru = Study("gru", "0-129")
    return Findings(
        verdicts(),
        (a_comparison(),),
        RELIABILITIES,
        (
            Ensemble("0-129", (gru,), 3, 0.71, 0.68, 0.74, 0.7),
            Ensemble("0-129", (gru, Study("lstm", "0-129")), 6, 0.8, 0.7, 0.9, 0.8),
        ),
        (LengthCurve(gru, (50.0, 100.0), (0.8, 0.7), (0.75, 0.6), (0.85, 0.8)),),
        (Importance("learning_rate", 0.8, 0.1, 40),),
        (LearningCurve(Study("gru", "all"), (500, 2000), (0.7, 0.8), (0.65, 0.75), (0.75, 0.85)),),
    )


def travelled(result: StudyResult) -> StudyResult:
    """A specialist that was tested on the other bucket too."""
    other = next(bucket for bucket in BUCKETS if bucket != result.study.bucket)
    return replace(result, repeats=tuple(replace(r, scores_elsewhere=(a_score(other, 0.5),)) for r in result.repeats))


def test_matrices_are_read_from_the_row() -> None:
    matrix = comparisons.comparisons_data(verdicts(), ROSTER)[0]
    assert matrix.names == ("SimpleRNN", "GRU", "GRU from scratch", "TF-IDF linear model", "Naive-Bayes linear model")
    assert matrix.points[0][0] is None and matrix.points[3][0] == pytest.approx(15.0) == -(matrix.points[0][3] or 0)
    assert (matrix.signs[3][0], matrix.signs[0][3], matrix.signs[0][1]) == ("+", "−", "·")
    assert matrix.details[3][0].startswith("TF-IDF linear model better than SimpleRNN<br>+15.0 points (")


def test_the_control_panel_shows_the_difference_with_its_interval_and_both_step_times() -> None:
    difference, ours, theirs = cost.from_scratch_figure((a_comparison(),), ROSTER).data
    assert difference.x == pytest.approx((1.0,))
    assert (difference.error_x.array, difference.error_x.arrayminus) == (pytest.approx((2.0,)), pytest.approx((2.0,)))
    assert (ours.x, theirs.x) == (pytest.approx((12.0,)), pytest.approx((48.0,)))
    assert (ours.marker.color, theirs.marker.color) == (colour("custom_gru"), colour("gru"))


def test_bars_hold_the_accuracies_of_the_verdicts_in_order_with_the_yardstick_last() -> None:
    record = accuracy.accuracy_by_bucket_data(verdicts(), ROSTER)
    assert record.buckets == BUCKETS
    assert [s.name for s in record.series] == [
        "SimpleRNN",
        "GRU",
        "GRU from scratch",
        "TF-IDF linear model",
        "Naive-Bayes linear model",
    ]
    assert record.series[1].accuracy == (65.0, 65.0)
    assert all(low <= a <= high for s in record.series for low, a, high in zip(s.low, s.accuracy, s.high, strict=True))  # type: ignore[operator]


def test_an_architecture_keeps_its_colour_in_every_figure() -> None:
    bars = accuracy.accuracy_by_bucket_figure(accuracy.accuracy_by_bucket_data(verdicts(), ROSTER))
    points = cost.cost_figure(cost.cost_data(results(), verdicts()), "train_seconds", "s", ROSTER)
    for figure in (bars, points):
        tints = {trace.name: trace.marker.color for trace in figure.data if trace.name in ("GRU", "SimpleRNN")}
        assert tints == {"GRU": colour("gru"), "SimpleRNN": colour("simple_rnn")}
    lines = training.curves_data(results(), training.LOSS, "loss", ROSTER)
    assert {line.colour for _, _, line in lines.lines} == {colour(a) for a in ("simple_rnn", "gru", "custom_gru")}


def test_curves_show_every_repeat_of_every_network() -> None:
    record = training.curves_data(results(), training.ACCURACY, "accuracy", ROSTER)
    assert (record.rows, record.columns) == (("SimpleRNN", "GRU", "GRU from scratch"), BUCKETS)
    assert len(record.lines) == 3 * 2 * 2 * 2  # networks, buckets, repeats, training and validation
    assert record.lines[0][2].y == (0.6, 0.6)


def test_confusion_matrices_add_up_repeats() -> None:
    matrix = next(c for c in errors.confusion_matrices_data(results()) if c.study == Study("gru", "0-129"))
    assert sum(sum(row) for row in matrix.counts) == 200
    assert matrix.counts[0][0] + matrix.counts[1][1] == pytest.approx(130, abs=2)


def test_classes_whose_names_begin_alike_are_apart_in_a_matrix_and_no_name_is_html() -> None:
    classes = Classes(("customer service", "customer support", "<b>", "negative"))
    confusion = errors.Confusion(Study("gru", "0-129"), "0-129", tuple(map(tuple, np.eye(4, dtype=int).tolist())))
    matrix = errors.confusion_matrices_figure((confusion,), ROSTER, classes).data[0]
    assert matrix.x == matrix.y == ("1. customer …", "2. customer …", "&lt;b&gt;", "neg.")
    summary = replace(a_summary(), classes=Classes(("<b>", "positive")))
    assert [bar.name for bar in data.sequence_lengths_figure(summary).data] == ["&lt;b&gt;", "positive"]


def test_a_class_that_no_test_review_is_of_has_no_recall_of_nothing() -> None:
    score = replace(a_score("0-129", 0.8), confusion=((80, 20), (0, 0)))
    there, missing = ClassTable.of("0-129", "GRU", ("negative", "positive"), [score, score]).rows
    assert there == ClassRow("negative", 100, 0.8, 0.8, 0.8, 0.9, 0.9)
    assert missing == ClassRow("positive", 0, None, None, None, None, None)


def test_trial_axes_hold_completed_trials_and_what_varied() -> None:
    axes = search.hyperparameters_data([a_result("gru", "0-129", 0.7), a_result("lstm", "130-end", 0.7)], ROSTER)
    assert [axis.label for axis in axes] == ["contender", "bucket", "score"]  # each trial's own rate is the same
    assert all(len(axis.values) == 2 for axis in axes)


def test_cost_points_take_one_training() -> None:
    point = next(p for p in cost.cost_data(results(), verdicts()) if p.study == Study("gru", "0-129"))
    assert (point.train_seconds, point.body_parameters, point.accuracy) == (6.0, 345, 65.0)


def test_what_was_trained_on_costs_its_generalist_too() -> None:
    specialist, generalist = a_result("gru", "0-129", 0.8), replace(a_result("gru", "0-129", 0.8), study=Study("gru", "all"))
    tuned = replace(specialist, study=Study("gru", "0-129", is_fine_tuned=True))
    standings = tuple(Standing(r.study, 0.8, 0.7, 0.9, 2, 0.8, 0.5, 0.5, False) for r in (generalist, tuned))
    verdict = BucketVerdict("0-129", 100, 0, 0.5, tuned.study, standings, ())
    points = cost.cost_data([generalist, tuned], (verdict,))
    assert [point.train_seconds for point in points] == [6.0, 12.0]


def contents(given: str) -> Contents:
    """Of a run that has everything that a figure may be drawn from, or of one that has nothing yet."""
    config, about = PROFILES["quick"].config, an_about()
    if given == "nothing":
        return Contents(about, config, a_summary(), Findings(), ())
    config = with_overrides(config, [f"compare.architectures={LADDER}"])
    return Contents(about, config, a_summary(), findings(), tuple(map(travelled, results())), examples=EXAMPLES)


@pytest.mark.parametrize("given", ["everything", "nothing"])
def test_every_figure_draws_whatever_is_there(given: str) -> None:
    found = contents(given)
    figures = {name: figure.draw(found) for name, figure in FIGURES.items()}
    left_out = {name for name, figure in figures.items() if figure is None}
    sometimes = {"ladder", "from_scratch", "importance", "cross_lengths", "learning_curve", "influence", "probes", "faithfulness"}
    assert left_out == (set() if given == "everything" else sometimes)
    assert all(isinstance(figure, go.Figure) for name, figure in figures.items() if name not in left_out)


def test_every_figure_has_one_name_a_heading_and_a_caption_that_can_be_said() -> None:
    found = contents("everything")
    assert len(FIGURES) == sum(len(section.FIGURES) for section in SECTIONS)  # no two have one name
    assert all(name == figure.name and figure.heading for name, figure in FIGURES.items())
    captions = [figure.caption if isinstance(figure.caption, str) else figure.caption(found) for figure in FIGURES.values()]
    assert all(not caption or caption.endswith(".") for caption in captions)
    assert any("10 % of them for validation" in caption for caption in captions)  # 200 of 2,000
    assert any("7 test reviews drawn from all buckets" in caption for caption in captions)


def test_curves_say_that_weighted_training_is_no_accuracy_of_all_reviews() -> None:
    plain = contents("everything")
    weighted = replace(plain, config=with_overrides(plain.config, ["training.class_weights=balanced"]))
    for name in ("curves_accuracy", "curves_loss"):
        caption = FIGURES[name].caption
        assert not isinstance(caption, str) and "each class counts as much" in caption(weighted)
        assert "each class" not in caption(plain)


def test_more_architectures_than_today_have_colours() -> None:
    assert all(colour(name).startswith("#") for name in ARCHITECTURES)


def test_the_front_holds_what_nothing_beats_in_both() -> None:
    points = [
        cost.CostPoint(Study("gru", "b"), "b", share, seconds, 1)
        for share, seconds in ((80, 10), (85, 20), (84, 30), (90, 40), (80, 5), (90, 41))
    ]
    front = cost.pareto_front(points, "train_seconds")
    assert [(p.accuracy, p.train_seconds) for p in front] == [(80, 5), (85, 20), (90, 40)]


def test_specialists_away_from_home_stand_in_the_row_of_what_they_were_trained_on() -> None:
    (gru,) = accuracy.cross_lengths_data([travelled(r) for r in results() if r.study.contender == "gru"])
    assert gru.buckets == BUCKETS and gru.accuracy == ((65.0, 50.0), (50.0, 65.0))
    assert accuracy.cross_lengths_data(results()) == ()
    assert isinstance(accuracy.cross_lengths_figure((gru,) * 4, ROSTER), go.Figure)


def test_influence_is_drawn_with_the_accuracy_of_whoever_was_asked() -> None:
    lines = accuracy.influence_data(results(), verdicts(), ROSTER)
    assert {line.study.contender for line in lines} == {r.study.contender for r in results() if r.repeats} - set(YARDSTICKS)
    assert lines[0].distances == (0, 1, 2) and lines[0].influence == pytest.approx((1.9, 1.0, accuracy.FLOOR))
    accuracies = {s.study: 100 * s.accuracy for verdict in verdicts() for s in verdict.standings}
    for line in lines:
        if line.study in accuracies:
            assert line.label.endswith(f": {accuracies[line.study]:.1f} %")
    assert accuracy.influence_figure(lines, ROSTER).data[0].x == (1, 2, 3)
