"""Laws of the importance of hyperparameters: what decides is found, what does not is not, and few trials say nothing."""

from dataclasses import replace

import numpy as np

from analysis.importance import FEWEST_TRIALS, importances
from records.study import StudyResult, Trial
from tests.made_up import a_result


def searched(architecture: str, n: int, seed: int, level: float) -> StudyResult:
    """A study whose scores depend on the learning rate, hardly on the dropout, not at all on the units."""
    rng = np.random.default_rng(seed)
    trials = []
    for number in range(n):
        rate, dropout = float(rng.uniform(0, 1)), float(rng.uniform(0, 1))
        setting: dict[str, float | int] = {
            "units": int(rng.choice([16, 32])), "learning_rate": rate, "dropout": dropout, "batch_size": 32,
        }  # fmt: skip
        trials.append(Trial(number, setting, "completed", level + rate + 0.05 * dropout, 1, 1.0, 1, "", ()))
    return replace(a_result(architecture, "0-129", 0.8), trials=tuple(trials))


def test_what_decides_is_found_across_studies_of_different_levels() -> None:
    found = importances([searched("gru", 25, 1, 0.0), searched("lstm", 25, 2, 50.0)])
    assert found[0].name == "learning_rate" and {i.name for i in found} == {"learning_rate", "dropout", "units"}
    by_name = {i.name: i for i in found}
    assert by_name["learning_rate"].mean > 1.0 > 0.1 > abs(by_name["units"].mean)
    assert all(i.trials == 50 and i.deviation >= 0 for i in found)


def test_scores_that_no_setting_foretells_say_nothing() -> None:
    rng, noisy = np.random.default_rng(5), searched("gru", 50, 1, 0.0)
    assert importances([noisy])
    trials = tuple(replace(trial, score=float(rng.normal())) for trial in noisy.trials)
    assert importances([replace(noisy, trials=trials)]) == ()


def test_few_trials_say_nothing() -> None:
    assert importances([searched("gru", FEWEST_TRIALS - 1, 1, 0.0)]) == ()
