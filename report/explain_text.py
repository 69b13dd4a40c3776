"""An explanation in the terminal, in colours."""

import numpy as np
from rich.console import Console
from rich.text import Text

from inference.explain import Explanation
from models.registry import title
from report.explanation import completeness_sentence, faithfulness_sentence
from report.figures.style import NEGATIVE, POSITIVE

_BLOCKS = " ▁▂▃▄▅▆▇█"
_WIDTH = 72  # characters of the running verdict


def show(explanation: Explanation) -> None:
    """Print which words pushed which way, how the verdict developed, and how far both can be trusted."""
    console = Console(highlight=False)
    positive, negative = (f"[{_ground(side, 1.0)}] {name} [/]" for side, name in ((1, "positive"), (-1, "negative")))
    console.print(f"\n[bold]words[/] for {positive} and {negative}, {title(explanation.study.architecture)}:")
    console.print(_coloured(explanation))
    console.print("\n[bold]the verdict as it is read[/] (probability of positive, from the first word to the last):")
    console.print(_running(explanation))
    console.print(f"\n{completeness_sentence(explanation)}", soft_wrap=True)
    console.print(faithfulness_sentence(explanation.deletion), soft_wrap=True)


def _coloured(explanation: Explanation) -> Text:
    text, largest = Text(), max(map(abs, explanation.shares[1:]), default=0.0) or 1.0
    for word, share in zip(explanation.words[1:], explanation.shares[1:], strict=True):
        strength = min(1.0, abs(share) / largest)
        text.append(word, _ground(share, strength) if strength > 0.1 else "")
        text.append(" ")
    return text


def _ground(share: float, strength: float) -> str:
    """The style of a word whose share is so large a part of the largest one."""
    ground = bytes.fromhex((POSITIVE if share > 0 else NEGATIVE)[1:])
    red, green, blue = (round(255 - strength * (255 - channel) * 0.6) for channel in ground)
    return f"black on rgb({red},{green},{blue})"


def _running(explanation: Explanation) -> str:
    values = [value for _, value in explanation.running]
    shown = np.linspace(0, len(values) - 1, min(_WIDTH, len(values))).round().astype(int)
    bars = "".join(_BLOCKS[round(values[i] * 8)] for i in shown)
    return f"{values[0]:.0%} {bars} {values[-1]:.0%}"
