"""The card that goes with an exported network, as the Hugging Face Hub reads it: what it is, what it scores, how to load it.

Every number comes from the run's own records. Mitchell et al. (2019), Model cards for model reporting, FAT*.
"""

import zipfile
from dataclasses import dataclass
from typing import Any

import yaml

from data.vocabulary import FIRST_WORD, OOV, START, tokenize
from engine.graph import OWN
from inference.export.network import LAYERS
from inference.run import FinishedRun, Trained
from models.registry import title
from records.study import ALL, Score, Study, StudyResult, strongest_yardstick

MARK = "<!-- exported by Lengthwise -->"  # a folder with it may be replaced by a newer export
LIBRARIES = {"keras": "keras", "savedmodel": "tf", "onnx": "onnx", "litert": "litert"}
_VERSIONS = ("python", "tensorflow", "keras", "jax", "numpy", "scikit-learn", "backend", "device", "machine")


@dataclass(frozen=True)
class Measured:
    """What was found when the exported file was tried."""

    files: str  # names and sizes
    takes: str
    latency_ms: float
    parity: float
    texts: int  # that parity was measured on


def separators() -> str:
    """The characters that stand between words beside the space."""
    return "".join(chr(code) for code in range(1, 128) if chr(code) != " " and not tokenize(chr(code)))


def card(run: FinishedRun, study: Study, format: str, measured: Measured) -> str:
    """Markdown with the Hub's header.

    Args:
        run: a finished one.
        study: one of its networks; its best repeat by validation is described.
        format: one of `LIBRARIES`.
        measured: see there.
    """
    trained = run.trained(study)
    parts = (
        _header(run, trained, format),
        MARK,
        _what(run, trained),
        _data(run, trained),
        _scores(run, trained),
        _calibration(trained),
        _limits(run, trained),
        _loading(run, trained, format),
        _export(format, measured),
        _origin(run, trained),
    )
    return "\n\n".join(parts) + "\n"


def _header(run: FinishedRun, trained: Trained, format: str) -> str:
    """The metadata that the Hub reads: YAML between two lines of dashes, scores with four digits."""
    is_imdb = not run.data.is_demo and ("Keras IMDB" in run.data.title or "Large Movie Review" in run.data.title)
    dataset = {"type": "imdb" if is_imdb else "text", "name": run.data.title, "split": "test"}
    task = {"type": "text-classification", "name": "Sentiment of a review"}
    results = [
        {
            "task": task,
            "dataset": dataset,
            "metrics": [{"type": "accuracy", "value": score.accuracy, "name": f"accuracy on {_reviews(score.bucket)}"}],
        }
        for score in trained.repeat.scores
    ]
    head = {
        "language": "en",
        "license": "mit",
        "library_name": LIBRARIES[format],
        "pipeline_tag": "text-classification",
        "tags": ["sentiment-analysis", run.roster.architecture(trained.study.contender).replace("_", "-"), "lengthwise"],
        **({"datasets": ["imdb"]} if is_imdb else {}),
        "model-index": [{"name": f"{run.name} {trained.study.id}", "results": results}],
    }
    return f"---\n{yaml.dump(head, Dumper=_Dumper, sort_keys=False, allow_unicode=True)}---"


class _Dumper(yaml.SafeDumper):
    """PyYAML's, with scores as the card's text has them, and without references from one result to another."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(float, lambda dumper, score: dumper.represent_scalar("tag:yaml.org,2002:float", f"{score:.4f}"))


def _reviews(bucket: str) -> str:
    low, _, high = bucket.partition("-")
    return (
        "all reviews" if bucket == ALL else f"reviews of {low} tokens or more" if high == "end" else f"reviews of {bucket} tokens"
    )


def _what(run: FinishedRun, trained: Trained) -> str:
    study, result = trained.study, run.results[trained.study]
    scope = {
        "bucket": f"a specialist: it has learned from {_reviews(study.bucket)} only",
        "all": "a generalist: it has learned from reviews of all lengths",
        "fine-tuned": f"a generalist that was trained on with {_reviews(study.bucket)}",
    }[study.scope]
    setting = ", ".join(f"{name} {value:g}" for name, value in trained.repeat.hyperparameters.items())
    own = run.roster[study.contender].changes
    settings = f" Of the run's settings it has its own {', '.join(map(str, own))}." if own else ""
    reads = f"It reads at most {trained.max_length:,} tokens of a review ({trained.truncate} of longer ones)"
    return (
        f"# {run.roster.title(study.contender)}, {_reviews(study.bucket)}\n\n"
        "The probability that an English film review is positive. "
        f"This network is {scope}. {reads} and knows {trained.vocab_size:,} ids. It has {result.parameters:,} trained numbers "
        f"({result.body_parameters:,} outside the tables of vectors).{settings}\n\nHyperparameters: {setting}."
    )


def _data(run: FinishedRun, trained: Trained) -> str:
    data, result = run.data, run.results[trained.study]
    demo = " They are generated: this network is of no use on real reviews." if data.is_demo else ""
    n_tested = sum(score.n_test for score in trained.repeat.scores if score.bucket != ALL)
    return (
        f"## Data and protocol\n\n{data.title}, fingerprint `{data.fingerprint}`.{demo} Trained on {result.n_train:,} reviews, "
        f"validated on {result.n_validation:,}, tested on {n_tested or trained.repeat.scores[0].n_test:,}. "
        f"{data.leaked:,} training texts also stand in the whole test part ({data.leaked_dropped:,} of them were left out); "
        f"{data.oov_share:.1%} of the training tokens are words that the network does not know.\n\n"
        "Hyperparameters, the epoch to keep and the repeat to export were chosen on validation reviews. The test reviews were "
        f"read once for each of the final trainings ({len(result.repeats)}), after everything was chosen."
    )


def _scores(run: FinishedRun, trained: Trained) -> str:
    """A row for each bucket, beside the stronger of the linear models of the same reviews."""
    yardstick = strongest_yardstick(trained.study, run.results)
    linear = {score.bucket: score for score in yardstick.repeats[0].scores} if yardstick else {}
    means = _means(run, trained.study)
    rows = [
        f"| {_reviews(s.bucket)} | {s.n_test:,} | {_accuracy(s)} | {means.get(s.bucket, '-')} "
        f"| {_accuracy(linear.get(s.bucket))} | {'-' if s.roc_auc is None else f'{s.roc_auc:.4f}'} | {s.f1:.4f} "
        f"| {s.accuracy_without_leaked:.4f} |"
        for s in trained.repeat.scores
    ]
    n = len(run.results[trained.study].repeats)
    columns = ("test reviews", "how many", "accuracy", f"mean of {n} repeat{'s' * (n > 1)}", "linear model", "ROC AUC", "F1")
    head = f"| {' | '.join((*columns, 'without leaked'))} |\n|---|---|---|---|---|---|---|---|"
    return (
        "## Scores\n\nIn brackets: 95 % intervals, for other test reviews; the mean's also for other seeds, where there are "
        "several repeats. The linear model has learned from the same reviews; it is "
        f"{_yardstick(yardstick)}.\n\n" + "\n".join([head, *rows])
    )


def _yardstick(result: StudyResult | None) -> str:
    """Which linear model stands in the table, and why."""
    if result is None:
        return "missing in this run"  # it failed
    kind = title(result.study.contender)
    return kind if result.cv_accuracy is None else f"the {kind}, the stronger one by cross-validation ({result.cv_accuracy:.4f})"


def _accuracy(score: Score | None) -> str:
    return "-" if score is None else f"{score.accuracy:.4f} [{score.accuracy_low:.4f}, {score.accuracy_high:.4f}]"


def _means(run: FinishedRun, study: Study) -> dict[str, str]:
    """Bucket -> mean accuracy over repeats, of the verdicts that the run's report shows."""
    return {
        verdict.bucket: f"{s.accuracy:.4f} [{s.low:.4f}, {s.high:.4f}]"
        for verdict in run.folder.findings().verdicts
        for s in verdict.standings
        if s.study == study
    }


def _calibration(trained: Trained) -> str:
    lines = [
        f"- {_reviews(s.bucket)}: calibration error {s.calibration_error:.4f} before, "
        f"{s.calibration_error_at_temperature:.4f} after; log loss {s.loss:.4f} before, {s.loss_at_temperature:.4f} after"
        for s in trained.repeat.scores
        if s.calibration_error_at_temperature is not None and s.loss_at_temperature is not None
    ]
    return (
        f"## Calibration\n\nLogits are divided by {trained.temperature:.6g}, a temperature fitted on validation reviews (Guo et "
        "al. 2017, On calibration of modern neural networks, ICML). On the test reviews:\n\n" + "\n".join(lines)
    )


def _limits(run: FinishedRun, trained: Trained) -> str:
    unknown = "dropped" if run.vocabulary.drops_unknown else f"read as id {OOV}"
    scope = "of any length" if trained.study.bucket == ALL else f"of {trained.study.bucket} tokens"
    return (
        "## Limits\n\n"
        f"- It was trained and tested on {run.data.title}, reviews {scope}. "
        "Nothing is known of other lengths, subjects or languages.\n"
        f"- Words that the data's index does not have are {unknown}; known ones outside the first {trained.vocab_size:,} ids are "
        f"read as id {OOV}. A text without any known word still gives a number, that of the start token: it means nothing.\n"
        "- Irony, quotations and reviews that weigh several things were not tested by themselves.\n"
        "- It says how a review is rated, not why, and nothing of who wrote it. It is no basis for decisions about people."
    )


# -- how to load it ----------------------------------------------------------------------------------------------------

_TEXT = 'text = "Great cast, dull story"'
_IMPORTS = {
    "keras": "import keras\nimport numpy as np",
    "savedmodel": "import tensorflow as tf",
    "onnx": "import numpy as np\nimport onnxruntime",
    "litert": "import numpy as np\nfrom ai_edge_litert.interpreter import Interpreter",
}
_CODE = {
    "keras": """model = keras.saving.load_model("model.keras")
logit = float(model(np.array([encode(text)], dtype="int32"))[0, 0])
print(1 / (1 + np.exp(-logit / TEMPERATURE)))""",
    "savedmodel": """model = tf.saved_model.load("saved_model").signatures["serving_default"]
print(float(model(texts=tf.constant([text]))["probability"][0]))""",
    "onnx": """model = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
(probability,) = model.run(["probability"], {"token_ids": np.array([encode(text)], dtype="int32")})
print(float(probability[0]))""",
    "litert": """model = Interpreter("model.tflite")
token_ids = np.array([encode(text)], dtype="int32")
model.resize_tensor_input(model.get_input_details()[0]["index"], token_ids.shape)
model.allocate_tensors()
model.set_tensor(model.get_input_details()[0]["index"], token_ids)
model.invoke()
print(float(model.get_tensor(model.get_output_details()[0]["index"])[0]))""",
}
_NOTES = {
    "keras": "The file is the run's checkpoint, byte for byte; it gives logits, which the temperature makes probabilities.",
    "savedmodel": "Texts in, probabilities out: the words and the encoding are part of the graph. The signature `token_ids` "
    "takes ids `<int32>[batch, time]`, right-padded with 0.",
    "onnx": "`token_ids` `<int32>[batch, time]`, right-padded with 0, every row with at least one id; "
    "`probability` `<float32>[batch]`.",
    "litert": "One review at a time, of any length: `token_ids` `<int32>[1, time]`, without padding.",
}
_OWN = f"\nimport {', '.join(LAYERS)}  # Lengthwise's own layers: its folder must be on PYTHONPATH"


def _loading(run: FinishedRun, trained: Trained, format: str) -> str:
    with zipfile.ZipFile(run.folder.checkpoint(trained.study, trained.repeat.number)) as archive:
        is_own = format == "keras" and OWN.encode() in archive.read("config.json")
    encoding = [] if format == "savedmodel" else [_encoding(run, trained)]
    code = _CODE[format].replace("TEMPERATURE", repr(trained.temperature))
    blocks = "\n\n".join([_IMPORTS[format] + _OWN * is_own, *encoding, f"{_TEXT}\n{code}"])
    return f"## How to load it\n\n{_NOTES[format]} In this folder:\n\n```python\n{blocks}\n```"


def _encoding(run: FinishedRun, trained: Trained) -> str:
    """Python that encodes a text as the run does, by `vocabulary.json` alone."""
    n = trained.max_length
    head = {"head": n, "tail": 0, "both": n // 2}[trained.truncate]
    body = _words(run) if not run.vocabulary.piece_model else _pieces()
    return (
        "import json\nfrom pathlib import Path\n\n"
        'vocabulary = json.loads(Path("vocabulary.json").read_text(encoding="utf-8"))\n'
        f"{body}    if len(ids) > {n}:\n        ids = ids[:{head}] + ids[len(ids) - {n - head} :]\n"
        f"    return [i if i < {trained.vocab_size} else {OOV} for i in ids]\n"
    )


def _words(run: FinishedRun) -> str:
    known = f"numbers.get(word, {OOV}) for word in words"
    if run.vocabulary.drops_unknown:
        known = "numbers[word] for word in words if word in numbers"
    return (
        f'numbers = {{word: rank + {FIRST_WORD} for rank, word in enumerate(vocabulary["words"])}}\n'
        f'table = {{ord(c): " " for c in {separators()!r}}} | {{c: c + 32 for c in range(65, 91)}}\n\n\n'
        'def encode(text):\n    words = [word for word in text.translate(table).split(" ") if word]\n'
        f"    ids = [{START}, *({known})]\n"
    )


def _pieces() -> str:
    return (
        "import base64\n\nimport sentencepiece\n\n"
        'pieces = sentencepiece.SentencePieceProcessor(model_proto=base64.b64decode(vocabulary["piece_model"]))\n\n\n'
        'def encode(text):\n    found = pieces.encode(text.replace("<br />", " "))\n'
        f"    ids = [{START}, *(piece + {FIRST_WORD - 1} if piece else {OOV} for piece in found)]\n"
    )


def _export(format: str, measured: Measured) -> str:
    return (
        f"## This export\n\nFormat {format}: {measured.files}. Over {measured.texts} texts of different lengths its "
        f"probabilities differ from the checkpoint's, as Keras runs it, by at most {measured.parity:.1e}. One review of about "
        f"178 tokens took {measured.latency_ms:.2f} ms from {measured.takes} to probability, on the machine that exported it."
    )


def _origin(run: FinishedRun, trained: Trained) -> str:
    about = run.about
    versions = ", ".join(f"{name} {about.rows[name]}" for name in _VERSIONS if about.rows.get(name))
    return (
        f"## Where it comes from\n\nRun `{run.name}` (profile {about.profile}, commit {about.git_commit}, ended {about.ended}), "
        f"study `{trained.study.id}`, repeat {trained.repeat.number + 1} of {len(run.results[trained.study].repeats)}, the one "
        f"with the lowest validation loss, seed {trained.repeat.seed}. Trained with {versions}."
    )
