"""Which hyperparameters decided the trials' scores."""

import statistics
from collections.abc import Iterable

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.model_selection import KFold

from findings import Importance
from results import Hyperparameters, StudyResult

FEWEST_TRIALS = 20  # fewer say nothing
_FOLDS, _SHUFFLES = 5, 20


def importances(results: Iterable[StudyResult]) -> tuple[Importance, ...]:
    """How much worse a forest predicts the scores of trials it has not seen when one hyperparameter's values are shuffled.

    Scores count from their own study's mean, so that easy buckets and good architectures do not pass for good settings.
    Breiman (2001), Random forests, Machine Learning; scikit-learn's forest and permutation importance, cross-validated.

    Returns:
        Every hyperparameter that varied, the most important first; nothing where there are too few completed trials.
    """
    completed = list[tuple[Hyperparameters, float]]()
    for result in results:
        scored = [(t.hyperparameters, t.score) for t in result.trials if t.status == "completed" and t.score is not None]
        completed += [(setting, score - statistics.mean(s for _, s in scored)) for setting, score in scored]
    if len(completed) < FEWEST_TRIALS:
        return ()
    names = [name for name in completed[0][0] if len({setting[name] for setting, _ in completed}) > 1]
    settings = np.array([[setting[name] for name in names] for setting, _ in completed])
    scores = np.array([score for _, score in completed])
    found = []
    for train, test in KFold(_FOLDS, shuffle=True, random_state=0).split(settings):
        forest = RandomForestRegressor(random_state=0, min_samples_leaf=2).fit(settings[train], scores[train])
        measured = permutation_importance(forest, settings[test], scores[test], n_repeats=_SHUFFLES, random_state=0)
        found.append(measured.importances_mean)
    means, errors = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(_FOLDS)
    order = np.argsort(-means)
    return tuple(Importance(names[i], float(means[i]), float(errors[i]), len(completed)) for i in order)
