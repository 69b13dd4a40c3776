"""Which hyperparameters decided the trials' scores."""

import statistics
from collections.abc import Iterable

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GroupKFold

from records.findings import Importance
from records.study import Hyperparameters, StudyResult

FEWEST_TRIALS = 20  # fewer say nothing
LEAST_EXPLAINED = 0.1  # of the variance of scores that it has not seen, by a forest worth asking
_FOLDS, _SHUFFLES = 5, 20


def importances(results: Iterable[StudyResult]) -> tuple[Importance, ...]:
    """How much worse a forest predicts the scores of trials it has not seen when one hyperparameter's values are shuffled.

    Scores count from their own study's mean, so that easy buckets and good architectures do not pass for good settings.
    Breiman (2001), Random forests, Machine Learning; scikit-learn's forest and permutation importance, cross-validated.

    Returns:
        Every hyperparameter that varied, the most important first; nothing where there are too few completed trials, or where the
        forest foretells hardly anything: then its importances are those of noise.
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
    found, explained = [], []
    groups = np.unique(settings, axis=0, return_inverse=True)[1].ravel()  # a setting tried twice is not seen and unseen
    if groups.max() + 1 < _FOLDS:
        return ()
    for train, test in GroupKFold(_FOLDS, shuffle=True, random_state=0).split(settings, groups=groups):
        forest = RandomForestRegressor(random_state=0, min_samples_leaf=2).fit(settings[train], scores[train])
        measured = permutation_importance(forest, settings[test], scores[test], n_repeats=_SHUFFLES, random_state=0)
        found.append(measured.importances_mean)
        explained.append(forest.score(settings[test], scores[test]))
    if np.mean(explained) < LEAST_EXPLAINED:
        return ()
    means, deviations = np.mean(found, axis=0), np.std(found, axis=0, ddof=1)
    order = np.argsort(-means)
    return tuple(Importance(names[i], float(means[i]), float(deviations[i]), len(completed)) for i in order)
