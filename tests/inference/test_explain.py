"""Laws of the explanations: shares add up, occlusion asks the model, the running verdict ends in the verdict."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.batches import truncated
from data.types import Sequences
from engine.arrays import class_probabilities, margins
from engine.layers import Mean
from engine.network import NumpyNetwork
from inference.explain import (
    COMPLETE,
    FRACTIONS,
    Asked,
    Shares,
    deletion_curves,
    explain,
    faithfulness,
    integrated_gradients,
    running_verdict,
)
from inference.predictor import Predictor
from inference.run import Encoded, FinishedRun, Trained
from records.errors import CheckpointError
from records.study import YARDSTICKS
from tests.conftest import SmokeRun
from tests.made_up_evidence import a_run_with_evidence, an_evidence

TEXT = "the script was dull . my neighbour lent me the disc last week . the music was not clever but the ending was superb ."


@pytest.fixture(scope="module")
def run(smoke_run: SmokeRun) -> FinishedRun:
    return FinishedRun.open(smoke_run.folder)


@pytest.fixture(scope="module")
def encoded(run: FinishedRun) -> Encoded:
    return run.encode(TEXT)


@pytest.fixture(params=["simple_rnn", "gru", "custom_gru", *YARDSTICKS])
def model(request: pytest.FixtureRequest, run: FinishedRun) -> Trained:
    study = run.of_contender(request.param, run.buckets[0].name)
    assert study is not None
    return run.trained(study)


def a_bag(vocab_size: int, rng: np.random.Generator) -> NumpyNetwork:
    """Without a recurrence: the logit is the mean of the words' parts, which are known."""
    embedding, kernel = rng.normal(size=(vocab_size, 4)), rng.normal(size=(4, 1))
    return NumpyNetwork(embedding.astype(np.float32), None, (Mean(),), kernel.astype(np.float32), np.zeros(1, np.float32))


def with_model(trained: Trained, model: NumpyNetwork) -> Trained:
    return replace(trained, model=model, vocab_size=len(model.embedding), evidence=None)


def test_integrated_gradients_add_up_to_the_logits_distance_or_say_by_how_much_they_do_not(
    run: FinishedRun, model: Trained, encoded: Encoded
) -> None:
    found = explain(model, encoded)
    assert found.gradients is not None and found.base_margin is not None and found.completeness_gap is not None
    whole = found.margin - found.base_margin
    assert found.completeness_gap == pytest.approx(abs(sum(found.gradients) - whole), abs=1e-6)
    if model.study.contender not in ("simple_rnn", "gru"):  # wild ones may need more steps than are taken
        assert found.completeness_gap <= COMPLETE + 1e-6


def test_of_a_bag_of_words_integrated_gradients_are_the_words_own_parts(
    run: FinishedRun, encoded: Encoded, rng: np.random.Generator
) -> None:
    trained = run.trained(run.leaders[run.buckets[0].name])
    bag = a_bag(run.data.vocabulary, rng)
    trained = with_model(trained, bag)
    row = trained.row(encoded.ids)
    shares, base = integrated_gradients(trained, row, 1)
    parts = (bag.embedding[row] @ bag.kernel)[:, 0] / len(row) / trained.temperature
    np.testing.assert_allclose(shares, parts, atol=1e-5)
    assert base == 0


def test_occlusion_is_the_fall_of_the_logit_when_the_word_is_left_out(run: FinishedRun, model: Trained, encoded: Encoded) -> None:
    found, row = explain(model, encoded), model.row(encoded.ids)
    assert found.occlusion[0] == 0
    for place in (1, 7, len(row) - 1):
        without = model.logits_of_rows([np.delete(row, place)])[0, 0]
        assert found.occlusion[place] == pytest.approx(found.margin - without, abs=1e-5)


def test_the_words_stand_beside_their_shares_and_the_last_of_the_running_verdict_is_the_verdict(
    run: FinishedRun, model: Trained, encoded: Encoded
) -> None:
    found = explain(model, encoded)
    assert found.words[1:] == encoded.words and len(found.words) == len(found.gradients or ()) == len(found.occlusion)
    assert found.running[-1][0] == len(encoded.words)
    assert found.running[-1][1][1] == pytest.approx(Predictor(run, model.study.id)(TEXT).probability, abs=1e-6)
    for count, probabilities in found.running[:: max(1, len(found.running) // 4)]:
        np.testing.assert_allclose(probabilities, model.probabilities([encoded.ids[: count + 1]])[0], atol=1e-6)


def test_the_running_verdict_of_a_one_directional_network_is_the_opinion_of_its_state(run: FinishedRun, encoded: Encoded) -> None:
    """The states of one reading of the whole text, pooled so far, give the same verdicts as the texts that end there."""
    study = run.of_contender("gru", run.buckets[0].name)
    assert study is not None
    model = run.trained(study)
    assert isinstance(model.model, NumpyNetwork)
    inputs = model.model.embed(model.readings([model.row(encoded.ids)]))
    so_far = np.maximum.accumulate(model.model.body[0](inputs.vectors, inputs.lengths)[:, 0])  # smoke pools by the maximum
    if model.evidence:
        beginnings = [encoded.ids[:count] for count in range(1, len(encoded.ids) + 1)]
        so_far = np.concatenate([so_far, [reading.sums for reading in model.readings(beginnings)]], axis=1)
    logits = (so_far @ model.model.kernel + model.model.bias)[:, 0] / model.temperature
    found = running_verdict(model, encoded.ids)
    expected = [1 / (1 + np.exp(-logits[count])) for count, _ in found]
    np.testing.assert_allclose([positive for _, (_, positive) in found], expected, atol=1e-5)


def test_a_long_text_is_occluded_span_by_span_and_read_in_points(run: FinishedRun) -> None:
    encoded = run.encode("the music was dull " * 2_000)
    linear = run.trained(run.choose(YARDSTICKS[0], run.bucket(encoded.ids))[0])
    found = explain(linear, encoded)
    assert len(found.occlusion) == 8_001 and len(found.running) == 200


def test_the_deletion_curve_of_the_right_order_falls_below_that_of_a_random_one_and_of_the_wrong_one_above(
    run: FinishedRun, encoded: Encoded, rng: np.random.Generator
) -> None:
    bag = a_bag(run.data.vocabulary, rng)
    trained = with_model(run.trained(run.leaders[run.buckets[0].name]), bag)
    row = trained.row(encoded.ids)
    right = (bag.embedding[row] @ bag.kernel)[:, 0]
    asked = Asked.of(trained.logits_of_rows([row])[0])
    shares = Shares(asked, gradients=right, base=0.0, occlusion=-right, attention=None)
    curves = {curve.method: curve for curve in deletion_curves([(trained, row, shares)])}
    assert curves["integrated gradients"].fractions == FRACTIONS
    assert curves["integrated gradients"].fall > curves["random"].fall > curves["occlusion"].fall
    starts = {round(curve.probabilities[0], 9) for curve in curves.values()}
    assert len(starts) == 1 and starts.pop() >= 0.5


def test_of_many_classes_the_predicted_one_is_accounted_for_or_the_one_that_was_asked_for(
    run: FinishedRun, encoded: Encoded, rng: np.random.Generator
) -> None:
    embedding, kernel = rng.normal(size=(run.data.vocabulary, 4)), rng.normal(size=(4, 3))
    bag = NumpyNetwork(embedding.astype(np.float32), None, (Mean(),), kernel.astype(np.float32), np.zeros(3, np.float32))
    model = with_model(run.trained(run.leaders[run.buckets[0].name]), bag)
    row = model.row(encoded.ids)
    logits = model.logits_of_rows([row])[0]
    said = int(class_probabilities(logits).argmax())
    assert explain(model, encoded).label == said
    for label in range(4):
        found = explain(model, encoded, label)
        assert found.margin == pytest.approx(margins(logits, label)) and found.gradients is not None
        assert sum(found.gradients) == pytest.approx(found.margin, abs=COMPLETE) and found.base_margin == 0
        parts = margins(bag.embedding[row] @ bag.kernel, label) / len(row) / model.temperature
        np.testing.assert_allclose(found.gradients, parts, atol=1e-5)
        without = margins(model.logits_of_rows([np.delete(row, 5)]), label)[0]
        assert found.occlusion[5] == pytest.approx(found.margin - without, abs=1e-5)
        np.testing.assert_allclose(found.probabilities, class_probabilities(logits), atol=1e-9)
        curves = {curve.method: curve for curve in found.deletion}
        assert curves["occlusion"].probabilities[0] == pytest.approx(found.probabilities[label], abs=1e-6)
        assert curves["integrated gradients"].fall > curves["random"].fall
    assert all(sum(each) == pytest.approx(1) and len(each) == 4 for _, each in explain(model, encoded).running)


def test_faithfulness_is_the_mean_over_reviews(run: FinishedRun, encoded: Encoded) -> None:
    model = run.trained(run.leaders[run.buckets[0].name])
    other = run.encode("my neighbour lent me the disc . the camera work was charming and the pacing was not lifeless")
    both = faithfulness(model, [encoded.ids, other.ids])
    alone = [faithfulness(model, [each.ids]) for each in (encoded, other)]
    for number, curve in enumerate(both[:2]):  # the random orders differ
        mean = np.mean([one[number].probabilities for one in alone], axis=0)
        np.testing.assert_allclose(curve.probabilities, mean, atol=1e-9)


# -- networks with evidence --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def informed(smoke_run: SmokeRun, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("informed") / "run"
    shutil.copytree(smoke_run.folder, folder, symlinks=True)
    run, study = a_run_with_evidence(folder, TEXT)
    return run.trained(study)


@pytest.mark.parametrize("max_length", [100, 9])
def test_with_evidence_shares_and_the_logit_of_no_meaning_add_up_to_the_logit(
    max_length: int, informed: Trained, encoded: Encoded
) -> None:
    model = replace(informed, max_length=max_length)
    found = explain(model, encoded)
    assert found.gradients is not None and found.base_margin is not None and found.completeness_gap is not None
    assert len(found.gradients) == len(encoded.ids) == len(found.words)  # cut words count for the sums too
    assert sum(found.gradients) == pytest.approx(found.margin - found.base_margin, abs=COMPLETE + 1e-6)
    assert abs(found.margin - found.base_margin) > 10 * COMPLETE and found.completeness_gap <= COMPLETE + 1e-6
    nothing = NumpyNetwork.embed(model.model, model.readings([encoded.ids]))  # type: ignore[arg-type]
    zeros = replace(nothing, vectors=0 * nothing.vectors, sums=0 * nothing.sums)
    assert found.base_margin == pytest.approx(model.model.read(zeros)[0, 0] / model.temperature, abs=1e-6)  # type: ignore[union-attr]


@pytest.mark.parametrize(("order", "sources"), [(1, 1), (2, 2), (3, 1), (3, 2)])
@pytest.mark.parametrize("truncate", ["head", "both"])
def test_an_ngrams_share_is_divided_equally_among_its_words(
    order: int, sources: int, truncate: str, informed: Trained, rng: np.random.Generator
) -> None:
    """Of a network that only adds up evidence, every n-gram's part is known."""
    width = order * sources
    kernel = rng.normal(size=(2 * width, 1)).astype(np.float32)
    adds_up = NumpyNetwork(np.zeros((50, 0), np.float32), None, (Mean(),), kernel, np.ones(1, np.float32), width)
    setting = informed.repeat.hyperparameters | {"evidence": order}
    model = replace(
        informed,
        repeat=replace(informed.repeat, hyperparameters=setting),
        model=adds_up,
        vocab_size=50,
        max_length=10,
        truncate=truncate,
        evidence=an_evidence(60, sources=sources),
    )
    row = np.array([1, *range(4, 14), *range(30, 36)], np.int32)
    assert model.evidence is not None
    evidence, _ = model.evidence.read(Sequences.from_lists([row]), order)
    assert evidence.any(axis=0).all()
    is_read = np.isin(np.arange(len(row)), truncated(np.arange(len(row)), 10, truncate))
    expected = np.zeros(len(row))
    for end in range(len(row)):
        for column in range(width):
            words = 1 + column % order  # words, pairs and triples of the first source, then of the second
            part = kernel[column, 0] * is_read[end] / 10 + kernel[width + column, 0] / np.sqrt(len(row))
            for word in range(end - words + 1, end + 1) if evidence[end, column] else ():
                expected[word] += evidence[end, column] * part / words
    shares, base = integrated_gradients(model, row, 1)
    np.testing.assert_allclose(shares, expected / model.temperature, atol=1e-5)
    assert base == pytest.approx(1 / model.temperature) and expected[0] == 0
    assert model.logits_of_rows([row])[0, 0] == pytest.approx(base + shares.sum(), abs=1e-5)


def test_with_evidence_occlusion_running_verdict_and_deletion_read_the_evidence_of_the_words_that_are_left(
    informed: Trained, encoded: Encoded
) -> None:
    model = replace(informed, max_length=9)
    found = explain(model, encoded)
    without = np.delete(encoded.ids, 3)  # not among the last nine: only its n-grams and those that its neighbours form count
    assert found.occlusion[3] == pytest.approx(found.margin - model.logits([without])[0, 0], abs=1e-5)
    assert found.occlusion[3] != 0
    assert found.running[-1] == (len(encoded.words), pytest.approx(found.probabilities, abs=1e-6))
    for count, probabilities in found.running[::5]:
        np.testing.assert_allclose(probabilities, model.probabilities([encoded.ids[: count + 1]])[0], atol=1e-6)
    assert [curve.method for curve in found.deletion] == ["integrated gradients", "occlusion", "random"]
    curves = {curve.method: curve.fall for curve in found.deletion}
    assert curves["occlusion"] > curves["random"] and curves["integrated gradients"] > curves["random"]


def test_a_missing_a_cut_and_a_changed_file_of_counts_are_one_sentence_each(smoke_run: SmokeRun, tmp_path: Path) -> None:
    shutil.copytree(smoke_run.folder, tmp_path / "run", symlinks=True)
    run, study = a_run_with_evidence(tmp_path / "run", TEXT)
    for path in (run.folder.evidence(study), *run.folder.ngrams.glob("*.npy")):
        content = path.read_bytes()
        for damaged in (None, b"", content[:70], content[: len(content) // 2], content[:-2]):
            path.unlink() if damaged is None else path.write_bytes(damaged)
            with pytest.raises(CheckpointError, match=r"^the counts of n-grams that .* reads, in .*, are missing or damaged"):
                FinishedRun.open(run.folder.path).trained(study)
        path.write_bytes(content)
    assert FinishedRun.open(run.folder.path).trained(study).evidence is not None


def test_counts_and_words_that_are_none_and_another_width_are_one_sentence_each(smoke_run: SmokeRun, tmp_path: Path) -> None:
    shutil.copytree(smoke_run.folder, tmp_path / "run", symlinks=True)
    run, study = a_run_with_evidence(tmp_path / "run", TEXT)
    counts, words = run.folder.evidence(study), run.folder.ngrams / "words.npy"
    for path, changed in (
        (counts, np.load(counts).astype(float)),
        (counts, np.load(counts)[:, :1]),
        (words, np.load(words)[::-1]),
        (words, np.load(words) - 9_999),
    ):
        before = path.read_bytes()
        np.save(path, changed)
        with pytest.raises(CheckpointError, match=r"^the counts of n-grams that .* reads, in .*, are missing or damaged"):
            FinishedRun.open(run.folder.path).trained(study)
        path.write_bytes(before)
    repeats = [replace(each, hyperparameters=each.hyperparameters | {"evidence": 2}) for each in run.results[study].repeats]
    run.folder.save_result(replace(run.results[study], repeats=tuple(repeats)))
    with pytest.raises(CheckpointError, match="they give 2 numbers a word, and the network reads 3"):
        FinishedRun.open(run.folder.path).trained(study)
