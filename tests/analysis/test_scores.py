"""Laws of the metrics and of calibration: by hand, against scikit-learn, and on probabilities of known worth."""

import numpy as np
import pytest
from sklearn import metrics

from analysis.calibration import BINS, brier_score, expected_calibration_error, fit_temperature, foretold, reliability
from analysis.evaluation import accuracy, log_loss, macro_f1
from analysis.scores import score
from engine.arrays import class_probabilities, free_logits, log_odds, margins, predicted
from records.classes import SENTIMENT, Classes

NOBODY = np.zeros(8, bool)
STARS = Classes(("1", "2", "3", "5"), (1.0, 2.0, 3.0, 5.0))


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Logits `[reviews, 1]` of the probabilities of the second of two classes."""
    return free_logits(two(probabilities))


def two(probabilities: np.ndarray) -> np.ndarray:
    """The probabilities of both classes, from those of the second one."""
    return np.stack([1 - probabilities, probabilities], axis=-1)


def test_metrics_are_those_of_the_definitions() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 1])
    probabilities = np.array([0.9, 0.8, 0.3, 0.2, 0.6, 0.1, 0.4, 0.5])
    s = score("b", SENTIMENT, labels, logits_of(probabilities), NOBODY, None)
    assert s.confusion == ((3, 1), (1, 3))
    assert s.accuracy == s.macro_f1 == 0.75 and s.precision == s.recall == s.f1 == (0.75, 0.75)
    assert s.loss == pytest.approx(-np.mean(np.log([0.9, 0.8, 0.3, 0.8, 0.4, 0.9, 0.6, 0.5])))
    assert s.roc_auc == pytest.approx((13 / 16, 13 / 16)) and s.mean_roc_auc == pytest.approx(13 / 16)
    assert s.average_precision[1] == pytest.approx(metrics.average_precision_score(labels, probabilities))
    assert s.brier == pytest.approx(metrics.brier_score_loss(labels, probabilities))
    assert s.n_test == 8 and s.accuracy_low <= 0.75 <= s.accuracy_high
    assert s.accuracy_without_leaked == 0.75 and s.loss_at_temperature is s.temperature is None
    assert s.mean_absolute_error is s.within_one is None


def test_of_many_classes_metrics_are_scikit_learns(rng: np.random.Generator) -> None:
    labels, logits = rng.integers(0, 4, 300), rng.normal(size=(300, 3))
    s, p = score("b", STARS, labels, logits, np.zeros(300, bool), 2.0), class_probabilities(logits)
    said = p.argmax(axis=1)
    assert s.confusion == tuple(map(tuple, metrics.confusion_matrix(labels, said).tolist()))
    assert s.macro_f1 == pytest.approx(metrics.f1_score(labels, said, average="macro"))
    assert macro_f1(labels, p) == pytest.approx(s.macro_f1) and s.accuracy == metrics.accuracy_score(labels, said)
    assert s.loss == pytest.approx(metrics.log_loss(labels, p))
    assert s.mean_roc_auc == pytest.approx(metrics.roc_auc_score(labels, p, multi_class="ovr"))
    for label in range(4):
        assert s.average_precision[label] == pytest.approx(metrics.average_precision_score(labels == label, p[:, label]))
    values = np.array(STARS.values)
    assert s.mean_absolute_error == pytest.approx(metrics.mean_absolute_error(values[labels], values[said]))
    assert s.within_one == np.mean(np.abs(labels - said) <= 1)
    assert s.loss_at_temperature == pytest.approx(metrics.log_loss(labels, class_probabilities(logits / 2)))
    assert s.brier == pytest.approx(((p - np.eye(4)[labels]) ** 2).sum(axis=1).mean() / 2)


def test_macro_f1_is_scikit_learns_where_a_class_is_missing_too() -> None:
    labels, sure = np.array([0, 0, 1, 1]), np.array([[-9.0, -9, -9], [-9, -9, -9], [9, -9, -9], [9, -9, -9]])
    assert score("b", STARS, labels, sure, NOBODY[:4], None).macro_f1 == 1.0  # nobody is of the other two classes
    unsure = np.concatenate([sure[:3], [[-9.0, 9, -9]]])  # one is put into a class that nobody is of
    expected = metrics.f1_score(labels, [0, 0, 1, 2], average="macro", zero_division=0)
    assert score("b", STARS, labels, unsure, NOBODY[:4], None).macro_f1 == pytest.approx(expected) == pytest.approx(5 / 9)


def test_of_two_classes_the_logit_is_what_it_was(rng: np.random.Generator) -> None:
    """The probability of the second class is the logit's sigmoid, a tie is hers, and her margin and log-odds are the logit."""
    logits = rng.normal(size=(500, 1)) * 4
    p, z = class_probabilities(logits), logits[:, 0]
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-z)), rtol=1e-14)
    np.testing.assert_array_equal(predicted(p), z >= 0)
    assert predicted(class_probabilities(np.zeros((1, 1)))) == 1
    np.testing.assert_array_equal(margins(logits, 1), z)
    np.testing.assert_array_equal(margins(logits, 0), -z)
    np.testing.assert_allclose(log_odds(logits), np.abs(z), rtol=1e-12)
    np.testing.assert_allclose(free_logits(p), logits, rtol=1e-9)
    np.testing.assert_allclose(class_probabilities(np.array([[-1e4], [1e4]])), [[1, 0], [0, 1]])


def test_margins_of_all_classes_add_up_to_nothing_and_log_odds_are_those_of_the_likeliest(rng: np.random.Generator) -> None:
    logits = rng.normal(size=(50, 4))
    np.testing.assert_allclose(sum(margins(logits, label) for label in range(5)), 0, atol=1e-12)
    top = class_probabilities(logits).max(axis=1)
    np.testing.assert_allclose(log_odds(logits), np.log(top / (1 - top)), rtol=1e-9)


def test_reviews_that_stand_in_both_parts_can_be_left_out() -> None:
    labels, logits = np.array([1, 1, 0, 0]), logits_of(np.array([0.9, 0.2, 0.1, 0.2]))
    leaked = np.array([True, False, False, False])
    assert score("b", SENTIMENT, labels, logits, leaked, None).accuracy_without_leaked == 2 / 3
    assert score("b", SENTIMENT, labels, logits, np.ones(4, bool), None).accuracy_without_leaked == 0.75  # nothing would be left


def test_a_bucket_of_one_class_has_no_roc_auc() -> None:
    s = score("b", SENTIMENT, np.ones(5, int), logits_of(np.full(5, 0.7)), NOBODY[:5], 1.0)
    assert s.roc_auc == s.average_precision == (None, None) and s.mean_roc_auc is None


def test_the_calibration_error_is_that_of_the_definition() -> None:
    labels, probabilities = np.array([1, 1, 0, 1]), two(np.array([0.95, 0.95, 0.95, 0.4]))
    assert BINS == 15  # 0.95 falls in one bin, 0.6 (of the negative class) in another
    assert expected_calibration_error(labels, probabilities) == pytest.approx((3 * abs(0.95 - 2 / 3) + abs(0.6 - 0)) / 4)
    assert expected_calibration_error(np.array([1, 0]), two(np.array([1.0, 0.0]))) == 0.0


def test_honest_probabilities_have_little_error_and_temperature_one(rng: np.random.Generator) -> None:
    probabilities = rng.random(40_000)
    labels = (rng.random(40_000) < probabilities).astype(int)
    assert expected_calibration_error(labels, two(probabilities)) < 0.01
    assert fit_temperature(labels, logits_of(probabilities)) == pytest.approx(1.0, abs=0.05)
    for mean, share, count in reliability(*foretold(labels, two(probabilities))):
        assert mean == pytest.approx(share, abs=0.03) and count > 3_000


def test_honest_probabilities_of_many_classes_have_little_error_too(rng: np.random.Generator) -> None:
    logits = 2 * rng.normal(size=(40_000, 3))
    p = class_probabilities(logits)
    labels = (rng.random((40_000, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(max=3)
    assert expected_calibration_error(labels, p) < 0.02
    assert fit_temperature(labels, logits * 3) == pytest.approx(3.0, rel=0.05)
    for mean, share, count in reliability(*foretold(labels, p)):
        assert count < 500 or mean == pytest.approx(share, abs=0.04)
    assert log_loss(labels, p) < log_loss(labels, class_probabilities(logits * 3)) and accuracy(labels, p) > 0.5


def test_the_temperature_takes_back_what_made_probabilities_too_sure(rng: np.random.Generator) -> None:
    honest = rng.random(20_000)
    labels = (rng.random(20_000) < honest).astype(int)
    boasting = 3 * logits_of(honest)
    temperature = fit_temperature(labels, boasting)
    assert temperature == pytest.approx(3.0, rel=0.05)
    np.testing.assert_allclose(class_probabilities(boasting / temperature)[:, 1], honest, atol=0.02)
    s = score("b", SENTIMENT, labels, boasting, np.zeros(20_000, bool), temperature)
    assert s.calibration_error_at_temperature is not None and s.brier_at_temperature is not None
    assert s.calibration_error > 0.1 > 0.02 > s.calibration_error_at_temperature and s.brier > s.brier_at_temperature
    assert s.accuracy == score("b", SENTIMENT, labels, boasting / temperature, np.zeros(20_000, bool), None).accuracy


def test_the_surest_probabilities_are_no_infinity() -> None:
    assert np.isfinite(free_logits(two(np.array([0.0, 1.0])))).all()
    assert 0.05 <= fit_temperature(np.array([0, 1]), np.array([[-100.0], [100.0]], np.float32)) <= 20
    assert brier_score(np.array([1]), two(np.array([[1.0], [0.0]]))) == 0.5
