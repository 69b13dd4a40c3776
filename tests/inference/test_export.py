"""Laws of exports: every file says what the run says, its card is true and its code runs, and what fails leaves nothing."""

import ast
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from data.tokenizer import Tokenizer
from data.vocabulary import FIRST_WORD, START, Vocabulary
from engine import checkpoint, network
from engine.arrays import class_probabilities
from engine.layers import Recurrent
from inference.export import Review, inputs, litert, savedmodel, stock
from inference.export import folder as exports
from inference.export import keras as in_keras
from inference.export import onnx as onnx_graph
from inference.export.card import MARK
from inference.export.evidence import ngrams_by_length
from inference.export.folder import FORMATS, Exported, export, table
from inference.export.network import LAYERS, KerasNetwork
from inference.run import FinishedRun, Trained
from models import recurrent
from models.cells import GRUCell
from models.classifier import NetworkShape, build_classifier
from models.registry import ARCHITECTURES
from records.errors import ExportError
from records.study import Study
from tests.conftest import ROOT, SmokeRun
from tests.made_up import a_result
from tests.made_up_evidence import a_run_with_evidence, an_evidence

NEEDS = {"keras": "keras", "savedmodel": "tensorflow", "onnx": "onnxruntime", "litert": "ai_edge_litert"}
WITHOUT_ONNX = frozenset[str]()  # architectures with a cell that ONNX has no operator for: their export is refused by name
POOLINGS = ("last", "mean", "max", "mean_max", "attention")
NETWORKS = [
    *(
        (name, each.pooling or POOLINGS[i % 5], 97 * (i % 2))
        for i, (name, each) in enumerate(ARCHITECTURES.items())
        if name not in WITHOUT_ONNX
    ),
    *(("bidirectional_gru", pooling, 97) for pooling in POOLINGS),
    ("transformer", "mean", 97),
    *(("gru", pooling, 97, order, sources) for pooling, order, sources in (("last", 1, 1), ("mean_max", 3, 2))),
    ("bidirectional_lstm", "attention", 0, 2, 2),
    ("transformer", "mean", 0, 3, 1),
]
VOCABULARY = Vocabulary((*(f"word{i}" for i in range(60)), "don't", "caf\u00e9"), drops_unknown=True)
TEXTS = [
    "",
    "word0",
    "WORD1 Word2<br />word3.word4,,word5   word6\tword7\nword8 nothing word59",
    "caf\u00e9 CAF\u00c9 don't DON'T \u00a0word1 word1\u3000word2 \U0001f600 word3",
    " ".join(f"word{i % 60}" for i in range(50)),
]


@pytest.fixture(scope="module")
def run(smoke_run: SmokeRun) -> FinishedRun:
    return FinishedRun.open(smoke_run.folder)


@pytest.fixture(scope="module")
def study(run: FinishedRun) -> Study:
    return next(study for study in run.results if not study.is_yardstick)


def a_checkpoint(folder: Path, architecture: str, pooling: str, bigrams: int, order: int = 0, sources: int = 1) -> Path:
    keras.utils.set_random_seed(3)
    shape = NetworkShape(
        architecture=architecture,
        engine=ARCHITECTURES[architecture].engine or "keras",
        vocab_size=50,
        embedding_dim=8,
        units=8,
        pooling=pooling,
        bigrams=bigrams,
        bigram_dim=4,
        evidence=order,
        evidence_width=order * sources,
    )
    model = build_classifier(shape, dropout=0.2, spatial_dropout=0.1)
    rng = np.random.default_rng(3)
    model.set_weights([w + rng.normal(size=w.shape).astype("float32") * 0.3 for w in model.get_weights()])
    model.save(folder / "network.keras")
    return folder / "network.keras"


def a_trained(
    path: Path,
    truncate: str = "tail",
    max_length: int = 40,
    order: int = 0,
    sources: int = 1,
    vocabulary: Vocabulary = VOCABULARY,
) -> tuple[Any, Trained]:
    """A network of 50 ids in a run of which only the checkpoint and the words are there."""
    result = a_result("gru", "130-175", 0.8, repeats=1)
    setting = result.repeats[0].hyperparameters | {"evidence": order}
    trained = Trained(
        result.study,
        replace(result.repeats[0], hyperparameters=setting),
        checkpoint.load(path),
        vocab_size=50,
        max_length=max_length,
        truncate=truncate,
        tested_rows=np.zeros(1),
        tested_logits=np.ones(1),
        evidence=an_evidence(FIRST_WORD - 1 + len(vocabulary.words), sources=sources) if order else None,
    )
    return SimpleNamespace(folder=SimpleNamespace(checkpoint=lambda *_: path), vocabulary=vocabulary), trained


def reviews_of(texts: Sequence[str], trained: Trained) -> list[Review]:
    readings = trained.readings([VOCABULARY.encode(text) for text in texts])
    return [Review(text, reading) for text, reading in zip(texts, readings, strict=True)]


def with_padding(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """With three steps of padding more."""
    return {
        name: array if name == "evidence_sums" else np.pad(array, [(0, 0), (0, 3), *[(0, 0)] * (array.ndim - 2)])
        for name, array in given.items()
    }


def require(format: str) -> Any:
    return pytest.importorskip(NEEDS[format], reason=f"{NEEDS[format]} is not installed: make run EXTRAS={format}")


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: "-".join(map(str, network)))
def test_the_onnx_graph_of_every_network_says_what_keras_says(
    network: tuple[Any, ...], tmp_path: Path, rng: np.random.Generator
) -> None:
    onnxruntime = require("onnx")
    order, sources = network[3:] or (0, 1)
    run, trained = a_trained(a_checkpoint(tmp_path, *network), order=order, sources=sources)
    rows = [np.array([START, *rng.integers(2, 50, n)], np.int32) for n in (39, 3, 17, 17, 80, 0)]
    reviews = [Review("", reading) for reading in trained.readings(rows)]
    written = onnx_graph.model(trained.model, trained.temperature).SerializeToString()  # type: ignore[arg-type]
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    expected = in_keras.probabilities(run, trained, [review.reading for review in reviews])
    together = session.run(None, with_padding(inputs(reviews)))[0]
    alone = np.concatenate([session.run(None, inputs([review]))[0] for review in reviews])
    np.testing.assert_allclose(together, expected, atol=1e-6)
    np.testing.assert_allclose(alone, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("architecture", "pooling", "bigrams", "order", "sources"),
    [
        ("custom_gru", "last", 97, 0, 1),
        ("bidirectional_lstm", "attention", 0, 2, 1),
        ("transformer", "mean", 97, 3, 2),
    ],
)
def test_tensorflows_formats_say_what_keras_and_the_numpy_engine_say(
    architecture: str, pooling: str, bigrams: int, order: int, sources: int, tmp_path: Path
) -> None:
    require("litert")
    import tensorflow

    path = a_checkpoint(tmp_path, architecture, pooling, bigrams, order, sources)
    run, trained = a_trained(path, order=order, sources=sources)
    reviews = reviews_of(TEXTS, trained)
    expected = in_keras.probabilities(run, trained, [review.reading for review in reviews])
    np.testing.assert_allclose(trained.probabilities([VOCABULARY.encode(text) for text in TEXTS]), expected, atol=1e-6)
    from_texts = savedmodel.write(run, trained, tmp_path)(reviews)
    stored = tensorflow.train.list_variables(str(tmp_path / "saved_model" / "variables" / "variables"))
    parameters = in_keras.read(run.folder.checkpoint()).count_params()
    if trained.evidence:
        parameters += sum(each.keys.size + each.ratios.size for each in ngrams_by_length(trained.evidence, order))
    assert sum(math.prod(shape) for _, shape in stored) <= 1.1 * parameters  # once, not twice
    loaded = tensorflow.saved_model.load(str(tmp_path / "saved_model")).signatures["token_ids"]
    given = {name: tensorflow.constant(array) for name, array in with_padding(inputs(reviews)).items()}
    np.testing.assert_allclose(from_texts, expected, atol=1e-6)
    np.testing.assert_allclose(loaded(**given)["probabilities"].numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(litert.write(run, trained, tmp_path)(reviews), expected, atol=1e-6)


@pytest.fixture(scope="module", params=[0, 3])
def order(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def told(smoke_run: SmokeRun, order: int, tmp_path_factory: pytest.TempPathFactory) -> tuple[FinishedRun, Study]:
    """The run with evidence for a network, or with none."""
    folder = tmp_path_factory.mktemp("told") / "run"
    shutil.copytree(smoke_run.folder, folder, symlinks=True)
    return a_run_with_evidence(folder, "not a great cast , a dull story . great cast , dull story , and a superb ending", order)


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_holds_what_the_run_says_and_its_cards_code_runs_alone(
    format: str, order: int, told: tuple[FinishedRun, Study], tmp_path: Path
) -> None:
    require(format)
    run, study = told
    exported = export(run, study, format, tmp_path)
    folder, readme = Path(exported.path), (Path(exported.path) / "README.md").read_text(encoding="utf-8")
    assert exported.parity <= 1e-6 and exported.latency_ms > 0
    assert exported.takes == ("text" if format == "savedmodel" else "token ids and evidence" if order else "token ids")
    assert (run.trained(study).evidence is not None) == bool(order) == ("Wang and Manning 2012" in readme)
    assert (folder / "evidence.npz").exists() == ("`evidence.npz`" in readme) == (order > 0 and format != "savedmodel")
    assert exported.bytes == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert sorted(path.name for path in folder.parent.iterdir()) == [folder.name]
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    (expected,) = run.trained(study).probabilities([run.vocabulary.encode("Great cast, dull story")])
    said = ast.literal_eval(done.stdout)
    assert said == pytest.approx(dict(zip(run.data.classes.names, expected, strict=True)), abs=1e-5)


def test_where_tensorflow_cannot_make_the_tokens_a_saved_model_takes_ids_and_its_card_has_the_code(
    own_smoke_run: SmokeRun, tmp_path: Path
) -> None:
    run, study = a_run_with_evidence(own_smoke_run.folder, "not a great cast , a dull story", 2)
    words = replace(run, vocabulary=replace(run.vocabulary, tokenizer=Tokenizer("words")), _models={})
    run.folder.vocabulary.write_text(words.vocabulary.to_json())
    exported = export(words, study, "savedmodel", tmp_path)
    folder = Path(exported.path)
    assert exported.takes.startswith("token ids") and exported.parity <= 1e-6
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    text = "Great cast, dull story"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (expected,) = words.trained(study).probabilities([words.vocabulary.encode(text)])
    assert ast.literal_eval(done.stdout) == pytest.approx(dict(zip(run.data.classes.names, expected, strict=True)), abs=1e-5)


def test_the_card_repeats_the_runs_numbers_and_names_no_dataset_that_it_is_not(
    run: FinishedRun, study: Study, tmp_path: Path
) -> None:
    readme = (Path(export(run, study, "keras", tmp_path).path) / "README.md").read_text(encoding="utf-8")
    header = readme.split("---\n")[1]
    assert "pipeline_tag: text-classification" in header and "imdb" not in header  # generated reviews
    for score in run.trained(study).repeat.scores:
        assert f"value: {score.accuracy:.4f}" in header
        assert f"{score.accuracy:.4f} [{score.accuracy_low:.4f}, {score.accuracy_high:.4f}]" in readme
    assert run.data.fingerprint in readme and run.name in readme and MARK in readme
    assert "each class of a text: `negative`, `positive`. " in readme  # as code, where no name is HTML


def test_a_keras_export_is_the_checkpoint_byte_for_byte(run: FinishedRun, study: Study, tmp_path: Path) -> None:
    exported = Path(export(run, study, "keras", tmp_path).path)
    checkpoint = run.folder.checkpoint(study, run.trained(study).repeat.number)
    assert (exported / "model.keras").read_bytes() == checkpoint.read_bytes()


OWN = ("custom_gru", "transformer")  # architectures whose checkpoints have layers of this project
FRESH = """
import sys
import keras, numpy as np
for name in sys.argv[1:]:
    model = keras.saving.load_model(f"{name}/model.keras")
    with np.load(f"{name}/inputs.npz") as given:
        logits = model.predict_on_batch([given[key] for key in given] if len(given) > 1 else given["token_ids"])
    np.save(f"{name}/logits.npy", logits)
assert not {module.split(".")[0] for module in sys.modules} & {"models", "inference", "engine", "config"}
"""


def test_every_network_with_layers_of_this_project_is_exported_as_one_that_keras_opens_alone(tmp_path: Path) -> None:
    """All are opened in one fresh process in which this project is not to be found."""
    assert {name for name, each in ARCHITECTURES.items() if each.engine == "custom" or name == "transformer"} == {*OWN}
    every = [("custom_gru", "last", 0, 0, 1), ("custom_gru", "mean_max", 0, 3, 2), ("custom_gru", "attention", 97, 1, 1)]
    every += [("transformer", "mean", 0, 0, 1), ("transformer", "attention", 97, 3, 1)]
    expected = {}
    for number, about in enumerate(every):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = a_checkpoint(folder, *about)
        assert stock.own_layers(path)
        run, trained = a_trained(path, order=about[3], sources=about[4])
        reviews = reviews_of([*TEXTS, " ".join(f"word{i % 50}" for i in range(39))], trained)
        read = in_keras.write(run, trained, folder)
        assert stock.own_layers(folder / "model.keras") == []
        expected[number] = in_keras.probabilities(run, trained, [review.reading for review in reviews])
        np.testing.assert_allclose(read(reviews), expected[number], atol=1e-6)
        np.savez(folder / "inputs.npz", **inputs(reviews))  # type: ignore[arg-type]
    command = [sys.executable, "-I", "-c", FRESH, *map(str, expected)]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    for number, probabilities in expected.items():
        logits = np.load(tmp_path / str(number) / "logits.npy")
        np.testing.assert_allclose(class_probabilities(logits / trained.temperature), probabilities, atol=1e-6)


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_every_layer_from_scratch_has_its_form_of_keras_alone_and_in_two_directions(kind: str, tmp_path: Path) -> None:
    given = keras.Input((None, 5), name="given")
    states = keras.layers.Bidirectional(getattr(recurrent, f"Custom{kind}")(4, return_sequences=True))(given)
    network = keras.Model(given, getattr(recurrent, f"Custom{kind}")(3, go_backwards=True)(states))
    stock.save(network, tmp_path / "model.keras")
    assert stock.own_layers(tmp_path / "model.keras") == []
    model = keras.saving.load_model(tmp_path / "model.keras")
    sequences = np.random.default_rng(3).normal(size=(4, 7, 5)).astype("float32")
    np.testing.assert_allclose(model.predict_on_batch(sequences), network.predict_on_batch(sequences), atol=1e-6)
    assert [each.shape for each in model.weights] == [each.shape for each in network.weights]


def test_a_layer_of_this_project_that_keras_cannot_do_is_named(tmp_path: Path) -> None:
    given = keras.Input((None, 4))
    network = keras.Model(given, TunableDropoutLike(name="strange")(given))
    with pytest.raises(ExportError, match=r"^TunableDropoutLike: nothing of Keras's own does the same; --export onnx"):
        stock.save(network, tmp_path / "model.keras")


@keras.saving.register_keras_serializable(package="lengthwise")
class TunableDropoutLike(keras.layers.Layer):
    """A layer that nobody has written a form for."""

    def call(self, features: Any) -> Any:
        return features


def test_an_export_that_differs_is_refused_and_leaves_nothing(
    run: FinishedRun, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(exports._WRITERS, "keras", lambda *_: lambda reviews: np.full((len(reviews), 2), np.nan))
    with pytest.raises(ExportError, match=r"differ by nan from what Keras gives"):
        export(run, study, "keras", tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_a_mistake_of_the_numpy_engine_cannot_hide_in_an_export(
    run: FinishedRun, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ONNX graph is made from the engine's layers: compared with the engine, both would be wrong alike."""
    require("onnx")
    right = checkpoint.load

    def wrong(path: Path) -> network.NumpyNetwork:
        return replace(right(path), bias=right(path).bias + np.float32(0.5))

    monkeypatch.setattr(checkpoint, "load", wrong)
    mistaken = FinishedRun.open(run.folder.path)
    with pytest.raises(ExportError, match=r"as onnx its probabilities differ by .* from what Keras gives"):
        export(mistaken, study, "onnx", tmp_path)
    assert not list(tmp_path.iterdir())
    assert export(mistaken, study, "keras", tmp_path).parity <= 1e-6


def test_a_layer_without_an_onnx_rule_is_named(tmp_path: Path) -> None:
    require("onnx")

    class Strange:
        pass

    run, trained = a_trained(a_checkpoint(tmp_path, "gru", "mean", 0))
    trained = replace(trained, model=replace(trained.model, body=(Strange(),)))  # type: ignore[type-var, arg-type]
    with pytest.raises(ExportError, match="ONNX's graph of a layer of class Strange is not written"):
        onnx_graph.write(run, trained, tmp_path)
    recurrent = next(layer for layer in checkpoint.load(tmp_path / "network.keras").body if isinstance(layer, Recurrent))
    unknown = replace(recurrent, cell=type("StrangeCell", (GRUCell,), {}))
    trained = replace(trained, model=replace(trained.model, body=(unknown,)))  # type: ignore[type-var]
    with pytest.raises(ExportError, match="ONNX's graph of a recurrent layer of StrangeCell is not written; --export savedmodel"):
        onnx_graph.write(run, trained, tmp_path)
    by_keras = replace(trained, model=KerasNetwork(tmp_path / "network.keras"))
    with pytest.raises(ExportError, match="the NumPy engine, which does not reproduce this network; --export savedmodel"):
        onnx_graph.write(run, by_keras, tmp_path)


def test_every_file_with_layers_of_this_project_is_imported_before_a_checkpoint_is_read() -> None:
    files = [path for path in (ROOT / "models").glob("*.py") if "register_keras_serializable" in path.read_text()]
    assert sorted(f"models.{path.stem}" for path in files) == sorted(LAYERS)


def test_only_an_export_is_replaced(run: FinishedRun, study: Study, tmp_path: Path) -> None:
    first = Path(export(run, study, "keras", tmp_path).path)
    (first / "left over").touch()
    again = Path(export(run, study, "keras", tmp_path).path)
    assert again == first and not (first / "left over").exists()
    (first / "README.md").write_text("someone's notes", encoding="utf-8")
    with pytest.raises(ExportError, match="is no export of this program"):
        export(run, study, "keras", tmp_path)
    assert (first / "README.md").read_text(encoding="utf-8") == "someone's notes"


def test_what_cannot_be_exported_is_said_in_a_sentence(
    run: FinishedRun, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExportError, match=r"nb_linear/.*: a yardstick is no network"):
        export(run, study.yardsticks[1], "keras", tmp_path)
    with pytest.raises(ExportError, match="expected one of keras, savedmodel, onnx, litert, got 'pickle'"):
        export(run, study, "pickle", tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExportError, match="make run EXTRAS=onnx installs it"):
        export(run, study, "onnx", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_table_is_aligned_and_the_record_round_trips() -> None:
    rows = [Exported("keras", "gru/all", "out/keras/gru-all", 2_500_000, 1.5, 1e-7, "token ids")]
    head, line = table(rows).splitlines()
    assert head.index("MB") == line.index("2.50") and head.index("folder") == line.index("out/keras")
    assert Exported.from_json(rows[0].to_json()) == rows[0]
