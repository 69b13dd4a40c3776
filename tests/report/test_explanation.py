"""Laws of how a verdict's account is shown."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from inference.explain import START_WORD, DeletionCurve, Explanation
from models.registry import ARCHITECTURES, colour
from records.classes import SENTIMENT, Classes
from records.study import YARDSTICKS, Study
from report import html
from report.explanation import STRONGEST, deletion_figure, print_explanation, running_figure, sides
from report.figures.style import NEGATIVE, NEUTRAL, POSITIVE, class_colours
from report.sentences import completeness_sentence, faithfulness_sentence
from tests.conftest import ROOT
from tests.made_up import ROSTER

GRU, LSTM, LINEAR = Study("gru", "0-129"), Study("lstm", "0-129"), Study(YARDSTICKS[0], "0-129")
CURVES = (
    DeletionCurve("integrated gradients", (0.0, 0.1, 0.5), (0.9, 0.6, 0.4)),
    DeletionCurve("occlusion", (0.0, 0.1, 0.5), (0.9, 0.7, 0.5)),
    DeletionCurve("random", (0.0, 0.1, 0.5), (0.9, 0.9, 0.92)),
)
ACCOUNT = Explanation(
    study=GRU,
    words=(START_WORD, "a", "dull", "film"),
    label=1,
    margin=-1.2,
    probabilities=(0.77, 0.23),
    gradients=(3.0, 0.0, -2.0, 0.5),
    base_margin=0.3,
    completeness_gap=0.0004,
    occlusion=(0.0, 0.1, -1.0, 0.2),
    attention=None,
    running=((1, (0.5, 0.5)), (2, (0.7, 0.3)), (3, (0.77, 0.23))),
    deletion=CURVES,
)


def words_html(explanation: Explanation, shares: tuple[float, ...], *, is_signed: bool = True) -> str:
    return html.part("explanations.html.j2", "words", explanation, shares, is_signed)


def legend_html(*, is_signed: bool = True) -> str:
    return html.part("explanations.html.j2", "legend", SENTIMENT, 1, is_signed)


def spans(text: str) -> list[tuple[str, str, str]]:
    """Style, title and text of each."""
    return re.findall(r'<span style="([^"]*)" title="([^"]*)">([^<]*)</span>', text)


def rgb(colour: str) -> str:
    return ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))


def test_words_are_coloured_by_sign_and_size_and_the_start_token_does_not_count() -> None:
    start, nothing, dull, film = spans(words_html(ACCOUNT, ACCOUNT.shares))
    assert "opacity" in start[0] and "background" not in start[0] and start[2] == START_WORD
    assert "background" not in nothing[0] and nothing[2] == "a"
    assert f"rgba({rgb(NEGATIVE)},{STRONGEST:.2f})" in dull[0] and dull[1] == "dull: −2.000 of the logit"
    assert f"rgba({rgb(POSITIVE)},{STRONGEST / 4:.2f})" in film[0]


def test_shares_without_a_sign_have_one_colour() -> None:
    shown = words_html(ACCOUNT, (0.1, 0.2, 0.4, 0.3), is_signed=False)
    assert rgb(NEUTRAL) in shown and rgb(POSITIVE) not in shown and "dull: 40.0 %" in shown
    assert rgb(NEUTRAL) in legend_html(is_signed=False) and rgb(NEGATIVE) in legend_html()


def test_a_word_is_text_whatever_is_in_it() -> None:
    bad = ('<script>alert("1")</script>', "<img src=x onerror='alert(1)'>", '"><b>', "&lt;")
    shown = words_html(replace(ACCOUNT, words=bad), ACCOUNT.shares)
    assert len(spans(shown)) == 4
    assert set(re.findall(r"</?([a-z]+)", shown)) == {"p", "span"}
    assert "&amp;lt;" in shown
    [line] = [trace for trace in running_figure(bad, {GRU: ((4, (0.5, 0.5)),)}, ROSTER, SENTIMENT).data if trace.customdata]
    assert "<img" not in line.customdata[0] and "<script" not in line.customdata[0]


def test_pieces_of_words_bring_their_own_spaces_and_words_get_one() -> None:
    def text(shown: str) -> str:
        return re.sub(r"<[^>]+>", "", shown)

    pieces = replace(ACCOUNT, words=(START_WORD, " dul", "lest", " film"))
    assert text(words_html(pieces, ACCOUNT.shares)) == "(start) dullest film"
    assert text(words_html(ACCOUNT, ACCOUNT.shares)) == "(start) a dull film"


def test_words_and_shares_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        words_html(ACCOUNT, (1.0,))


def test_a_text_without_any_share_has_no_colour() -> None:
    assert "background" not in words_html(ACCOUNT, (0.0,) * 4)


def test_the_sentence_on_completeness_warns_where_shares_do_not_add_up() -> None:
    sentence = completeness_sentence(ACCOUNT, SENTIMENT)
    assert "a logit of −1.20, 1.50 below the +0.30" in sentence and "to within 0.0004" in sentence
    assert "miss that by 0.20: their colours are rough" in completeness_sentence(
        replace(ACCOUNT, completeness_gap=0.2), SENTIMENT
    )
    assert "do not rely" in completeness_sentence(replace(ACCOUNT, completeness_gap=9.0), SENTIMENT)
    without = replace(ACCOUNT, gradients=None, base_margin=None, completeness_gap=None)
    assert (
        "Integrated gradients are not available" in completeness_sentence(without, SENTIMENT)
        and without.shares == ACCOUNT.occlusion
    )
    turned = replace(ACCOUNT, label=0, margin=1.2, base_margin=-0.3)
    assert completeness_sentence(turned, SENTIMENT).startswith(
        "The account is of negative, a logit of +1.20, 1.50 above the −0.30"
    )


def test_the_sentence_on_faithfulness_names_every_fall_and_the_winner() -> None:
    sentence = faithfulness_sentence(CURVES)
    for part in (
        "40 points lower in the order of integrated gradients",
        "30 points lower in",
        "1 point higher in a random order",
    ):
        assert part in sentence
    assert sentence.endswith("the order of integrated gradients says best what the model goes by.")
    blind = (replace(CURVES[0], probabilities=(0.9, 0.9, 0.95)), CURVES[2])
    assert faithfulness_sentence(blind).endswith("no order says more than chance.")


def test_every_study_has_its_line_in_its_colour_and_every_point_its_word() -> None:
    figure = running_figure(
        ACCOUNT.words[1:],
        {GRU: ACCOUNT.running, LSTM: ((1, (0.4, 0.6)), (3, (0.1, 0.9))), LINEAR: ((3, (0.5, 0.5)),)},
        ROSTER,
        SENTIMENT,
    )
    assert [(line.name, line.line.color) for line in figure.data] == [
        ("GRU", colour("gru")),
        ("LSTM", colour("lstm")),
        ("TF-IDF linear model", colour(YARDSTICKS[0])),
    ]
    assert figure.data[0].y == (0.5, 0.3, 0.23)
    assert figure.data[1].customdata == ("<b>a</b>", "a dull <b>film</b>")
    assert figure.layout.shapes[0].y0 == 0.5 and figure.layout.yaxis.range[0] <= 0 and figure.layout.yaxis.range[1] >= 1
    assert figure.data[2].mode == "lines+markers"


def test_a_point_of_pieces_shows_whole_words() -> None:
    figure = running_figure(
        ("▁a", "▁dul", "lest", "▁film", "▁ever"), {GRU: ((3, (0.5, 0.5)), (5, (0.8, 0.2)))}, ROSTER, SENTIMENT
    )
    assert figure.data[0].customdata == ("a dul <b>lest</b>", "… dullest film <b>ever</b>")


def test_of_many_classes_a_verdict_has_a_line_a_class_and_words_speak_for_or_against_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stars = Classes(("1", "2", "3"), (1.0, 2.0, 3.0))
    account = replace(ACCOUNT, label=2, probabilities=(0.1, 0.2, 0.7), running=((1, (0.4, 0.3, 0.3)), (3, (0.1, 0.2, 0.7))))
    figure = running_figure(account.words[1:], {GRU: account.running, LSTM: account.running}, ROSTER, stars)
    assert [line.name for line in figure.data] == ["1", "2", "3"] and figure.data[2].y == (0.3, 0.7)
    assert [line.line.color for line in figure.data] == class_colours(stars)
    assert sides(stars, 2) == ("speaks against 3", "speaks for 3")
    assert sides(SENTIMENT, 1) == ("speaks for negative", "speaks for positive")
    print_explanation(account, ROSTER, stars)
    out = capsys.readouterr().out
    assert "speaks against 3" in out and "for 3, a margin over the mean of the other classes of −1.20" in out
    assert [line.split()[0] for line in out.splitlines() if "% " in line and line[:1] in "123"] == ["3", "2", "1"]


def test_a_class_of_any_name_is_shown_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    odd = Classes(("[b]", '<b>"x"</b>', "n" * 90))
    account = replace(ACCOUNT, label=0, probabilities=(0.1, 0.2, 0.7), running=((1, (0.4, 0.3, 0.3)), (3, (0.1, 0.2, 0.7))))
    print_explanation(account, ROSTER, odd)
    out = capsys.readouterr().out
    assert "n" * 90 not in out and "The account is of [b], a margin" in out and "the probability of [b] is on average" in out
    figure = running_figure(account.words[1:], {GRU: account.running}, ROSTER, odd)
    assert [line.name for line in figure.data] == ["[b]", '&lt;b&gt;"x"&lt;/b&gt;', "n" * 39 + "…"]


def test_both_figures_can_be_drawn_for_every_architecture() -> None:
    lines = {Study(name, "all"): ACCOUNT.running for name in ARCHITECTURES}
    assert len(running_figure(ACCOUNT.words[1:], lines, ROSTER, SENTIMENT).to_plotly_json()["data"]) == len(ARCHITECTURES)
    figure = deletion_figure(CURVES)
    assert [line.name for line in figure.data] == ["integrated gradients", "occlusion", "random order"]
    assert figure.data[0].x == (0.0, 0.1, 0.5) and len({(line.line.color, line.line.dash) for line in figure.data}) == 3


def test_an_account_is_printed_in_the_terminal_with_what_it_is_worth(capsys: pytest.CaptureFixture[str]) -> None:
    print_explanation(ACCOUNT, ROSTER, SENTIMENT)
    out = capsys.readouterr().out
    assert "a dull film" in out and "50% " in out and " 23%" in out  # the words, and the verdict from the first to the last
    assert completeness_sentence(ACCOUNT, SENTIMENT) in out and faithfulness_sentence(CURVES) in out


def test_accounts_are_shown_without_keras() -> None:
    code = "import sys, report.explanation; print({'keras', 'tensorflow', 'jax', 'gradio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_characters_of_a_script_without_spaces_are_shown_without_blanks_between_them(capsys: pytest.CaptureFixture[str]) -> None:
    words = (START_WORD, "很", "好", "film", "😀", "看")
    account = replace(ACCOUNT, words=words, gradients=(0.0, 0.4, -0.2, 0.1, 0.3, 0.2), attention=None)
    assert re.sub(r"<[^>]+>", "", words_html(account, account.shares)) == "(start) 很好 film 😀 看"
    figure = running_figure(words[1:], {GRU: ((2, (0.5, 0.5)), (5, (0.8, 0.2)))}, ROSTER, SENTIMENT)
    assert figure.data[0].customdata == ("很<b>好</b>", "…好 film 😀 <b>看</b>")
    print_explanation(account, ROSTER, SENTIMENT)
    assert "\n很好 film 😀 看\n" in capsys.readouterr().out
