"""The part of a card that says how its files are loaded: Python that makes what the network is given from a text, and runs it."""

import zipfile

from data.vocabulary import OOV
from engine.graph import OWN
from inference.export.evidence import FILE
from inference.export.savedmodel import takes_texts
from inference.export.text import code_of, imports_of
from inference.run import FinishedRun, Trained

_TEXT = 'text = "Great cast, dull story"'
_IMPORTS = {
    "keras": "import keras\nimport numpy as np",
    "savedmodel": "import tensorflow as tf",
    "savedmodel of ids": "import numpy as np\nimport tensorflow as tf",
    "onnx": "import numpy as np\nimport onnxruntime",
    "litert": "import numpy as np\nfrom ai_edge_litert.interpreter import Interpreter",
}
_CODE = {
    "keras": """model = keras.saving.load_model("model.keras")
logits = np.array([0.0, *np.asarray(model(GIVEN))[0]])  # the first class's is 0
odds = np.exp((logits - logits.max()) / TEMPERATURE)
print(dict(zip(CLASSES, (odds / odds.sum()).tolist())))""",
    "savedmodel": """model = tf.saved_model.load("saved_model").signatures["serving_default"]
print(dict(zip(CLASSES, model(texts=tf.constant([text]))["probabilities"][0].numpy().tolist())))""",
    "savedmodel of ids": """model = tf.saved_model.load("saved_model").signatures["serving_default"]
said = model(**{name: tf.constant(value) for name, value in inputs(text).items()})["probabilities"]
print(dict(zip(CLASSES, said[0].numpy().tolist())))""",
    "onnx": """model = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
(probabilities,) = model.run(["probabilities"], inputs(text))
print(dict(zip(CLASSES, probabilities[0].tolist())))""",
    "litert": """model = Interpreter("model.tflite").get_signature_runner()
(probabilities,) = model(**inputs(text)).values()
print(dict(zip(CLASSES, probabilities[0].tolist())))""",
}
_NOTES = {
    "keras": "The file is the run's checkpoint, byte for byte. It gives the logits of all classes but the first, "
    "whose logit is 0. It takes",
    "savedmodel": "Texts in, probabilities out: whatever is made of a text is made by the graph. The signature `token_ids` takes",
    "savedmodel of ids": "The graph is TensorFlow's own, which has no operators that divide such texts into tokens. It takes",
    "onnx": "Every row must hold at least one id; `probabilities` is `<float32>[batch, classes]`. The graph takes",
    "litert": "It takes one review at a time, of any length, without padding: batch is 1. The graph takes",
}
_REWRITTEN = (  # in place of the first sentence about keras
    "The run's checkpoint has layers of Lengthwise; this file is the same network, with the same weights, of Keras's own layers."
)
_IDS = "`token_ids` `<int32>[batch, time]`, right-padded with 0"


def how_to_load(run: FinishedRun, trained: Trained, format: str) -> str:
    """The section of the card.

    Args:
        run: a finished one.
        trained: a network of it.
        format: `keras`, `savedmodel`, `onnx` or `litert`.
    """
    with zipfile.ZipFile(run.folder.checkpoint(trained.study, trained.repeat.number)) as archive:
        is_rewritten = format == "keras" and OWN.encode() in archive.read("config.json")
    note = f"{_REWRITTEN}{_NOTES[format].partition('.')[2]}" if is_rewritten else _NOTES[format]
    if format == "savedmodel" and not takes_texts(run):
        format, note = "savedmodel of ids", _NOTES["savedmodel of ids"]
    made = [] if format == "savedmodel" else [encoding(run, trained)]
    given = 'inputs(text)["token_ids"]' if trained.evidence is None else "list(inputs(text).values())"
    code = (
        _CODE[format]
        .replace("TEMPERATURE", repr(trained.temperature))
        .replace("GIVEN", given)
        .replace("CLASSES", repr(run.data.classes.names))
    )
    blocks = "\n\n".join([_IMPORTS[format], *made, f"{_TEXT}\n{code}"])
    return f"## How to load it\n\n{note} {_takes(trained, format)} In this folder:\n\n```python\n{blocks}\n```"


def _takes(trained: Trained, format: str) -> str:
    if trained.evidence is None:
        return f"{_IDS}."
    width = trained.evidence.width(trained.order)
    of_text = "" if format == "savedmodel" else f" The code below makes all three from a text and from the ratios in `{FILE}`."
    return (
        f"{_IDS}; the evidence at each id, `evidence` `<float32>[batch, time, {width}]`, 0 beside padding; and its sums over "
        f"whole reviews, each divided by the root of the number of ids, `evidence_sums` `<float32>[batch, {width}]`.{of_text}"
    )


def encoding(run: FinishedRun, trained: Trained) -> str:
    """Python with a function `inputs`: what the network is given for a text, by name, from the files of the export alone."""
    n = trained.max_length
    head = {"head": n, "tail": 0, "both": n // 2}[trained.truncate]
    reads = trained.evidence is not None
    return (
        f"{imports_of(run.vocabulary)}\n\n"
        'vocabulary = json.loads(Path("vocabulary.json").read_text(encoding="utf-8"))\n'
        f"{code_of(run.vocabulary)}\n\n{_read_evidence(trained.order) if reads else ''}"
        "def inputs(text):\n"
        "    ids = np.array(encode(text))\n"
        "    read = np.arange(len(ids))\n"
        f"    if len(ids) > {n}:\n        read = np.concatenate([read[:{head}], read[len(ids) - {n - head} :]])\n"
        f'    given = {{"token_ids": np.where(ids < {trained.vocab_size}, ids, {OOV}).astype("int32")[None, read]}}\n'
        f"{_ADD_EVIDENCE if reads else ''}"
        "    return given\n"
    )


_ADD_EVIDENCE = """    beside = evidence(ids)
    given["evidence"] = beside[None, read]
    given["evidence_sums"] = beside.sum(axis=0)[None] / np.float32(np.sqrt(len(ids)))
"""


def _read_evidence(order: int) -> str:
    return (
        f'with np.load("{FILE}") as stored:\n'
        f'    ngrams = [(stored[f"keys_{{n}}"], stored[f"ratios_{{n}}"]) for n in range(1, {order + 1})]  # of n words\n\n\n'
        "def evidence(ids):\n"
        '    before, columns = np.zeros(len(ids), "int64"), []  # before: the place of the words before the last\n'
        "    for keys, ratios in ngrams:\n"
        "        wanted = (before << 32) | ids\n"
        "        place = np.searchsorted(keys, wanted)\n"
        "        place = np.where(keys[place] == wanted, place, len(keys) - 1)  # the last one stands for all unknown ones\n"
        "        columns.append(ratios[place])\n"
        "        before = np.append(len(keys) - 1, place[:-1])\n"
        "    return np.stack(columns, axis=2).reshape(len(ids), -1)\n\n\n"
    )
