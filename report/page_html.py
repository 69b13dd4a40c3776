"""The pieces of the page as HTML: records in, escaped text out. A review, and so each of its words, may be anybody's."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from inference.explain import Explanation
from inference.predictor import Prediction
from inference.run import Encoded, FinishedRun, Trained
from models.registry import colour, title
from records.study import YARDSTICK, Study
from report import explanation as plots
from report.figures.style import NEGATIVE, POSITIVE, naming

GRADIENTS, OCCLUSION, ATTENTION = "integrated gradients", "occlusion", "attention"
_SHOWN = 12  # words of a list
_STYLE = Path(__file__).parent / "templates" / "style.css"  # the report's
WAITING = '<div class="verdict waiting"><p class="muted">The verdict appears here.</p></div>'
COMING = '<p class="muted">Every architecture is reading &hellip;</p>'
DEVELOPS = (
    '<p class="muted">What each would say if the text ended at that word. Of a network that reads in one direction this is the '
    "running opinion of its state; a bidirectional one, and the yardstick, read the shorter text anew.</p>"
)
_HOVER = "Point at a word to see its number."
_METHODS = {
    GRADIENTS: "Each word's share of the logit, added up from gradients on the way from a text without meaning to this one.",
    OCCLUSION: "By how much the logit falls when the word is left out.",
    ATTENTION: "How much of its attention the network gives the word; in which direction it does not say.",
}


@dataclass(frozen=True)
class Reading:
    """The text that stands on the page, and the account of it that is shown."""

    encoded: Encoded
    bucket: str
    explanation: Explanation

    def shares(self, method: str) -> tuple[float, ...]:
        """Of each word, by one of `methods`."""
        asked = {
            GRADIENTS: self.explanation.gradients,
            OCCLUSION: self.explanation.occlusion,
            ATTENTION: self.explanation.attention,
        }
        return asked[method] or ()

    @property
    def methods(self) -> list[str]:
        """Those that the model has an answer to."""
        return [method for method in (GRADIENTS, OCCLUSION, ATTENTION) if self.shares(method)]


@dataclass(frozen=True)
class Said:
    """What one architecture says of a text."""

    study: Study
    probability: float
    milliseconds: float  # median of three
    parameters: int


def style() -> str:
    """The report's style sheet and what this page has beyond it."""
    return _STYLE.read_text(encoding="utf-8") + _CSS


def heading_html(run: FinishedRun) -> str:
    """Whose page it is, and a warning where that run has read no real reviews."""
    networks = [name for name in run.architectures if name != YARDSTICK]
    with_yardstick = " and the linear yardstick" if YARDSTICK in run.architectures else ""
    banner = (
        '<div class="banner">Demo corpus: this run has learned from generated reviews. What it says of yours means nothing.</div>'
        if run.data.is_demo
        else ""
    )
    return (
        "<h1>What do the networks make of your review?</h1>"
        f'<p class="muted whole">{escape(run.data.title)} &middot; run {escape(run.name)} &middot; {len(networks)} '
        f"network{'s' * (len(networks) != 1)}{with_yardstick} &middot; the text stays on this machine</p>{banner}"
    )


def failure_html(error: Exception) -> str:
    """Why there is no verdict."""
    sentence = str(error)
    return f'<div class="banner" role="alert">{escape(sentence[:1].upper() + sentence[1:])}.</div>'


def verdict_html(prediction: Prediction, models: Sequence[Trained]) -> str:
    """The verdict, how sure it is and how strong, and what was read for it."""
    called = naming(model.study for model in models)
    names = " and ".join(f"{escape(called(model.study))} ({escape(model.study.id)})" for model in models)
    positive = prediction.probability
    read = "all of them" if prediction.tokens_read == prediction.tokens else f"{prediction.tokens_read:,} of them"
    is_calibrated = all(model.study.architecture != YARDSTICK for model in models)
    calibrated = ", calibrated on validation reviews" if is_calibrated else ""
    facts = {
        "confidence": f"<b>{_percent(prediction.confidence)}</b> is the probability of this verdict{calibrated}",
        "intensity": f"<b>{_percent(prediction.intensity)}</b> of the test reviews got a weaker opinion from this model",
        "length": f"<b>{prediction.tokens:,}</b> tokens: bucket <b>{escape(prediction.bucket)}</b>; the model reads {read}",
        "model": f"{'the mean of ' if len(models) > 1 else ''}{names}, in {prediction.milliseconds:.1f} ms",
        "not understood": _not_understood(prediction),
    }
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    return (
        f'<div class="verdict {prediction.sentiment}"><p class="muted">This review is</p>'
        f'<p class="said" role="status">{prediction.sentiment}</p>'
        f"{_bar('positive', positive, POSITIVE)}{_bar('negative', 1 - positive, NEGATIVE)}"
        f'<dl class="facts">{rows}</dl></div>'
    )


def _bar(name: str, probability: float, ground: str) -> str:
    return (
        f'<div class="bar"><span>{name}</span><span class="track">{_filled(probability, ground)}</span>'
        f'<b class="number">{_percent(probability)}</b></div>'
    )


def _filled(share: float, ground: str) -> str:
    return f'<span style="width:{100 * share:.2f}%;background:{ground}"></span>'


def _not_understood(prediction: Prediction) -> str:
    told = []
    if prediction.unknown_words:
        told.append(f"unknown to the networks: {_list(prediction.unknown_words)}")
    if prediction.dropped_words:
        told.append(f"not in the data's word index, and dropped: {_list(prediction.dropped_words)}")
    return "; ".join(told) or "every word is known"


def _list(words: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(words))
    more = f" and {len(distinct) - _SHOWN:,} more" if len(distinct) > _SHOWN else ""
    return ", ".join(f"<i>{escape(word)}</i>" for word in distinct[:_SHOWN]) + more


def account_html(reading: Reading, method: str) -> str:
    """The words in colour, what the colours mean, and how far they can be trusted."""
    explanation, is_signed = reading.explanation, method != ATTENTION
    completeness = plots.completeness_sentence(explanation) if method == GRADIENTS else _HOVER
    faithfulness = plots.faithfulness_sentence(explanation.deletion)
    return (
        f'<p class="muted">{_METHODS[method]}</p>{plots.legend_html(is_signed=is_signed)}'
        f'<div class="reading">{plots.words_html(explanation, reading.shares(method), is_signed=is_signed)}</div>'
        f'<p class="muted">{completeness}</p><p class="muted">{faithfulness}</p>'
    )


def architectures_html(said: Sequence[Said], answering: Sequence[Trained]) -> str:
    """A row an architecture, in the registry's order."""
    head = (
        "<tr><th>architecture</th><th>trained on</th><th>verdict</th><th>probability of positive</th>"
        '<th class="number">time (ms)</th><th class="number">parameters</th></tr>'
    )
    answers = {model.study for model in answering}
    rows = "".join(_row(one, is_answering=one.study in answers) for one in said)
    return (
        f'<div class="scroll"><table>{head}{rows}</table></div><p class="muted">What answers above is in bold: the network that '
        "was best on the bucket's validation reviews, or what was asked for. Times are medians of three, for this one text, in "
        "NumPy on this machine's processor.</p>"
    )


def _row(said: Said, *, is_answering: bool) -> str:
    study, positive = said.study, said.probability
    is_positive = positive >= 0.5
    word, ground = ("positive", POSITIVE) if is_positive else ("negative", NEGATIVE)
    name = f"<b>{title(study.architecture)}</b>" if is_answering else title(study.architecture)
    kind = ' class="yardstick"' if study.architecture == YARDSTICK else ""
    return (
        f'<tr{kind}><td><span class="dot" style="background:{colour(study.architecture)}"></span>{name}</td>'
        f'<td class="name">{"all reviews" if study.bucket == "all" else escape(study.bucket)}</td>'
        f'<td style="color:{ground}"><b>{word}</b></td>'
        f'<td class="name"><span class="small track">{_filled(positive, ground)}</span>{_percent(positive)}</td>'
        f'<td class="number">{said.milliseconds:.2f}</td><td class="number">{said.parameters:,}</td></tr>'
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}&nbsp;%"


_CSS = """
body, .gradio-container { background: #fff !important; color: var(--ink); }
.gradio-container { width: 100%; max-width: 1120px !important; margin: 0 auto !important; padding: 24px 24px 64px !important; }
.gradio-container .column, .gradio-container .row, .gradio-container .block, .gradio-container .form { max-width: 100%; }
.gradio-container main, .gradio-container .main { padding: 0 !important; width: 100%; min-width: 0; max-width: none; }
.gradio-container .html-container { padding: 0 !important; }
.gradio-container:not(:has(.said)) #details { display: none; }
.gradio-container h1 { font-size: 30px; line-height: 1.2; font-weight: 700; margin: 0 0 6px; letter-spacing: -0.01em; }
.gradio-container h2 { font-size: 21px; font-weight: 700; margin: 32px 0 6px; }
.gradio-container h2 { padding-top: 18px; border-top: 1px solid var(--line); }
.gradio-container p { margin: 4px 0 8px; } p.whole { max-width: none; }
#ask { gap: 28px; align-items: flex-start; } #details { gap: 12px; }
#review textarea { font-size: 16px; line-height: 1.55; }
#verdict .banner { margin: 0; } #running .modebar { display: none; }
#examples { gap: 8px; margin-top: -10px; }
#examples button:hover { background: #e6f1f8; }
#examples button { flex: 0 0 auto; width: auto; font-weight: 500; font-size: 14px; padding: 5px 12px; }
#examples button { border: 1px solid var(--line); }
.verdict { border: 1px solid var(--line); border-radius: 8px; padding: 16px 22px; }
.verdict.waiting { display: grid; place-items: center; min-height: 330px; background: var(--soft); border-style: dashed; }
.verdict.positive { border-top: 4px solid #0E7490; } .verdict.negative { border-top: 4px solid #B45309; }
.verdict > p.muted { margin: 0; }
.gradio-container .verdict .said { font-size: 34px; line-height: 1.2; font-weight: 700; margin: 0 0 12px; }
.positive .said { color: #0E7490; } .negative .said { color: #B45309; }
.bar { display: grid; grid-template-columns: 70px 1fr 64px; gap: 10px; align-items: center; margin: 6px 0; }
.bar .number { font-variant-numeric: tabular-nums; }
.track { display: block; height: 14px; border-radius: 7px; background: #eef1f4; overflow: hidden; }
.track > span { display: block; height: 100%; }
.small.track { display: inline-block; width: 130px; height: 9px; margin-right: 10px; vertical-align: middle; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; margin: 14px 0 0; font-size: 14px; }
dl.facts dt { color: var(--muted); padding: 6px 20px 6px 0; border-top: 1px solid var(--line); }
dl.facts dd { margin: 0; padding: 6px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.reading { border: 1px solid var(--line); border-radius: 8px; padding: 8px 18px; margin: 10px 0; }
.reading { max-height: 420px; overflow-y: auto; overflow-wrap: anywhere; }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 9px; }
#architectures table { width: 100%; } tr.yardstick td { border-top: 2px solid var(--line); }
@media (max-width: 640px) {
  .gradio-container { padding: 16px 14px 48px !important; }
  .gradio-container h1 { font-size: 25px; }
  .small.track { display: none; } #architectures :is(th, td) { padding-right: 9px; }
  #architectures :is(th, td):nth-child(2) { display: none; }
  .verdict { padding: 14px 16px; } .verdict.waiting { min-height: 120px; }
  dl.facts { grid-template-columns: 1fr; }
  dl.facts dt { padding-bottom: 0; } dl.facts dd { border-top: 0; padding-top: 0; }
}
"""
