"""Laws of one study of a network: what its repeat keeps, how it is compared with the NumPy engine, and how it fails."""

from collections.abc import Callable
from dataclasses import fields, replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from config import PROFILES, Config, Space
from data.types import Dataset
from engine import checkpoint
from engine.network import NumpyNetwork
from experiment import network_study, workers
from experiment.context import StudyContext
from experiment.network import Examples, NonFiniteError, TrainableNetwork
from experiment.options import with_overrides
from experiment.schedule import Failed, Finished, Task
from experiment.study import open_study
from records.errors import CheckpointError
from records.study import ENGINE_TOLERANCE, Progress, Repeat, Setting, Study
from saver import RunFolder
from tests.made_up import a_result

STUDY = Study("gru", "151-end")
CONTENDERS = """compare.architectures=('gru', Contender('gru', 'Attentive', set={'model.pooling': 'attention',
    'training.epochs': 2, 'space.units': 8, 'vectors.frozen_epochs': 1}))"""


@pytest.fixture(scope="module")
def context(smoke_config: Config, demo_data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> StudyContext:
    config = with_overrides(smoke_config, ["space.learning_rate=0.01", "training.epochs=1", CONTENDERS])
    folder, seen = RunFolder(tmp_path_factory.mktemp("run")), list[Progress]()
    return StudyContext(config=config, folder=folder, dataset=demo_data, device="cpu", vectors={}, on_progress=seen.append)


@pytest.fixture(scope="module")
def setting(context: StudyContext) -> dict[str, float | int]:
    return open_study(STUDY, context).search(None).hyperparameters


NUMBERS = count()


@pytest.fixture
def again(context: StudyContext, setting: dict[str, float | int]) -> Callable[[], Repeat]:
    """Trains one more repeat."""
    return lambda: open_study(STUDY, context).repeat(setting, next(NUMBERS))


def test_a_setting_has_the_fields_of_the_space() -> None:
    assert [item.name for item in fields(Setting)] == [item.name for item in fields(Space)]


def test_a_repeat_that_is_finished_is_read_and_not_trained_again(
    again: Callable[[], Repeat], context: StudyContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = again()
    monkeypatch.delattr(TrainableNetwork, "fit")
    assert open_study(STUDY, context).repeat(first.hyperparameters, first.number) == first


def test_the_numpy_engine_is_compared_with_the_trained_network(again: Callable[[], Repeat]) -> None:
    repeat = again()
    assert repeat.engine_difference is not None and 0 < repeat.engine_difference < 1e-5
    assert repeat.is_read_by_engine and repeat.engine_refusal == ""


def test_a_checkpoint_that_the_engine_refuses_costs_the_study_nothing(
    again: Callable[[], Repeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> NumpyNetwork:
        raise CheckpointError("a layer of class LayerNormalization is not known")

    expected = again()
    monkeypatch.setattr(network_study, "load", refuse)
    repeat = again()
    assert repeat.scores and len(repeat.scores) == len(expected.scores)
    assert (repeat.engine_difference, repeat.engine_refusal) == (None, "a layer of class LayerNormalization is not known")
    assert not repeat.is_read_by_engine


@pytest.mark.parametrize("by", [0.01, np.nan])
def test_an_engine_that_answers_otherwise_is_seen(
    again: Callable[[], Repeat], by: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(path: Path) -> NumpyNetwork:
        network = checkpoint.load(path)
        return replace(network, bias=network.bias + np.float32(by))

    monkeypatch.setattr(network_study, "load", other)
    repeat = again()
    assert repeat.scores and not repeat.is_read_by_engine
    if np.isnan(by):
        assert repeat.engine_difference is None and "difference in probability became nan" in repeat.engine_refusal
    else:
        assert repeat.engine_difference and repeat.engine_difference > ENGINE_TOLERANCE


def test_probabilities_that_are_not_numbers_fail_the_repeat_by_name(
    again: Callable[[], Repeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word that is in no training and no validation review can do that, if only its vector has diverged."""
    monkeypatch.setattr(TrainableNetwork, "fit", lambda *_: ())
    monkeypatch.setattr(TrainableNetwork, "predict", lambda _, examples: np.full((len(examples.labels), 1), np.nan))
    with pytest.raises(NonFiniteError, match=r"the logit of a validation review in repeat \d+ became nan"):
        again()


def test_an_influence_that_is_not_finite_fails_the_repeat_by_name(
    again: Callable[[], Repeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainableNetwork, "influence", lambda _, examples, positions: [np.full(9, np.inf) for _ in positions])
    with pytest.raises(NonFiniteError, match=r"gradient of a verdict with respect to a word in repeat \d+ became inf"):
        again()


def test_a_record_that_cannot_be_written_fails_its_task_by_name(context: StudyContext, monkeypatch: pytest.MonkeyPatch) -> None:
    class Strange:
        def search(self, _: object) -> object:
            return replace(a_result("gru", "0-129", 0.9), padding_share=float("nan"))

    monkeypatch.setattr("experiment.study.open_study", lambda *_: Strange())
    outcome = workers._do(Task(STUDY), context)
    assert outcome == Failed("RecordError: StudyResult.padding_share is nan, which JSON does not know", "cpu")


def test_a_task_that_is_done_carries_its_record(context: StudyContext) -> None:
    outcome = workers._do(Task(Study("linear", "0-150")), context)
    assert isinstance(outcome, Finished) and outcome.record.hyperparameters == {"n": 2, "min_df": 2, "C": 10.0}


def test_what_a_gpu_has_trained_is_compared_on_the_processor_where_products_are_not_rounded(
    context: StudyContext, again: Callable[[], Repeat], monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_a_gpu_rounds(self: TrainableNetwork, examples: Examples) -> np.ndarray:
        return predict(self, examples) + np.float32(2e-3)

    predict = TrainableNetwork.predict
    monkeypatch.setattr(TrainableNetwork, "predict", as_a_gpu_rounds)
    assert not again().is_read_by_engine
    monkeypatch.setitem(vars(context), "device", "gpu 0 (made up)")  # the record is frozen
    monkeypatch.setattr(StudyContext, "engine", lambda self, architecture: "custom")
    repeat = again()
    assert repeat.is_read_by_engine and repeat.engine_difference and repeat.engine_difference < 1e-6


def test_a_contender_is_trained_with_its_own_settings(context: StudyContext) -> None:
    study = Study("attentive", "151-end")
    stages = open_study(study, context)
    result = stages.search(None)
    repeat = stages.repeat(result.hyperparameters, 0)
    plain = open_study(STUDY, context).search(None)
    assert (result.hyperparameters["units"], plain.hyperparameters["units"]) == (8, 16)
    assert "attention" in " ".join(layer.name for layer in result.layers) and repeat.epochs == 2
    assert "attention" not in " ".join(layer.name for layer in plain.layers)
    assert repeat.seed == study.seed(context.config.run.seed, "repeat", 0) != STUDY.seed(context.config.run.seed, "repeat", 0)


def test_a_control_is_trained_by_keras_with_the_seed_of_what_it_controls(demo_data: Dataset, tmp_path: Path) -> None:
    config = with_overrides(PROFILES["smoke"].config, ["training.epochs=1", "space.learning_rate=0.01"])
    for device in ("cpu", "gpu 0"):
        context = StudyContext(
            config=config, folder=RunFolder(tmp_path), dataset=demo_data, device=device, vectors={}, on_progress=print
        )
        engines = [context.engine(context.roster[id]) for id in ("custom_gru", "gru", "simple_rnn")]
        assert engines == ["custom", "keras", "custom" if device == "cpu" else "keras"]
    control, study = Study("gru", "151-end"), Study("custom_gru", "151-end")
    setting = open_study(study, context).search(None).hyperparameters
    repeat = open_study(control, context).repeat(setting, 0)
    assert repeat.seed == study.seed(config.run.seed, "repeat", 0)
