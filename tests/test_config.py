"""Laws of the configuration: importing never fails, every problem is reported at once, ranges mean what they say."""

import dataclasses

import pytest

import saver
from config import PROFILES, Choice, Config, LogRange, Range
from experiment.options import from_dict, validate, with_overrides
from models.registry import selectable
from records.errors import ConfigError


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_valid(profile: str) -> None:
    validate(PROFILES[profile].config, selectable())
    assert PROFILES[profile].note


def test_study_is_the_published_experiment_and_is_not_shrunk() -> None:
    study = PROFILES["study"].config
    assert study.compare.architectures == ("simple_rnn", "lstm", "gru", "custom_gru")
    assert study.compare.bucket_edges == (129, 175, 284, 597)
    assert (study.search.max_trials, study.search.epochs, study.training.epochs, study.training.repeats) == (
        10,
        15,
        50,
        3,
    )
    assert (study.model.pooling, study.space.batch_size, study.data.max_train_per_bucket) == ("last", 32, 0)
    for name in ("units", "embedding_dim", "dropout", "learning_rate"):
        assert isinstance(getattr(study.space, name), Choice | Range | LogRange)
    assert study.data.max_length >= 2494  # the longest IMDB training review


def test_all_problems_are_reported_together() -> None:
    wrong = with_overrides(
        Config(),
        [
            "search.max_trials=0",
            "data.validation_fraction=1.5",
            "compare.architectures=('gru','gruu')",
            "space.dropout=Range(0.5, 0.1, 0.1)",
            "run.seed=0",
            "compare.bucket_edges=(200, 100)",
        ],
    )
    with pytest.raises(ConfigError) as caught:
        validate(wrong, selectable())
    lines = str(caught.value).split("\n")
    assert len(lines) == 6
    assert "search.max_trials: expected a positive number, got 0" in lines
    assert any("no architecture is named 'gruu'; did you mean gru?" in line for line in lines)


def test_wrong_types_are_reported_with_what_was_expected() -> None:
    wrong = with_overrides(Config(), ["search.epochs=many", "search.tuner=grid", "data.drop_leaked=1", "training.repeats=1.5"])
    with pytest.raises(ConfigError) as caught:
        validate(wrong, selectable())
    message = str(caught.value)
    assert "search.epochs: expected an integer, got 'many'" in message
    assert "search.tuner: expected one of random, bayesian, hyperband, got 'grid'" in message
    assert "data.drop_leaked: expected True or False, got 1" in message
    assert "training.repeats: expected an integer, got 1.5" in message


def test_unknown_fields_name_the_closest() -> None:
    with pytest.raises(ConfigError, match=r"search.max_trial=3.*did you mean search.max_trials\?"):
        with_overrides(Config(), ["search.max_trial=3"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Choice(8, 16)", Choice(8, 16)),
        ("LogRange(1e-4, 1e-2)", LogRange(1e-4, 1e-2)),
        ("32", 32),
        ("Range(1, 5, 2)", Range(1, 5, 2)),
    ],
)
def test_ranges_are_written_as_in_the_file(text: str, value: object) -> None:
    assert with_overrides(Config(), [f"space.units={text}"]).space.units == value


@pytest.mark.parametrize("text", ["Choice()", "Choice('a')", "LogRange(0, 1)", "Range(1, 2)", "LogRange(1e-3, 1e-2)"])
def test_ranges_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="units"):
        validate(with_overrides(Config(), [f"space.units={text}"]), selectable())


@pytest.mark.parametrize("text", ["Choice(32, 50)", "Range(4, 10, 3)", "30"])
def test_units_that_an_architecture_cannot_have_are_refused(text: str) -> None:
    config = with_overrides(Config(), ["compare.architectures=('gru','transformer')", f"space.units={text}"])
    with pytest.raises(ConfigError, match="units: expected multiples of 4 for transformer"):
        validate(config, selectable())
    validate(with_overrides(config, ["compare.architectures=('gru',)"]), selectable())


def test_a_config_is_a_value() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().run.seed = 2  # type: ignore[misc]
    assert Config() == Config()


def test_numbers_that_are_not_finite_are_refused() -> None:
    wrong = with_overrides(
        Config(), ["space.learning_rate=1e400", "space.dropout=Choice(0.1, 1e999)", "training.clip_norm=1e400"]
    )
    with pytest.raises(ConfigError) as caught:
        validate(wrong, selectable())
    assert len(str(caught.value).split("\n")) >= 1 and "training.clip_norm: expected a number, got inf" in str(caught.value)
    with pytest.raises(ConfigError, match=r"space\.learning_rate: expected .*got inf"):
        validate(with_overrides(Config(), ["space.learning_rate=1e400"]), selectable())
    with pytest.raises(ConfigError, match=r"space\.dropout: expected numbers"):
        validate(with_overrides(Config(), ["space.dropout=Choice(0.1, 1e999)"]), selectable())


def test_a_stored_config_that_lacks_a_field_is_refused_and_not_filled_up() -> None:
    stored = saver.config_dict(PROFILES["quick"].config)
    assert from_dict(stored) == PROFILES["quick"].config
    del stored["data"]["max_length"]
    with pytest.raises(ConfigError, match=r"^data\.max_length is missing$"):
        from_dict(stored)
    with pytest.raises(ConfigError, match=r"compare\.architectures is missing"):
        from_dict({})
