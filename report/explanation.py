"""How an account of a verdict is shown: words in colours, the verdict as it develops, what becomes of it as words are taken out.

The words come from a text that anybody may have written: templates and figures escape them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from rich.console import Console
from rich.text import Text

from data.tokenizer import blanks
from inference.explain import START_WORD, DeletionCurve, Explanation
from models.roster import Roster
from records.study import Study
from report.figures.style import INK, MUTED, NEGATIVE, NEUTRAL, POSITIVE, dash, naming, styled
from report.sentences import RANDOM, completeness_sentence, faithfulness_sentence

STRONGEST, FAINTEST = 0.6, 0.03  # opacity behind the word with the largest share; smaller parts of that leave no colour
_LINES = {"integrated gradients": (INK, "solid"), "occlusion": (NEUTRAL, "dash"), "attention": ("#0E7490", "dashdot")}
_PIECE = "\u2581"  # SentencePiece's mark of a space before a piece
_CONTEXT = 4  # words that are shown with the last one read
_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH = 72  # characters of the running verdict in the terminal

# -- words in colours --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ColouredWord:
    """A word as it is shown; the macro `words` makes HTML of it."""

    text: str
    share: str  # what it contributes, for people
    ground: str  # the colour behind it, as style sheets write it; empty for none
    is_start: bool  # the start token, which is no word of the text
    has_space: bool  # before it


def words_data(explanation: Explanation, shares: Sequence[float], *, is_signed: bool = True) -> tuple[ColouredWord, ...]:
    """The words that the model reads, each on a ground as strong as its share.

    Args:
        explanation: of the text.
        shares: one a word: parts of the logit, or where `is_signed` is False of the whole, as attention is.
        is_signed: whether a share speaks for a class; otherwise one colour says how large it is.

    Raises:
        ValueError: there are not as many shares as words.
    """
    words = explanation.words
    largest = max((abs(s) for word, s in zip(words, shares, strict=True) if word != START_WORD), default=0.0) or 1.0
    return tuple(
        ColouredWord(
            text=word.strip() or "\u2423",
            share=f"{share:+.3f} of the logit".replace("-", "\u2212") if is_signed else f"{100 * share:.1f} %",
            ground=_ground(share, abs(share) / largest, is_signed=is_signed) if word != START_WORD else "",
            is_start=word == START_WORD,
            has_space=has_space,
        )
        for word, share, has_space in zip(words, shares, _spaces(words), strict=True)
    )


def _spaces(words: Sequence[str]) -> list[bool]:
    """Whether a space is shown before each word: pieces of words bring it, Chinese characters are written without."""
    if any(word.startswith((" ", _PIECE)) for word in words):
        return [word.startswith((" ", _PIECE)) for word in words]
    return blanks(words)


def _ground(share: float, part: float, *, is_signed: bool) -> str:
    """The colour behind a word whose share is so large a part of the largest one."""
    if part < FAINTEST:
        return ""
    return faded(NEUTRAL if not is_signed else POSITIVE if share > 0 else NEGATIVE, STRONGEST * min(1.0, part))


def legend_data(*, is_signed: bool = True) -> tuple[str, list[str], str]:
    """What the grounds of `words_data` mean: that of the left end, the colours from left to right, that of the right end."""
    if is_signed:
        colours = [faded(NEGATIVE, STRONGEST), "#fff", faded(POSITIVE, STRONGEST)]
        return "speaks for negative", colours, "speaks for positive"
    return "little attention", ["#fff", faded(NEUTRAL, STRONGEST)], "much attention"


def faded(colour: str, opacity: float) -> str:
    """A colour of so much opacity, `rgba(0,114,178,0.35)`."""
    red, green, blue = bytes.fromhex(colour[1:])
    return f"rgba({red},{green},{blue},{opacity:.2f})"


# -- figures -----------------------------------------------------------------------------------------------------------


def running_figure(words: Sequence[str], lines: Mapping[Study, Sequence[tuple[int, float]]], roster: Roster) -> go.Figure:
    """The probability of positive against words read, one line a study, in its contender's colour.

    Args:
        words: all of the text, without the start token (`Encoded.words`).
        lines: `Explanation.running` of each study.
        roster: of the run.
    """
    figure, called, spaces = go.Figure(), naming(lines, roster), _spaces(words)
    figure.add_hline(y=0.5, line={"color": MUTED, "width": 1, "dash": "dot"})
    for study, running in lines.items():
        figure.add_scatter(
            name=called(study),
            x=[count for count, _ in running],
            y=[probability for _, probability in running],
            customdata=[_context(words, spaces, count) for count, _ in running],
            mode="lines+markers" if len(running) == 1 else "lines",
            line={"color": roster.colour(study.contender), "width": 2.5, "dash": dash(study)},
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


def _context(words: Sequence[str], spaces: Sequence[bool], count: int) -> str:
    """The last words of so many, the very last one set off."""
    first = max(0, count - _CONTEXT)
    *before, last = [escape(word.replace(_PIECE, " ").strip()) for word in words[first:count]]
    text = "".join(" " * space + word for space, word in zip(spaces[first:count], before, strict=False))
    sets_off = spaces[count - 1] or any(word.startswith(_PIECE) for word in words)  # a piece is, even from its own word
    return f"{'…' if first else ''}{text}{' ' * sets_off}<b>{last}</b>".strip()


# -- the terminal ------------------------------------------------------------------------------------------------------


def print_explanation(explanation: Explanation, roster: Roster) -> None:
    """Print which words pushed which way, how the verdict developed, and how far both can be trusted."""
    console = Console(highlight=False)
    positive, negative = (f"[{_style(side, 1.0)}] {name} [/]" for side, name in ((1, "positive"), (-1, "negative")))
    console.print(f"\n[bold]words[/] for {positive} and {negative}, {roster.title(explanation.study.contender)}:")
    console.print(_coloured(explanation))
    console.print("\n[bold]the verdict as it is read[/] (probability of positive, from the first word to the last):")
    console.print(_running(explanation))
    console.print(f"\n{completeness_sentence(explanation)}", soft_wrap=True)
    console.print(faithfulness_sentence(explanation.deletion), soft_wrap=True)


def _coloured(explanation: Explanation) -> Text:
    text, largest = Text(), max(map(abs, explanation.shares[1:]), default=0.0) or 1.0
    spaces = _spaces(explanation.words)
    for word, share, has_space in list(zip(explanation.words, explanation.shares, spaces, strict=True))[1:]:
        strength = min(1.0, abs(share) / largest)
        text.append(" " if has_space and text else "")
        text.append(word.strip(), _style(share, strength) if strength > 0.1 else "")
    return text


def _style(share: float, strength: float) -> str:
    """The style of a word whose share is so large a part of the largest one."""
    ground = bytes.fromhex((POSITIVE if share > 0 else NEGATIVE)[1:])
    red, green, blue = (round(255 - strength * (255 - channel) * STRONGEST) for channel in ground)
    return f"black on rgb({red},{green},{blue})"


def _running(explanation: Explanation) -> str:
    values = [value for _, value in explanation.running]
    shown = np.linspace(0, len(values) - 1, min(_WIDTH, len(values))).round().astype(int)
    bars = "".join(_BLOCKS[round(values[i] * 8)] for i in shown)
    return f"{values[0]:.0%} {bars} {values[-1]:.0%}"
