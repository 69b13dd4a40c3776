"""One Keras Tuner search per study. Everything that touches Keras Tuner, and all the care it needs, is in this file.

Keras Tuner 1.4.8 is frozen upstream; what this wrapper does about it:

* Its files are not written atomically, a Bayesian oracle does not save its random state, and an edited space is ignored
  on resume. So its files are never read back: every search starts its oracle anew from the seed, and trials that
  finished before an interruption answer from their own records (written atomically by the caller) without training.
  The oracle sees the same scores in the same order and proposes the same settings.
* Seeds of 0 mean "random", so seeds are positive. Each trial seeds itself.
* Failed trials can be returned as "best", NaN loses its message and infinity counts as a score: a training that is not
  finite is reported as failed with its reason, and the best trial is chosen here, among completed ones.
* TensorBoard is imported by its own `run_trial`; ours never calls that.
"""

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner import errors
from keras_tuner.engine import base_tuner
from keras_tuner.engine import trial as kt_trial
from keras_tuner.oracles import BayesianOptimizationOracle, HyperbandOracle, RandomSearchOracle
from keras_tuner.src import config as keras_tuner_config

from analysis.search_size import HYPERBAND_FACTOR, choices
from config import Choice, LogRange, Range, Search, Space, Tunable
from records.study import Epoch, Seconds, Setting, Trial

RISING = ("val_accuracy", "val_macro_f1")  # objectives that are the better the higher
PRUNING_STARTS_AFTER = 3  # completed trials
# (setting, number of the trial, epochs, number of the trial whose weights to start from) -> its record
RunTrial = Callable[[Setting, int, int, int | None], Trial]


class SearchError(RuntimeError):
    """No trial of a search completed; the message carries the last failure."""


def search(space: Space, settings: Search, *, seed: int, folder: Path, run_trial: RunTrial) -> tuple[Trial, ...]:
    """Propose settings, run each as a trial, and return all trials in the order proposed.

    Args:
        space: the ranges; plain numbers are passed to every trial unchanged.
        settings: oracle, number of trials, epochs, objective, and settings to begin with (not with hyperband).
        seed: positive; the same seed and scores give the same proposals.
        folder: for Keras Tuner's own files, emptied first.
        run_trial: trains one setting, or answers from its record; called with (setting, number, epochs, parent).

    Raises:
        SearchError: no trial completed, or Keras Tuner gave up after three failures in a row.
        Exception: what `run_trial` raises ends the search.
    """
    oracle = _oracle(_hyperparameters(space), settings, seed)
    if settings.first:
        _begin_with([_of_ranges(space, setting) for setting in settings.first], oracle)
    tuner = _StudyTuner(
        space, settings, run_trial, oracle=oracle, directory=str(folder), project_name="keras_tuner", overwrite=True
    )
    keras_tuner_config.DEBUG = False  # it would print the traceback of every failed trial, which has its record
    trials = tuner.trials
    try:
        tuner.search(verbose=0)
    except errors.FatalError as error:
        raise error.__cause__ or error from None
    except RuntimeError as error:
        if not trials or any(trial.status == "completed" for trial in trials[-3:]):
            raise
        raise SearchError(f"the search gave up: three trials in a row failed, the last with: {trials[-1].message}") from error
    best(trials, settings.objective)
    return tuple(trials)


def best(trials: list[Trial] | tuple[Trial, ...], objective: str) -> Trial:
    """The completed trial with the best score; the earlier one of equals.

    Raises:
        SearchError: no trial completed.
    """
    completed = [trial for trial in trials if trial.status == "completed" and trial.score is not None]
    if not completed:
        raise SearchError(f"no trial completed; the last one failed with: {trials[-1].message if trials else 'none was run'}")
    sign = -1 if objective in RISING else 1
    return min(completed, key=lambda trial: sign * (trial.score if trial.score is not None else math.inf))


def is_unpromising(history: Sequence[Epoch], others: Iterable[Trial], objective: str) -> bool:
    """The median rule: whether a trial's best score so far is worse than the median of the others' at the same epoch.

    Golovin et al. (2017), Google Vizier, KDD, section 3.2.2. Nothing is pruned in the first epoch, or before
    `PRUNING_STARTS_AFTER` trials have got this far. It looks at validation scores only.

    Args:
        history: of the trial so far, at least one epoch.
        others: trials that ended before.
        objective: `val_loss`, `val_accuracy` or `val_macro_f1`.
    """
    sign = -1 if objective in RISING else 1

    def best_until(epochs: Sequence[Epoch]) -> float:
        return min(sign * getattr(epoch, objective) for epoch in epochs[: len(history)])

    reached = [best_until(trial.history) for trial in others if trial.status == "completed" and trial.history]
    return len(history) > 1 and len(reached) >= PRUNING_STARTS_AFTER and best_until(history) > statistics.median(reached)


class _StudyTuner(base_tuner.BaseTuner):
    """Keras Tuner's loop around our own trials."""

    def __init__(self, space: Space, settings: Search, run_trial: RunTrial, **kwargs: Any) -> None:
        self.trials: list[Trial] = []
        self._space, self._settings, self._run = space, settings, run_trial
        super().__init__(hypermodel=None, **kwargs)

    def run_trial(self, trial: kt_trial.Trial, *args: Any, **kwargs: Any) -> dict[str, float]:
        try:
            record = self._record(trial.hyperparameters.values)
        except Exception as error:  # anything else would count as an invalid trial and be lost in a message
            raise errors.FatalError("the trial's own code failed") from error
        self.trials.append(record)
        if record.status == "failed" or record.score is None:
            raise errors.FailedTrialError(record.message)
        return {self._settings.objective: record.score}

    def load_model(self, trial: kt_trial.Trial) -> None:
        raise NotImplementedError("trials keep records, not models")

    def _record(self, values: dict[str, Any]) -> Trial:
        """The record of the trial that the oracle proposes; a setting that it proposes again is not trained again."""
        setting = _setting(self._space, values)
        number, is_hyperband = len(self.trials), "tuner/epochs" in values
        same = next((t for t in self.trials if t.hyperparameters == setting.hyperparameters and t.status != "failed"), None)
        if same is not None and not is_hyperband:  # Hyperband trains a setting on, and for longer, on purpose
            message = f"the same setting as trial {same.number + 1}"
            return dataclasses.replace(same, number=number, seconds=0.0, message=message, spent=Seconds())
        epochs = values["tuner/epochs"] - values["tuner/initial_epoch"] if is_hyperband else self._settings.epochs
        parent = values.get("tuner/trial_id")
        return self._run(setting, number, epochs, int(parent) if parent else None)


def _setting(space: Space, values: dict[str, Any]) -> Setting:
    """The space's plain numbers as they are, and the oracle's values of its ranges."""
    ranges = {item.name: getattr(space, item.name) for item in dataclasses.fields(space)}
    return Setting.of({name: _tidy(values[name]) if _is_range(of) else of for name, of in ranges.items()})


def _is_range(tunable: Tunable) -> bool:
    return not isinstance(tunable, int | float)


def _of_ranges(space: Space, setting: Mapping[str, float | int]) -> dict[str, float | int]:
    """The values of a setting that the space leaves open, each as the oracle knows it."""
    found: dict[str, float | int] = {}
    for name, value in setting.items():
        if _is_range(of := getattr(space, name)):
            number = float(value) if name in Setting.real() else int(value)
            listed = _listed(name, of)
            found[name] = min(listed, key=lambda each: abs(each - number)) if listed else number  # 0.3 of 0.1 + 0.1 + 0.1
    return found


def _begin_with(first: Sequence[dict[str, float | int]], oracle: keras_tuner.Oracle) -> None:
    """Have an oracle propose these first; what one of them leaves open is what the oracle would have proposed.

    The oracle draws for these trials too, so that its random numbers are those of a search that begins with nothing.
    """
    propose = oracle.populate_space

    def populate_space(trial_id: str) -> dict[str, Any]:
        number, proposal = len(oracle.trials), propose(trial_id)
        if number < len(first) and proposal["values"] is not None:
            proposal["values"] = proposal["values"] | first[number]
        return proposal

    oracle.populate_space = populate_space


def _tidy(value: float | int) -> float | int:
    """0.3 for the 0.30000000000000004 that steps add up to."""
    return value if isinstance(value, int) else float(f"{value:.12g}")


def _hyperparameters(space: Space) -> keras_tuner.HyperParameters:
    hp = keras_tuner.HyperParameters()
    for name in (item.name for item in dataclasses.fields(space) if _is_range(getattr(space, item.name))):
        of = getattr(space, name)
        if listed := _listed(name, of):
            hp.Choice(name, listed)
        elif isinstance(of, LogRange):
            hp.Float(name, of.low, of.high, sampling="log")
        else:
            hp.Int(name, of.low, of.high, step=of.step)
    return hp


def _listed(name: str, of: Choice | Range | LogRange) -> list[int] | list[float]:
    """The values that Keras Tuner is given one by one; none of a range of integers, or without steps.

    Its `Choice` refuses integers among real numbers, and its `Float` never draws the highest of some ranges with steps: of 0 to
    0.5 by 0.1 it makes five values. It draws the same ones from a list, with the same random numbers.
    """
    match of:
        case Choice(values=values):
            return [float(value) for value in values] if name in Setting.real() else [int(value) for value in values]
        case Range(low=low, step=step) if name in Setting.real():
            return [float(low + number * step) for number in range(int(choices(of)))]
    return []


def _oracle(hp: keras_tuner.HyperParameters, settings: Search, seed: int) -> keras_tuner.Oracle:
    direction = "max" if settings.objective in RISING else "min"
    common = {
        "objective": keras_tuner.Objective(settings.objective, direction),
        "hyperparameters": hp,
        "allow_new_entries": False,
        "tune_new_entries": False,
        "seed": seed,
    }
    if settings.tuner == "hyperband":
        return HyperbandOracle(max_epochs=settings.epochs, factor=HYPERBAND_FACTOR, **common)
    oracle = BayesianOptimizationOracle if settings.tuner == "bayesian" else RandomSearchOracle
    return oracle(max_trials=settings.max_trials, **common)
