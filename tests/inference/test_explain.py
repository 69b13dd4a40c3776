"""Laws of the explanations: shares add up, occlusion asks the model, the running verdict ends in the verdict."""

import numpy as np
import pytest

from engine.layers import Mean
from engine.network import NumpyNetwork
from inference.explain import COMPLETE, FRACTIONS, deletion_curves, explain, faithfulness, integrated_gradients, running_verdict
from inference.predictor import Predictor
from inference.run import Encoded, FinishedRun, Trained
from records.study import YARDSTICKS
from tests.conftest import SmokeRun

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
    from dataclasses import replace

    return replace(trained, model=model, vocab_size=len(model.embedding))


def test_integrated_gradients_add_up_to_the_logits_distance_or_say_by_how_much_they_do_not(
    run: FinishedRun, model: Trained, encoded: Encoded
) -> None:
    found = explain(model, encoded)
    assert found.gradients is not None and found.base_logit is not None and found.completeness_gap is not None
    whole = found.logit - found.base_logit
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
    shares, base = integrated_gradients(trained, row)
    parts = (bag.embedding[row] @ bag.kernel)[:, 0] / len(row) / trained.temperature
    np.testing.assert_allclose(shares, parts, atol=1e-5)
    assert base == 0


def test_occlusion_is_the_fall_of_the_logit_when_the_word_is_left_out(run: FinishedRun, model: Trained, encoded: Encoded) -> None:
    found, row = explain(model, encoded), model.row(encoded.ids)
    assert found.occlusion[0] == 0
    for place in (1, 7, len(row) - 1):
        without = model.logits_of_rows([np.delete(row, place)])[0]
        assert found.occlusion[place] == pytest.approx(found.logit - without, abs=1e-5)


def test_the_words_stand_beside_their_shares_and_the_last_of_the_running_verdict_is_the_verdict(
    run: FinishedRun, model: Trained, encoded: Encoded
) -> None:
    found = explain(model, encoded)
    assert found.words[1:] == encoded.words and len(found.words) == len(found.gradients or ()) == len(found.occlusion)
    assert found.running[-1][0] == len(encoded.words)
    assert found.running[-1][1] == pytest.approx(Predictor(run, model.study.id)(TEXT).probability, abs=1e-6)
    for count, probability in found.running[:: max(1, len(found.running) // 4)]:
        assert probability == pytest.approx(model.probabilities([encoded.ids[: count + 1]])[0], abs=1e-6)


def test_the_running_verdict_of_a_one_directional_network_is_the_opinion_of_its_state(run: FinishedRun, encoded: Encoded) -> None:
    """The states of one reading of the whole text, pooled so far, give the same verdicts as the texts that end there."""
    study = run.of_contender("gru", run.buckets[0].name)
    assert study is not None
    model = run.trained(study)
    assert isinstance(model.model, NumpyNetwork)
    vectors, lengths = model.model.embed([model.row(encoded.ids)])
    states = model.model.body[0](vectors, lengths)[:, 0]
    so_far = np.maximum.accumulate(states)  # smoke pools by the maximum
    logits = (so_far @ model.model.kernel + model.model.bias)[:, 0] / model.temperature
    found = running_verdict(model, encoded.ids)
    expected = [1 / (1 + np.exp(-logits[count])) for count, _ in found]
    np.testing.assert_allclose([probability for _, probability in found], expected, atol=1e-5)


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
    curves = {curve.method: curve for curve in deletion_curves([(trained, row, {"right": right, "wrong": -right})])}
    assert curves["right"].fractions == FRACTIONS
    assert curves["right"].fall > curves["random"].fall > curves["wrong"].fall
    starts = {round(curve.probabilities[0], 9) for curve in curves.values()}
    assert len(starts) == 1 and starts.pop() >= 0.5


def test_faithfulness_is_the_mean_over_reviews(run: FinishedRun, encoded: Encoded) -> None:
    model = run.trained(run.leaders[run.buckets[0].name])
    other = run.encode("my neighbour lent me the disc . the camera work was charming and the pacing was not lifeless")
    both = faithfulness(model, [encoded.ids, other.ids])
    alone = [faithfulness(model, [each.ids]) for each in (encoded, other)]
    for number, curve in enumerate(both[:2]):  # the random orders differ
        mean = np.mean([one[number].probabilities for one in alone], axis=0)
        np.testing.assert_allclose(curve.probabilities, mean, atol=1e-9)
