"""Laws of the ladder: a rung stands on the one before it, its gain is their comparison, and what may be chance is not said."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config import PROFILES, Compare, Config, rungs
from models.roster import Roster
from records.findings import BucketVerdict, Comparison, Findings, Standing, Verdict
from records.study import ALL, Study
from report.figures.ladder import BucketLadder, ladder_data, ladder_figure
from report.figures.style import NEGATIVE, POSITIVE
from report.sentences import ladder_sentence, signed_points
from tests.made_up import a_result
from tests.test_plotter import QUICK, ended, rendered, report_of, script_errors

CONFIG = replace(
    QUICK,
    compare=Compare(
        architectures=rungs(
            ("simple_rnn", "SimpleRNN, last state", {}),
            ("gru", "GRU, last state", {}),
            ("gru", "+ pooling", {"model.pooling": "mean_max"}),
            ("gru", "+ evidence", {"space.evidence": 3}),
        )
    ),
)
CLIMBER = Roster.of(CONFIG)
TITLES = tuple(map(CLIMBER.title, CLIMBER.ladder))
CHANCE, BETTER, WORSE = Verdict.__args__[2], Verdict.__args__[0], Verdict.__args__[1]  # type: ignore[attr-defined]


def climbed(bucket: str, accuracies: dict[str, float], verdicts: Sequence[Verdict], scope: str = "") -> BucketVerdict:
    """A bucket on which these contenders stand, each compared with the one before it and beside both yardsticks."""
    studies = [Study(id, scope or bucket) for id in accuracies]
    pairs = zip(studies, studies[1:], verdicts, strict=False)
    found = [
        # As a run has them: the earlier contender first.
        Comparison(bucket, a, b, accuracies[a.contender] - accuracies[b.contender], -0.1, 0.1, 5, 9, 0.1, 0.2, turned(how))
        for a, b, how in pairs
    ]
    values = [*accuracies.values(), 0.86, 0.85]
    standings = (
        Standing(study, value, value - 0.01, value + 0.01, 3, value, 0.5, 0.5, False)
        for study, value in zip([*studies, *studies[0].yardsticks], values, strict=True)
    )
    return BucketVerdict(bucket, 100, 0, 0.5, studies[-1], tuple(standings), tuple(found))


def turned(how: Verdict) -> Verdict:
    opposite: dict[Verdict, Verdict] = {BETTER: WORSE, WORSE: BETTER}
    return opposite.get(how, how)


SHORT = climbed("0-129", dict(zip(CLIMBER.ladder, (0.7, 0.75, 0.8, 0.87), strict=True)), (BETTER, CHANCE, BETTER))
LONG = climbed("130-end", dict(zip(CLIMBER.ladder, (0.5, 0.8, 0.78, 0.7799), strict=True)), (BETTER, WORSE, CHANCE))


def test_rungs_have_the_settings_of_all_before_them_and_the_one_before_them_for_their_parent() -> None:
    first, *_, evidence = CONFIG.compare.architectures
    assert not isinstance(first, str) and not isinstance(evidence, str)
    assert (dict(first.set), first.parent) == ({}, "")
    assert (dict(evidence.set), evidence.parent) == ({"model.pooling": "mean_max", "space.evidence": 3}, "+ pooling")
    assert CLIMBER.ladder == ("simplernn_last_state", "gru_last_state", "pooling", "evidence")
    profile = PROFILES["ladder"].config
    assert Roster.of(profile).ladder == tuple(entry.id for entry in Roster.of(profile).entries)


def test_a_gain_is_the_comparison_with_the_rung_below() -> None:
    short, long = ladder_data((SHORT, LONG), CLIMBER)
    assert [rung.accuracy for rung in short.rungs if rung] == pytest.approx([70, 75, 80, 87])
    assert [rung.gain for rung in short.rungs[1:] if rung] == pytest.approx([5, 5, 7])
    assert [(rung.gain is None, rung.is_sure) for rung in short.rungs if rung] == [
        (True, False), (False, True), (False, False), (False, True),
    ]  # fmt: skip
    assert [rung.colour for rung in long.rungs if rung][1:3] == [POSITIVE, NEGATIVE]
    assert [(line.name, line.accuracy) for line in short.yardsticks] == [("Naive-Bayes", 85), ("TF-IDF", 86)]
    assert short.rungs[1] and "+5.0 points (-10.0 to +10.0), better than SimpleRNN, last state" in short.rungs[1].details


def test_a_rung_without_a_result_is_left_open_and_the_next_one_has_no_gain() -> None:
    there = {"simplernn_last_state": 0.7, "gru_last_state": 0.75, "evidence": 0.87}
    (found,) = ladder_data((climbed("0-129", there, (BETTER,)),), CLIMBER)
    assert [rung.gain if rung else "-" for rung in found.rungs] == [None, pytest.approx(5), "-", None]
    assert isinstance(drawn(found), dict)


def test_generalists_climb_where_no_specialist_does() -> None:
    everywhere = climbed("0-129", dict.fromkeys(CLIMBER.ladder, 0.8), (CHANCE,) * 3, scope=ALL)
    both = replace(everywhere, standings=everywhere.standings + SHORT.standings, comparisons=SHORT.comparisons)
    assert [rung.accuracy for rung in ladder_data((everywhere,), CLIMBER)[0].rungs if rung] == [80] * 4
    assert ladder_data((both,), CLIMBER)[0].rungs[3] == ladder_data((SHORT,), CLIMBER)[0].rungs[3]


def test_a_run_without_a_ladder_has_no_such_figure() -> None:
    few = Roster.of(Config(compare=Compare(architectures=CONFIG.compare.architectures[:2])))
    assert few.ladder == () and ladder_data((SHORT,), few) == ()
    assert ladder_data((replace(SHORT, standings=()),), CLIMBER) == ()


def drawn(*records: BucketLadder) -> dict[str, Any]:
    """The figure, as the browser gets it."""
    figure: dict[str, Any] = ladder_figure(records, TITLES).to_dict()
    return figure


def test_every_gain_is_written_and_what_is_sure_is_bold_and_filled() -> None:
    figure = drawn(*ladder_data((SHORT, LONG), CLIMBER))
    texts = [note["text"] for note in figure["layout"]["annotations"]]
    assert texts[3:9] == ["<b>+5.0</b>", "+5.0", "<b>+7.0</b>", "<b>70.0</b>", "<b>87.0</b>", "<b>130-end tokens</b>"]
    assert texts[11:16] == ["<b>+30.0</b>", "<b>\u22122.0</b>", "0.0", "<b>50.0</b>", "<b>78.0</b>"]
    dots = next(trace for trace in figure["data"] if trace["mode"] == "markers")
    assert [tint == "#FFFFFF" for tint in dots["marker"]["color"]] == [False, False, True, False]
    assert list(figure["layout"]["yaxis"]["ticktext"]) == [*TITLES, "<b>together</b>"]
    lines = [shape["x0"] for shape in figure["layout"]["shapes"] if shape["type"] == "line"]
    assert lines == pytest.approx([85, 86] * 2)


def test_names_above_a_panel_stand_in_rows_of_their_own() -> None:
    heads = [
        note for note in drawn(*ladder_data((SHORT,), CLIMBER))["layout"]["annotations"] if note["y"] == 1 and "yshift" in note
    ]
    heights = [note["yshift"] for note in heads if note["yref"] == "y domain"]
    assert len(set(heights)) == 3


def test_what_is_sure_is_said_in_a_sentence_a_bucket() -> None:
    assert ladder_sentence((SHORT, LONG), CLIMBER) == (
        "On 0-129 accuracy goes from 70.0 to 87.0 %, surely by GRU, last state (+5.0 points) and evidence (+7.0). "
        "On 130-end accuracy goes from 50.0 to 78.0 %, surely by GRU, last state (+30.0 points) and pooling (\u22122.0)."
    )
    flat = climbed(ALL, dict.fromkeys(CLIMBER.ladder, 0.8), (CHANCE,) * 3)
    assert ladder_sentence((flat,), CLIMBER) == "On all lengths accuracy goes from 80.0 to 80.0 %, no step surely."
    assert ladder_sentence((), CLIMBER) == "No two rungs have a result."
    assert [signed_points(each) for each in (0.04, -0.04, -1, 2)] == ["0.0", "0.0", "\u22121.0", "+2.0"]


def test_a_report_begins_its_accuracies_with_the_ladder_which_draws_in_a_browser(tmp_path: Path) -> None:
    found = [a_result(id, bucket, 0.8) for id in CLIMBER.ladder for bucket in ("0-129", "130-end")]
    folder = ended(tmp_path, found, Findings(verdicts=(SHORT, LONG)), config=CONFIG)
    page = report_of(folder)
    assert page.index("On 0-129 accuracy goes from") < page.index('id="figure-ladder"') < page.index('id="figure-accuracy_by')
    assert '<div class="scroll">' in page.split("What each means is worth</h3>")[1].split('id="figure-ladder"')[0]
    dom, complaints = rendered(folder.plot("ladder.html"), tmp_path)
    assert "main-svg" in dom and "+ evidence" in dom and not script_errors(complaints)
