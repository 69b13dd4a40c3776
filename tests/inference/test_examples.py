"""Laws of what a report shows beyond scores: it is what was said of the test reviews, and one model's fault is its own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import plotter
from data.types import Dataset
from data_preprocessing import prepare
from engine.arrays import class_probabilities
from engine.network import NumpyNetwork
from inference import examples as gathered
from inference import probes
from inference.examples import Examples, gather, load_or_gather, stored
from inference.explain import explain
from inference.predictor import Predictor
from inference.probes import CAPABILITIES, measure
from inference.run import FinishedRun
from records.errors import CheckpointError, DivergedError, RunError
from records.study import YARDSTICKS, Study
from saver import RunFolder
from tests.conftest import SmokeRun

TEXT = "the script was dull and the music was not clever"


@pytest.fixture(scope="module")
def run(smoke_run: SmokeRun) -> FinishedRun:
    return FinishedRun.open(smoke_run.folder)


@pytest.fixture(scope="module")
def dataset(run: FinishedRun) -> Dataset:
    return prepare(run.config)


@pytest.fixture(scope="module")
def examples(run: FinishedRun) -> Examples:
    found = stored(RunFolder(run.folder.path))
    assert found is not None
    return found


def test_a_finished_run_has_its_examples_and_it_round_trips(run: FinishedRun, examples: Examples) -> None:
    assert Examples.from_json(examples.to_json()) == examples
    assert examples.probes == measure(run)[0] and examples.left_out == ()


def test_samples_are_test_reviews_of_both_classes_with_the_stored_verdict_of_every_architecture(
    run: FinishedRun, examples: Examples
) -> None:
    assert {(sample.bucket, sample.label) for sample in examples.samples} == {(b.name, y) for b in run.buckets for y in (0, 1)}
    for sample in examples.samples:
        assert [verdict.study.contender for verdict in sample.verdicts] == run.contenders
        for verdict in sample.verdicts:
            predicted = run.folder.load_predictions(verdict.study, 0)
            index = int(np.flatnonzero(predicted["rows"] == sample.row)[0])
            assert (predicted["logits"][index, 0] >= 0) == (verdict.label == 1)
            assert predicted["labels"][index] == sample.label
            if verdict.study.is_yardstick:
                said = class_probabilities(predicted["logits"][index])
                assert verdict.probabilities == pytest.approx(said, abs=1e-6)


def test_a_mistake_is_the_surest_wrong_verdict_of_the_chosen_network(run: FinishedRun, examples: Examples) -> None:
    for mistake in examples.mistakes:
        leader = run.leaders[mistake.bucket]
        assert mistake.explanation.study == leader
        assert mistake.said != mistake.label
        stored_ = run.folder.load_predictions(leader, 0)
        logits = stored_["logits"][:, 0]
        wrong = (logits >= 0) != stored_["labels"]
        surest = np.abs(logits[wrong]).max()
        assert abs(logits[stored_["rows"] == mistake.row][0]) == pytest.approx(surest)


def test_the_report_shows_probes_samples_and_mistakes(smoke_run: SmokeRun, examples: Examples) -> None:
    page = (smoke_run.folder / "report.html").read_text()
    assert all(part in page for part in ("Behavioural tests passed", "Sample predictions", "The most confident mistakes"))
    assert examples.samples[0].text[:40] in page


def test_examples_of_the_same_studies_is_not_gathered_again(run: FinishedRun, examples: Examples, demo_data) -> None:  # type: ignore[no-untyped-def]
    from inference import examples as room

    path = run.folder.final_stats("examples.json")
    before = path.stat().st_mtime_ns
    assert room.load_or_gather(run.folder, demo_data) == examples and path.stat().st_mtime_ns == before
    assert gather is room.gather


def test_a_run_is_put_to_a_behavioural_test_that_came_later(
    own_smoke_run: SmokeRun, dataset: Dataset, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = FinishedRun.open(own_smoke_run.folder).folder
    more = (*CAPABILITIES, replace(CAPABILITIES[0], name="a later one"))
    for room in (probes, gathered):
        monkeypatch.setattr(room, "CAPABILITIES", more)
    found = load_or_gather(folder, dataset)
    assert {each.capability for each in found.probes} - {each.capability for each in examples.probes} == {"a later one"}
    assert stored(folder) == found


# -- a model that cannot be asked --------------------------------------------------------------------------------------


def diverged(network: NumpyNetwork) -> NumpyNetwork:
    """The same network after a step of training that was far too long: its sums overflow."""
    return replace(network, kernel=np.full_like(network.kernel, np.inf), embedding=network.embedding * np.float32(1e30))


def with_diverged_leader(run: FinishedRun) -> Study:
    """Replaces the model that answers for the shortest reviews; its stored test results stay as they are."""
    study = run.leaders[run.buckets[0].name]
    trained = run.trained(study)
    assert isinstance(trained.model, NumpyNetwork)
    run._models[study] = replace(trained, model=diverged(trained.model))
    return study


def test_a_network_that_diverged_is_named_and_everything_else_is_gathered(
    own_smoke_run: SmokeRun, dataset: Dataset, examples: Examples
) -> None:
    run = FinishedRun.open(own_smoke_run.folder)
    study = with_diverged_leader(run)
    found = gather(run, dataset)
    assert Examples.from_json(found.to_json()) == found
    assert [sentence for sentence in found.left_out if f"{study.id} gives numbers that are not finite" in sentence] == [
        *found.left_out
    ]
    assert {rate.contender for rate in found.probes} == {*run.contenders} - {study.contender}
    assert found.samples == examples.samples  # what it said of the test reviews is as it was
    assert [each.bucket for each in found.faithfulness] == [bucket.name for bucket in run.buckets[1:]]
    assert {mistake.bucket for mistake in found.mistakes} == {each.bucket for each in examples.mistakes} - {run.buckets[0].name}
    with pytest.raises(DivergedError, match="because its training diverged"):
        Predictor(run, study.id)(TEXT)


def test_stored_predictions_that_are_not_finite_are_named_too(own_smoke_run: SmokeRun, dataset: Dataset) -> None:
    run = FinishedRun.open(own_smoke_run.folder)
    study = run.leaders[run.buckets[0].name]
    predicted = run.folder.load_predictions(study, 0)
    predicted["logits"] = np.full_like(predicted["logits"], np.nan)
    run.folder.save_repeat(study, run.results[study].repeats[0], predicted)
    found = gather(run, dataset)
    assert len(found.left_out) == 1 and f"{study.id}: what it said of the test reviews is not finite" in found.left_out[0]
    said = {verdict.study for sample in found.samples for verdict in sample.verdicts}
    assert study not in said and len(said) == len(run.results) - 1


def test_a_report_says_what_is_left_out_and_has_the_rest(own_smoke_run: SmokeRun, dataset: Dataset) -> None:
    folder = RunFolder(own_smoke_run.folder)
    before = stored(folder)
    assert before is not None
    run = FinishedRun.open(folder.path)
    with_diverged_leader(run)
    folder.final_stats("examples.json").write_text(gather(run, dataset).to_json())
    plotter.write_report(folder)
    page = folder.report.read_text()
    assert "gives numbers that are not finite" in page and "Sample predictions" in page and "Behavioural tests passed" in page
    assert load_or_gather(folder, dataset) == before  # what was left out is tried again: the checkpoints are whole


# -- a network that the NumPy engine does not reproduce ----------------------------------------------------------------


@pytest.fixture
def unreproduced(own_smoke_run: SmokeRun) -> Study:
    """The network that is chosen for the shortest reviews; its record says that the engine's answers are another network's."""
    run = FinishedRun.open(own_smoke_run.folder)
    study = run.leaders[run.buckets[0].name]
    result = run.results[study]
    run.folder.save_result(replace(result, repeats=tuple(replace(each, engine_difference=0.2) for each in result.repeats)))
    return study


def test_the_engine_is_not_asked_for_a_network_that_it_does_not_reproduce(
    own_smoke_run: SmokeRun, unreproduced: Study, dataset: Dataset
) -> None:
    folder = RunFolder(own_smoke_run.folder)
    run = FinishedRun.open(folder.path)
    sentence = f"{unreproduced.id} is not read by the NumPy engine: its probabilities differ by up to 0.2"
    with pytest.raises(RunError, match=sentence):
        run.by_engine(unreproduced)
    found = load_or_gather(folder, dataset)
    assert len(found.left_out) == 1 and sentence in found.left_out[0]
    assert unreproduced.contender not in {rate.contender for rate in found.probes}
    assert unreproduced not in {verdict.study for sample in found.samples for verdict in sample.verdicts}
    assert unreproduced not in {each.study for each in found.faithfulness}
    assert {each.study for each in found.faithfulness} == {*run.leaders.values()} - {unreproduced}
    plotter.write_report(folder)
    assert sentence in folder.report.read_text()


def test_keras_answers_for_it_and_explains_by_occlusion(own_smoke_run: SmokeRun, run: FinishedRun, unreproduced: Study) -> None:
    asked, whole = Predictor.load(own_smoke_run.folder), Predictor(run)
    assert asked.note is not None and asked.note.endswith("; Keras reads it instead") and whole.note is None
    texts = [TEXT, "the script was superb", f"{TEXT} {'superb ' * 90}", *["my neighbour was charming"] * 40]
    for one, other in zip(asked(texts), whole(texts), strict=True):
        assert one.study == other.study and one.probability == pytest.approx(other.probability, abs=1e-5)
    encoded = run.encode(TEXT)
    by_keras, by_engine = (explain(each.run.trained(unreproduced), encoded) for each in (asked, whole))
    assert by_keras.gradients is by_keras.base_margin is by_keras.completeness_gap is None
    assert by_keras.shares == by_keras.occlusion
    np.testing.assert_allclose(by_keras.occlusion, by_engine.occlusion, atol=1e-4)
    assert {curve.method for curve in by_keras.deletion} == {"occlusion", "random"}


def test_without_keras_the_sentence_says_so(
    own_smoke_run: SmokeRun, unreproduced: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_installed(path: Path) -> None:
        raise ImportError("no module", name="keras")

    monkeypatch.setattr("inference.export.network.read", not_installed)
    predictor = Predictor.load(own_smoke_run.folder)
    with pytest.raises(CheckpointError, match=f"{unreproduced.id} is not read by the NumPy engine.* keras is not installed"):
        predictor(TEXT)
    assert Predictor.load(own_smoke_run.folder, YARDSTICKS[0])(TEXT).probability > 0
