"""How an account of a verdict is shown: coloured words, the verdict as it develops, what becomes of it as words are taken out.

Every word comes from a text that anybody may have written, and is escaped.
"""

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from inference.explain import COMPLETE, START_WORD, DeletionCurve, Explanation
from models.registry import colour
from records.study import Study
from report.figures.style import INK, MUTED, NEGATIVE, POSITIVE, dash, naming, styled

NEUTRAL = "#7F3C8D"  # of shares that speak for no class
STRONGEST, FAINTEST = 0.6, 0.03  # opacity behind the word with the largest share; smaller parts of that leave no colour
RANDOM = "random"  # the order that every other one is measured against
_LINES = {"integrated gradients": (INK, "solid"), "occlusion": (NEUTRAL, "dash"), "attention": ("#0E7490", "dashdot")}
_PIECE = "\u2581"  # SentencePiece's mark of a space before a piece
_A_POINT = 0.01  # of probability: less is not said to be better than chance
_CONTEXT = 4  # words that are shown with the last one read


def words_html(explanation: Explanation, shares: Sequence[float], *, is_signed: bool = True) -> str:
    """The words that the model reads, each on a ground as strong as its share: safe HTML that needs no style sheet.

    Args:
        explanation: of the text.
        shares: one a word: parts of the logit, or where `is_signed` is False of the whole, as attention is.
        is_signed: whether a share speaks for a class; otherwise one colour says how large it is.
    """
    words = explanation.words
    largest = max((abs(s) for word, s in zip(words, shares, strict=True) if word != START_WORD), default=0.0) or 1.0
    are_pieces = any(word.startswith(" ") for word in words)  # of words: they bring the spaces between them
    spans = [_span(word, share, largest, is_signed=is_signed) for word, share in zip(words, shares, strict=True)]
    return f'<p class="explained" style="line-height:2;max-width:none">{("" if are_pieces else " ").join(spans)}</p>'


def _span(word: str, share: float, largest: float, *, is_signed: bool) -> str:
    shown = escape(word.strip()) or "\u2423"
    number = f"{share:+.3f} of the logit".replace("-", "\u2212") if is_signed else f"{100 * share:.1f} %"
    style = "padding:2px 3px;border-radius:4px"
    if word == START_WORD:
        style += ";opacity:.45;font-size:80%"
    elif abs(share) / largest >= FAINTEST:
        ground = NEUTRAL if not is_signed else POSITIVE if share > 0 else NEGATIVE
        style += f";background:{_faded(ground, STRONGEST * min(1.0, abs(share) / largest))}"
    space = " " if word.startswith(" ") else ""
    return f'{space}<span style="{style}" title="{shown}: {number}">{shown}</span>'


def legend_html(*, is_signed: bool = True) -> str:
    """What the grounds of `words_html` mean."""
    left, right = ("speaks for negative", "speaks for positive") if is_signed else ("little attention", "much attention")
    stops = ", ".join(
        [_faded(NEGATIVE, STRONGEST), "#fff", _faded(POSITIVE, STRONGEST)] if is_signed else ["#fff", _faded(NEUTRAL, STRONGEST)]
    )
    bar = "display:inline-block;width:clamp(60px,17vw,120px);height:10px;border-radius:5px;margin:0 8px"
    ground = f"background:linear-gradient(90deg, {stops})"
    return f'<p class="muted">{left} <span style="{bar};{ground}" aria-hidden="true"></span> {right}</p>'


def completeness_sentence(explanation: Explanation) -> str:
    """How well the integrated gradients share out what there is to share; or that there are none."""
    if explanation.base_logit is None or explanation.completeness_gap is None:
        return (
            f"The verdict is a logit of {_signed(explanation.logit)}. Integrated gradients are not available for a network that "
            "Keras reads: the shares are those of occlusion."
        )
    told = explanation.logit - explanation.base_logit
    side, gap = "above" if told >= 0 else "below", explanation.completeness_gap
    verdict = (
        f"The verdict is a logit of {_signed(explanation.logit)}, {abs(told):.2f} {side} the {_signed(explanation.base_logit)} "
        "of a text of this length without any meaning."
    )
    if gap <= COMPLETE:
        return f"{verdict} The shares of integrated gradients add up to that difference to within {max(gap, 0.0001):.4f}."
    advice = "do not rely on their colours" if gap > abs(told) / 4 else "their colours are rough"
    return f"{verdict} The shares of integrated gradients miss that by {gap:.2f}: {advice}, occlusion asks the model itself."


def faithfulness_sentence(curves: Sequence[DeletionCurve]) -> str:
    """What taking out words in each method's order does to the verdict, against a random order."""
    falls = {curve.method: curve.fall for curve in curves}
    chance = falls.pop(RANDOM)
    told = ", ".join(f"{_points(fall)} in the order of {method}" for method, fall in falls.items())
    best = max(falls, key=lambda method: falls[method])
    is_known = falls[best] - chance >= _A_POINT
    return (
        "With 5 to 50 % of the words taken out, the most important ones first, the probability of the verdict is on average "
        f"{told}, and {_points(chance)} in a random order: "
        + (f"the order of {best} says best what the model goes by." if is_known else "no order says more than chance.")
    )


def running_figure(words: Sequence[str], lines: Mapping[Study, Sequence[tuple[int, float]]]) -> go.Figure:
    """The probability of positive against words read, one line a study, in its architecture's colour.

    Args:
        words: all of the text, without the start token (`Encoded.words`).
        lines: `Explanation.running` of each study.
    """
    figure, called = go.Figure(), naming(lines)
    figure.add_hline(y=0.5, line={"color": MUTED, "width": 1, "dash": "dot"})
    for study, running in lines.items():
        figure.add_scatter(
            name=called(study),
            x=[count for count, _ in running],
            y=[probability for _, probability in running],
            customdata=[_context(words, count) for count, _ in running],
            mode="lines+markers" if len(running) == 1 else "lines",
            line={"color": colour(study.architecture), "width": 2.5, "dash": dash(study)},
            hovertemplate="%{customdata}<br>after %{x:,} words: %{y:.1%} positive<extra>" + called(study) + "</extra>",
        )
    last = max((count for running in lines.values() for count, _ in running), default=1)
    figure.update_xaxes(title="Words read", range=[0, last + 1])
    figure.update_yaxes(title="Probability of positive", range=[-0.02, 1.02], tickformat=".0%", dtick=0.25)
    return styled(figure, 380 + 10 * len(lines), showlegend=True)  # a legend of many lines needs room on a narrow screen


def deletion_figure(curves: Sequence[DeletionCurve]) -> go.Figure:
    """The probability of the verdict against the share of words taken out, in each method's order and at random."""
    figure = go.Figure()
    for curve in curves:
        ink, line = _LINES.get(curve.method, (MUTED, "dot"))
        figure.add_scatter(
            name=f"{curve.method} order" if curve.method == RANDOM else curve.method,
            x=curve.fractions,
            y=curve.probabilities,
            mode="lines+markers",
            line={"color": ink, "width": 2.5, "dash": line},
            hovertemplate="without %{x:.0%} of the words: %{y:.1%}<extra>" + curve.method + "</extra>",
        )
    figure.update_xaxes(title="Share of the words taken out, the most important first", tickformat=".0%")
    figure.update_yaxes(title="Probability of the verdict", range=[-0.02, 1.02], tickformat=".0%", dtick=0.25)
    return styled(figure, 400, showlegend=True)


def _context(words: Sequence[str], count: int) -> str:
    """The last words of so many, the very last one set off."""
    shown = [word.replace(_PIECE, " ") for word in words[max(0, count - _CONTEXT) : count]]
    are_pieces = any(word.startswith(_PIECE) for word in words)
    *before, last = [escape(word) if are_pieces else f" {escape(word)}" for word in shown]
    return f"{'…' if count > _CONTEXT else ''}{''.join(before)} <b>{last.strip()}</b>".strip()


def _faded(colour: str, opacity: float) -> str:
    """A colour of so much opacity, `rgba(0,114,178,0.35)`."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:.2f})"


def _signed(number: float) -> str:
    return f"{number:+.2f}".replace("-", "\u2212")


def _points(fall: float) -> str:
    """Of a probability that falls, `31 points lower`."""
    points = round(100 * fall)
    return f"{abs(points)} point{'s' * (abs(points) != 1)} {'higher' if points < 0 else 'lower'}"
