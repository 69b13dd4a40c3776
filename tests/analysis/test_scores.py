"""Laws of the metrics and of calibration: by hand, against scikit-learn, and on probabilities of known worth."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from analysis.calibration import BINS, brier_score, expected_calibration_error, fit_temperature, reliability, with_temperature
from analysis.scores import score

NOBODY = np.zeros(8, bool)


def test_metrics_are_those_of_the_definitions() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 1])
    probabilities = np.array([0.9, 0.8, 0.3, 0.2, 0.6, 0.1, 0.4, 0.5])
    s = score("b", labels, probabilities, NOBODY, None)
    assert (s.true_negative, s.false_positive, s.false_negative, s.true_positive) == (3, 1, 1, 3)
    assert (s.accuracy, s.precision, s.recall, s.f1) == (0.75, 0.75, 0.75, 0.75)
    assert s.loss == pytest.approx(-np.mean(np.log([0.9, 0.8, 0.3, 0.8, 0.4, 0.9, 0.6, 0.5])))
    assert s.roc_auc == pytest.approx(13 / 16)
    assert s.brier == pytest.approx(brier_score_loss(labels, probabilities))
    assert s.n_test == 8 and s.accuracy_low <= 0.75 <= s.accuracy_high
    assert s.accuracy_without_leaked == 0.75 and s.loss_at_temperature is s.temperature is None


def test_reviews_that_stand_in_both_parts_can_be_left_out() -> None:
    labels, probabilities = np.array([1, 1, 0, 0]), np.array([0.9, 0.2, 0.1, 0.2])
    assert score("b", labels, probabilities, np.array([True, False, False, False]), None).accuracy_without_leaked == 2 / 3
    assert score("b", labels, probabilities, np.ones(4, bool), None).accuracy_without_leaked == 0.75  # nothing would be left


def test_a_bucket_of_one_class_has_no_roc_auc() -> None:
    assert score("b", np.ones(5, int), np.full(5, 0.7), NOBODY[:5], 1.0).roc_auc is None


def test_the_calibration_error_is_that_of_the_definition() -> None:
    labels, probabilities = np.array([1, 1, 0, 1]), np.array([0.95, 0.95, 0.95, 0.4])
    assert BINS == 15  # 0.95 falls in one bin, 0.6 (of the negative class) in another
    assert expected_calibration_error(labels, probabilities) == pytest.approx((3 * abs(0.95 - 2 / 3) + abs(0.6 - 0)) / 4)
    assert expected_calibration_error(np.array([1, 0]), np.array([1.0, 0.0])) == 0.0


def test_honest_probabilities_have_little_error_and_temperature_one(rng: np.random.Generator) -> None:
    probabilities = rng.random(40_000)
    labels = (rng.random(40_000) < probabilities).astype(int)
    assert expected_calibration_error(labels, probabilities) < 0.01
    assert fit_temperature(labels, probabilities) == pytest.approx(1.0, abs=0.05)
    for mean, share, count in reliability(labels, probabilities):
        assert mean == pytest.approx(share, abs=0.03) and count > 3_000


def test_the_temperature_takes_back_what_made_probabilities_too_sure(rng: np.random.Generator) -> None:
    honest = rng.random(20_000)
    labels = (rng.random(20_000) < honest).astype(int)
    boasting = with_temperature(honest, 1 / 3)
    temperature = fit_temperature(labels, boasting)
    assert temperature == pytest.approx(3.0, rel=0.05)
    np.testing.assert_allclose(with_temperature(boasting, temperature), honest, atol=0.02)
    s = score("b", labels, boasting, np.zeros(20_000, bool), temperature)
    assert s.calibration_error_at_temperature is not None and s.brier_at_temperature is not None
    assert s.calibration_error > 0.1 > 0.02 > s.calibration_error_at_temperature and s.brier > s.brier_at_temperature
    assert s.accuracy == score("b", labels, with_temperature(boasting, temperature), np.zeros(20_000, bool), None).accuracy


def test_the_surest_probabilities_are_no_infinity() -> None:
    assert np.isfinite(with_temperature(np.array([0.0, 1.0], np.float32), 2.0)).all()
    assert 0.05 <= fit_temperature(np.array([0, 1]), np.array([0.0, 1.0], np.float32)) <= 20
    assert brier_score(np.array([1]), np.array([[1.0], [0.0]])) == 0.5
