"""The page of a finished run: a review goes in, the verdict comes out, and what stands behind it. Gradio draws it."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.arrays import predicted
from inference.explain import Explanation, explain, running_verdict
from inference.predictor import Predictor
from inference.probes import unfit
from inference.run import Encoded, FinishedRun, Trained
from records.classes import Classes
from records.errors import CheckpointError, RunError, TextError
from records.study import Study
from report import html
from report.explanation import running_figure
from report.figures.style import FONT
from report.limits import CHARACTERS, checked

if TYPE_CHECKING:
    import gradio as gr

EXAMPLES = {
    "warm and short": "A small, warm film with two wonderful leads. I left the cinema smiling.",
    "negation": (
        "It is not a bad film, and nobody in it is less than good. I would not have missed a minute, and I cannot say "
        "that of many comedies this year."
    ),
    "praise, but": (
        "The photography is superb and the score is beautiful, but the script has nothing to say, the lovers have no "
        "spark, and after an hour I only wanted it to end."
    ),
    "sarcasm": (
        "Oh, brilliant: another genius detective with a drinking problem. What a fresh idea! I especially loved the forty "
        "minutes of rain. If you have paint at home that needs watching while it dries, do that instead."
    ),
    "two minds": (
        "I went in expecting very little and for the first half hour that is what I got: wooden lines, a plot held "
        "together by coincidence, a hero who frowns. Then the old man comes home, and the film finds its heart. The "
        "kitchen scene is as good as anything I have seen this year. It never quite makes up for its beginning, yet I "
        "keep thinking about it."
    ),
    "long, turns late": (
        "My brother recommended this one to me, and for a long time I understood why. The opening is splendid. A woman "
        "steps off a night train in a town she has never seen, somebody calls her by a name that is not hers, and she "
        "answers. From there the film takes its time, and I was glad of it. The streets look lived in, the people talk "
        "like people, and the young actress in the main part can say more with one look at a closed door than most can "
        "with a speech. There is humour in it, too: the scene with the two policemen and the borrowed bicycle made the "
        "whole row laugh. For an hour and a half I thought that I was watching one of the best thrillers in years, and I "
        "was already thinking about whom I would take to see it again. And then comes the ending. I will not give it "
        "away, because there is nothing to give. Every question that was asked so well is dropped. The letter is never "
        "read, the brother is forgotten, and the name, on which everything hangs, turns out to be a mistake by a clerk. I "
        "have seldom felt so cheated. It is as if the last twenty pages of the script had been lost and somebody had "
        "filled them in on the way to the set. What a waste of a wonderful cast. Two hours of promises, and not one of "
        "them is kept: save your money."
    ),
}


@dataclass(frozen=True)
class Method:
    """A way to say how much each word contributes."""

    name: str
    says: str  # what its numbers are
    shares: Callable[[Explanation], Sequence[float] | None]  # one a word; None where the model has none
    is_signed: bool = True  # whether a share speaks for a class
    adds_up: bool = False  # whether the shares are to add up to the verdict


GRADIENTS, OCCLUSION, ATTENTION = "integrated gradients", "occlusion", "attention"
METHODS = {
    method.name: method
    for method in (
        Method(
            GRADIENTS,
            "Each word's share of the logit (of more classes: of one's margin over the mean of the others), added "
            "up from gradients on the way from a text without meaning to this one.",
            lambda explanation: explanation.gradients,
            adds_up=True,
        ),
        Method(
            OCCLUSION,
            "By how much the logit, or the margin, falls when the word is left out.",
            lambda explanation: explanation.occlusion,
        ),
        Method(
            ATTENTION,
            "How much of its attention the network gives the word; in which direction it does not say.",
            lambda explanation: explanation.attention,
            is_signed=False,
        ),
    )
}


@dataclass(frozen=True)
class Reading:
    """The text that stands on the page, and the account of it that is shown."""

    encoded: Encoded
    bucket: str
    explanation: Explanation
    classes: Classes

    @property
    def methods(self) -> list[str]:
        """Those that the model has an answer to."""
        return [name for name, method in METHODS.items() if method.shares(self.explanation)]


@dataclass(frozen=True)
class Said:
    """What one contender says of a text."""

    study: Study
    label: int  # number of the class that it says
    probabilities: tuple[float, ...]  # of each class
    milliseconds: float  # median of three
    parameters: int


def look() -> dict[str, Any]:
    """The report's style and this machine's own fonts, for `gradio.mount_gradio_app`; light, as the report is."""
    import gradio as gr

    accent, line = "#0072B2", "#e5e7eb"
    theme = gr.themes.Base(font=[each.strip(" '") for each in FONT.split(",")], font_mono=["ui-monospace", "monospace"]).set(
        body_background_fill="#fff",
        block_background_fill="#fff",
        block_border_color=line,
        block_radius="8px",
        input_background_fill="#fff",
        input_border_color="#cbd2d9",
        input_border_color_focus=accent,
        button_primary_background_fill=accent,
        button_primary_background_fill_hover="#005f96",
        button_primary_text_color="#fff",
        button_secondary_background_fill="#f6f8fa",
        checkbox_label_background_fill_selected="#e6f1f8",
        checkbox_label_text_color_selected="#1f2933",
        checkbox_background_color_selected=accent,
        checkbox_border_color_selected=accent,
    )
    for name in [each for each in vars(theme) if each.endswith("_dark")]:
        setattr(theme, name, getattr(theme, name.removesuffix("_dark")))
    return {"theme": theme, "head": html.page("page_head.html.j2")}


def build(predictor: Predictor) -> "gr.Blocks":
    """The page; `look` belongs to it."""
    import gradio as gr

    asked, roster = _Asked(predictor), predictor.run.roster
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    with gr.Blocks(title=f"Lengthwise: {predictor.run.name}", analytics_enabled=False) as page:
        gr.HTML(_part("heading", predictor.run), apply_default_css=False)
        reading = gr.State(None, time_to_live=3600)
        with gr.Row(elem_id="ask"):
            with gr.Column(scale=5, min_width=320):
                box, button, examples = _questions({} if unfit(predictor.run) else EXAMPLES)
            with gr.Column(scale=6, min_width=320):
                verdict = gr.HTML(_part("waiting"), elem_id="verdict", apply_default_css=False)
        with gr.Column(elem_id="details"):
            whose, method, words, table, chart = _details([(roster.title(id), id) for id in predictor.run.contenders])
        shown = [verdict, reading, whose, method, words, table, chart]
        gr.on([button.click, box.submit], asked.read, box, shown, trigger_mode="always_last", **quiet)
        for example, text in zip(examples, EXAMPLES.values(), strict=False):
            example.click(lambda text=text: text, None, box, **quiet).then(asked.read, box, shown, **quiet)
        whose.input(asked.of_another, [reading, whose], [reading, method, words], **quiet)
        method.input(asked.by_another, [reading, method], words, **quiet)
    return page


def _questions(offered: Mapping[str, str]) -> tuple[Any, Any, list[Any]]:
    """The text box, its button, and a button an example; where the run is of other texts than film reviews there is none."""
    import gradio as gr

    what = "a review in English" if offered else "a text like those that the run has learned from"
    hint = f"Write or paste {what}. Shift + Enter reads it."
    box = gr.Textbox(
        label="A review" if offered else "A text",
        placeholder=hint,
        lines=6,
        max_lines=14,
        max_length=CHARACTERS,
        elem_id="review",
    )
    button = gr.Button("Read it", variant="primary", elem_id="read")
    if not offered:
        return box, button, []
    gr.HTML(_part("try_these"), apply_default_css=False)
    with gr.Row(elem_id="examples"):
        return box, button, [gr.Button(label, size="sm", min_width=10) for label in offered]


def _details(contenders: list[tuple[str, str]]) -> tuple[Any, Any, Any, Any, Any]:
    """What stands behind a verdict; hidden by the style sheet while there is none."""
    import gradio as gr

    gr.HTML(_part("title_of_words"), apply_default_css=False)
    with gr.Row(elem_id="choices"):
        whose = gr.Dropdown(contenders, label="According to", filterable=False, elem_id="whose", scale=2, min_width=240)
        method = gr.Radio([GRADIENTS, OCCLUSION], label="Colours by", elem_id="method", scale=3, min_width=300)
    words = gr.HTML(elem_id="words", apply_default_css=False)
    gr.HTML(_part("title_of_contenders"), apply_default_css=False)
    table = gr.HTML(elem_id="architectures", apply_default_css=False)
    gr.HTML(_part("title_of_running"), apply_default_css=False)
    return whose, method, words, table, gr.Plot(show_label=False, container=False, elem_id="running")


@dataclass
class _Shown:
    """What the page shows. Each update says all of it: of updates that come close together, Gradio's page keeps the last one."""

    verdict: str = ""
    reading: Reading | None = None
    table: str = ""
    chart: Any = None

    def values(self) -> tuple[Any, ...]:
        """For verdict, reading, whose, method, words, table and chart."""
        import gradio as gr

        reading = self.reading
        if reading is None:
            return self.verdict, None, gr.skip(), gr.skip(), "", self.table, None
        first = reading.methods[0]
        method = gr.Radio(choices=reading.methods, value=first)
        whose, words = reading.explanation.study.contender, _account(reading, first)
        return self.verdict, reading, whose, method, words, self.table, self.chart


class _Asked:
    """What the page's controls call."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor, self._run = predictor, predictor.run

    def read(self, text: str) -> Iterator[tuple[Any, ...]]:
        """The verdict first; then, as each is known, the words, the contenders and the chart."""
        shown = _Shown(table=_part("coming"))
        try:
            encoded = self._predictor.encode(checked(text))
            prediction = self._predictor(text)
            models = self._predictor.chosen(encoded)
            answering = [model.study for model in models]
            shown.verdict = _part("verdict", prediction, answering, self._run.roster, self._run.data.classes)
            yield shown.values()
            shown.reading = Reading(encoded, prediction.bucket, explain(models[0], encoded), self._run.data.classes)
            yield shown.values()
            asked = self._every_contender(prediction.bucket)
            said = [_said(self._run, model, encoded) for model in asked]
            shown.table = _part("contenders", said, answering, self._run.roster, self._run.data.classes)
            yield shown.values()
            followed = asked if len(self._run.data.classes) == 2 else models[:1]
            lines = {model.study: running_verdict(model, encoded.ids) for model in followed}
            shown.chart = running_figure(encoded.words, lines, self._run.roster, self._run.data.classes)
            yield shown.values()
        except (TextError, RunError, CheckpointError) as error:
            yield _Shown(_part("failure", str(error)), table=_part("coming")).values()

    def of_another(self, reading: Reading | None, contender: str) -> tuple[Any, ...]:
        """Another contender's account of the same text."""
        import gradio as gr

        if reading is None:
            return (gr.skip(),) * 3
        try:
            study = self._run.choose(contender, reading.bucket)[0]
            account = replace(reading, explanation=explain(self._run.trained(study), reading.encoded))
        except (RunError, CheckpointError) as error:
            return gr.skip(), gr.skip(), _part("failure", str(error))
        first = account.methods[0]
        return account, gr.Radio(choices=account.methods, value=first), _account(account, first)

    def by_another(self, reading: Reading | None, method: str) -> Any:
        """The same account by another method."""
        import gradio as gr

        return _account(reading, method) if reading else gr.skip()

    def _every_contender(self, bucket: str) -> list[Trained]:
        studies = [self._run.of_contender(name, bucket) for name in self._run.contenders]
        return [self._run.trained(study) for study in studies if study]


def _part(macro: str, *values: Any) -> str:
    """A piece of the page."""
    return html.part("page.html.j2", macro, *values)


def _account(reading: Reading, method: str) -> str:
    return _part("account", reading.explanation, METHODS[method], reading.classes)


def _said(run: FinishedRun, model: Trained, encoded: Encoded) -> Said:
    probabilities, times = model.probabilities([encoded.ids])[0], []
    for _ in range(3):
        started = time.perf_counter()
        model.probabilities([encoded.ids])
        times.append(1000 * (time.perf_counter() - started))
    label, size = int(predicted(probabilities)), run.results[model.study].parameters
    return Said(model.study, label, tuple(probabilities.tolist()), statistics.median(times), size)
