"""How an account of a verdict is shown: words in colours, the verdict as it develops, what becomes of it as words are taken out.

The words come from a text that anybody may have written: templates and figures escape them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go
from rich.console import Console
from rich.markup import escape as rich_escape
from rich.text import Text

from data.repeats import shortened
from data.tokenizer import blanks
from inference.explain import START_WORD, DeletionCurve, Explanation
from models.roster import Roster
from records.classes import Classes
from records.study import Study
from report.figures.style import INK, MUTED, NEGATIVE, NEUTRAL, POSITIVE, class_colours, class_label, dash, naming, styled
from report.sentences import RANDOM, completeness_sentence, faithfulness_sentence, watched

STRONGEST, FAINTEST = 0.6, 0.03  # opacity behind the word with the largest share; smaller parts of that leave no colour
_LINES = {"integrated gradients": (INK, "solid"), "occlusion": (NEUTRAL, "dash"), "attention": ("#0E7490", "dashdot")}
_PIECE = "\u2581"  # SentencePiece's mark of a space before a piece
_CONTEXT = 4  # words that are shown with the last one read
_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH = 72  # characters of the running verdict in the terminal
_MOST_LINES = 8  # classes whose probability is followed as a text is read, the likeliest ones in the end

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
    what = "logit" if len(explanation.probabilities) == 2 else "margin"
    return tuple(
        ColouredWord(
            text=word.strip() or "\u2423",
            share=f"{share:+.3f} of the {what}".replace("-", "\u2212") if is_signed else f"{100 * share:.1f} %",
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


def legend_data(classes: Classes, label: int, *, is_signed: bool = True) -> tuple[str, list[str], str]:
    """What the grounds of `words_data` mean: that of the left end, the colours from left to right, that of the right end.

    Args:
        classes: of the run.
        label: the class that is accounted for.
        is_signed: whether shares speak for a class.
    """
    if is_signed:
        colours = [faded(NEGATIVE, STRONGEST), "#fff", faded(POSITIVE, STRONGEST)]
        against, favoured = sides(classes, label)
        return against, colours, favoured
    return "little attention", ["#fff", faded(NEUTRAL, STRONGEST)], "much attention"


def sides(classes: Classes, label: int) -> tuple[str, str]:
    """What a word does whose share of a class's margin is below 0, and above: `speaks for negative`, `speaks for positive`."""
    against = f"speaks for {classes.names[1 - label]}" if len(classes) == 2 else f"speaks against {classes.names[label]}"
    return against, f"speaks for {classes.names[label]}"


def faded(colour: str, opacity: float) -> str:
    """A colour of so much opacity, `rgba(0,114,178,0.35)`."""
    red, green, blue = bytes.fromhex(colour[1:])
    return f"rgba({red},{green},{blue},{opacity:.2f})"


# -- figures -----------------------------------------------------------------------------------------------------------


Running = Sequence[tuple[int, Sequence[float]]]  # after so many words, the probability of each class


def running_figure(words: Sequence[str], lines: Mapping[Study, Running], roster: Roster, classes: Classes) -> go.Figure:
    """Probability against words read: of the second of two classes, a line a study; of more, a line a class of the first study.

    Args:
        words: all of the text, without the start token (`Encoded.words`).
        lines: `Explanation.running` of each study.
        roster: of the run.
        classes: of the run.
    """
    figure, spaces = go.Figure(), _spaces(words)
    figure.add_hline(y=0.5 if len(classes) == 2 else 1 / len(classes), line={"color": MUTED, "width": 1, "dash": "dot"})
    drawn = _of_studies(lines, roster, classes) if len(classes) == 2 else _of_classes(next(iter(lines.values())), classes)
    for line in drawn:
        figure.add_scatter(
            name=line.name,
            x=line.counts,
            y=line.probabilities,
            customdata=[_context(words, spaces, count) for count in line.counts],
            mode="lines+markers" if len(line.counts) == 1 else "lines",
            line={"color": line.colour, "width": 2.5, "dash": line.dash},
            hovertemplate=f"%{{customdata}}<br>after %{{x:,}} words: %{{y:.1%}} {class_label(line.of)}<extra>{line.name}</extra>",
        )
    last = max((count for line in drawn for count in line.counts), default=1)
    of = classes.names[1] if len(classes) == 2 else "each class"
    figure.update_xaxes(title="Words read", range=[0, last + 1])
    figure.update_yaxes(title=f"Probability of {class_label(of)}", range=[-0.02, 1.02], tickformat=".0%", dtick=0.25)
    return styled(figure, 380 + 10 * len(drawn), showlegend=True)  # a legend of many lines needs room on a narrow screen


@dataclass(frozen=True)
class _Line:
    """One line of the verdict as it is read."""

    name: str
    of: str  # the class whose probability it is
    counts: tuple[int, ...]  # words read
    probabilities: tuple[float, ...]
    colour: str
    dash: str = "solid"


def _of_studies(lines: Mapping[Study, Running], roster: Roster, classes: Classes) -> list[_Line]:
    called = naming(lines, roster)
    return [
        _line(escape(called(study), quote=False), running, 1, classes, roster.colour(study.contender), dash(study))
        for study, running in lines.items()
    ]


def _of_classes(running: Running, classes: Classes) -> list[_Line]:
    """Of the classes that are likeliest in the end, in their order."""
    likeliest = sorted(range(len(classes)), key=lambda label: -running[-1][1][label])[:_MOST_LINES]
    colours = class_colours(classes)
    return [_line(class_label(classes.names[label]), running, label, classes, colours[label]) for label in sorted(likeliest)]


def _line(name: str, running: Running, label: int, classes: Classes, colour: str, style: str = "solid") -> _Line:
    counts, probabilities = tuple(n for n, _ in running), tuple(each[label] for _, each in running)
    return _Line(name, classes.names[label], counts, probabilities, colour, style)


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
    *before, last = [escape(word.replace(_PIECE, " ").strip(), quote=False) for word in words[first:count]]
    text = "".join(" " * space + word for space, word in zip(spaces[first:count], before, strict=False))
    sets_off = spaces[count - 1] or any(word.startswith(_PIECE) for word in words)  # a piece is, even from its own word
    return f"{'…' if first else ''}{text}{' ' * sets_off}<b>{last}</b>".strip()


# -- the terminal ------------------------------------------------------------------------------------------------------


def print_explanation(explanation: Explanation, roster: Roster, classes: Classes) -> None:
    """Print which words pushed which way, how the verdict developed, and how far both can be trusted."""
    console = Console(highlight=False)
    against, favoured = sides(classes, explanation.label)
    left, right = (f"[{_style(side, 1.0)}] {rich_escape(text)} [/]" for side, text in ((-1, against), (1, favoured)))
    console.print(f"\n[bold]words[/], {left} and {right}, {rich_escape(roster.title(explanation.study.contender))}:")
    console.print(_coloured(explanation))
    console.print("\n[bold]the verdict as it is read[/] (probability, from the first word to the last):")
    shown = [1] if len(classes) == 2 else sorted(range(len(classes)), key=lambda n: -explanation.probabilities[n])[:_MOST_LINES]
    names = {label: shortened(classes.names[label]) for label in shown}
    width = max(map(len, names.values()))
    for label, name in names.items():
        console.print(f"{name:<{width}} {_running(explanation, label)}", markup=False)
    console.print(f"\n{completeness_sentence(explanation, classes)}", soft_wrap=True, markup=False)
    console.print(faithfulness_sentence(explanation.deletion, watched(explanation, classes)), soft_wrap=True, markup=False)


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


def _running(explanation: Explanation, label: int) -> str:
    values = [probabilities[label] for _, probabilities in explanation.running]
    shown = np.linspace(0, len(values) - 1, min(_WIDTH, len(values))).round().astype(int)
    bars = "".join(_BLOCKS[round(values[i] * 8)] for i in shown)
    return f"{values[0]:.0%} {bars} {values[-1]:.0%}"
