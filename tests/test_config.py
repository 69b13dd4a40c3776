"""Laws of the configuration: importing never fails, every problem is reported at once, ranges mean what they say."""

import dataclasses
import json
import re
from dataclasses import replace

import pytest

import saver
from config import PROFILES, Choice, Config, Contender, LogRange, Range, Search, Space
from data.buckets import IMDB_EDGES
from experiment.options import from_dict, validate, with_overrides
from models.registry import selectable
from records.errors import ConfigError
from records.study import Setting


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_valid(profile: str) -> None:
    validate(PROFILES[profile].config, selectable())
    assert PROFILES[profile].note


def test_study_is_the_published_experiment_and_is_not_shrunk() -> None:
    study = PROFILES["study"].config
    assert study.compare.architectures == ("simple_rnn", "lstm", "gru", "custom_gru")
    assert study.compare.bucket_edges == "auto" and study.data.source == "imdb" and IMDB_EDGES == (129, 175, 284, 597)
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


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (["data.folds=1"], "expected 0, or 2 to 20, got 1"),
        (["data.folds=5", "data.source=-"], "of standard input, which cannot be read once a fold"),
        (["data.folds=5", "data.time_column=day"], "beside data.time_column, whose test part is the latest"),
    ],
)
def test_what_cannot_be_cut_into_folds_is_refused(changes: list[str], problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        validate(with_overrides(Config(), changes), selectable())
    one_fold = with_overrides(Config(), ["data.folds=5", "data.fold=2", "data.source=-"])
    validate(one_fold, selectable())


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


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("units", "Range(8, 16, 2.5)"),
        ("units", "Range(8, 16, 3)"),
        ("evidence", "Range(0, 3, 0.5)"),
        ("evidence", "Range(0, 3, 2)"),
    ],
)
def test_steps_lead_from_low_to_high_by_numbers_that_the_field_can_have(field: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"^space.{field}: expected "):
        validate(with_overrides(Config(), [f"space.{field}={text}"]), selectable())
    validate(with_overrides(Config(), ["space.dropout=Range(0.1, 0.7, 0.2)", "space.evidence=Range(1, 3, 2)"]), selectable())


def test_pseudo_labels_are_for_networks_that_read_evidence() -> None:
    asked = with_overrides(Config(), ["model.pseudo_labels=true"])
    with pytest.raises(ConfigError, match=r"^model\.pseudo_labels: expected False where no network reads evidence"):
        validate(asked, selectable())
    validate(with_overrides(asked, ["space.evidence=Choice(0, 2)"]), selectable())
    one = "compare.architectures=('gru', Contender('gru', 'Told', set={'space.evidence': 1}))"
    validate(with_overrides(asked, [one]), selectable())


def test_a_window_of_near_words_has_a_bound() -> None:
    with pytest.raises(ConfigError, match=r"^vectors\.window: expected at most 100 words, got 100000$"):
        validate(with_overrides(Config(), ["vectors.window=100000"]), selectable())


REAL, WHOLE = ("dropout", "spatial_dropout", "adversarial", "learning_rate"), ("units", "embedding_dim", "evidence", "batch_size")


@pytest.mark.parametrize("text", ["Choice({}, 0.3)", "Choice(0.3, {})", "Range({}, 0.5, 0.1)", "Range({}.0, 0.5, 0.25)", "{}"])
@pytest.mark.parametrize("field", REAL)
def test_whole_numbers_stand_for_real_ones_where_the_field_is_real(field: str, text: str) -> None:
    of = text.format(0 if field != "learning_rate" else 1).replace("Range(1, 0.5", "Range(0.1, 0.5").replace("1.0, 0.5", "0.5, 1")
    validate(with_overrides(Config(), [f"space.{field}={of}"]), selectable())
    told = f"compare.architectures=(Contender('gru', 'Told', set={{'space.{field}': {of}}}),)"
    validate(with_overrides(Config(), [told]), selectable())


@pytest.mark.parametrize("text", ["Choice(2, 0.3)", "Choice(2, 3.0)", "2.0", "2.5", "Range(1, 3.0, 1)", "LogRange(1, 3)"])
@pytest.mark.parametrize("field", WHOLE)
def test_real_numbers_are_refused_where_the_field_is_whole(field: str, text: str) -> None:
    for assignment in (
        f"space.{field}={text}",
        f"compare.architectures=(Contender('gru', 'a', set={{'space.{field}': {text}}}),)",
    ):
        with pytest.raises(ConfigError, match=rf"space\.{field}: expected integers \(no decimal point, no LogRange\), got"):
            validate(with_overrides(Config(), [assignment]), selectable())


def test_every_hyperparameter_is_a_whole_or_a_real_number() -> None:
    assert {item.name for item in dataclasses.fields(Space)} == {*REAL, *WHOLE} and Setting.real() == {*REAL}


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (Choice(), "at least one value"),
        (Choice(0.3, 0.3), "different values"),
        (Choice(0, 0.0), "different values"),
        (Choice(0.1, True), "numbers"),
        (Choice(0.1, "a"), "numbers"),  # type: ignore[arg-type]
        (Choice((0.1, 0.2)), "numbers"),  # type: ignore[arg-type]
        (Choice(float("nan"), 0.1), "numbers"),
        (Choice(10**400, 1), "numbers"),
        (Range(0.1, float("inf"), 0.1), "numbers"),
        (Range("a", 0.5, 0.1), "numbers"),  # type: ignore[arg-type]
        (Range(0.1, 0.5, None), "numbers"),  # type: ignore[arg-type]
        (Range(0.5, 0.1, 0.1), "low < high and a positive step"),
        (Range(0.1, 0.5, -0.1), "low < high and a positive step"),
        (Range(0.1, 0.5, 0), "low < high and a positive step"),
        (Range(0.1, 0.5, 0.3), "steps that lead from low to high"),
        (Range(0.1, 0.5, 1e-9), "at most 100,000 steps from low to high"),
        (LogRange(1, 1e-2), "low < high, both above 0"),
        (LogRange(0, 0.1), "low < high, both above 0"),
        (LogRange("a", 0.1), "numbers"),  # type: ignore[arg-type]
        (Choice(-0.1, 0.3), "shares from 0 to below 1"),
        (Range(0.0, 1, 0.25), "shares from 0 to below 1"),
        (Range(-1, 0.5, 0.5), "shares from 0 to below 1"),
    ],
)
def test_a_range_that_means_nothing_is_refused_in_one_sentence(of: Choice | Range | LogRange, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(replace(Config(), space=Space(dropout=of)), selectable())
    assert str(caught.value) == f"space.dropout: expected {expected}, got {of!r}"


@pytest.mark.parametrize(
    "text", ["true", "nan", "inf", "-inf", "'0.3'", "None", "(0.1, 0.2)", "Choice(nan, 0.1)", "Range(0, 0.5)"]
)
def test_what_is_neither_a_number_nor_a_range_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match=r"space\.dropout") as caught:
        validate(with_overrides(Config(), [f"space.dropout={text}"]), selectable())
    assert len(str(caught.value).splitlines()) == 1


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
    stored = PROFILES["quick"].config.plain()
    assert from_dict(stored) == PROFILES["quick"].config
    del stored["data"]["max_length"]
    with pytest.raises(ConfigError, match=r"^data\.max_length is missing$"):
        from_dict(stored)
    with pytest.raises(ConfigError, match=r"compare\.architectures is missing"):
        from_dict({})


# -- contenders --------------------------------------------------------------------------------------------------------


def test_contenders_are_written_as_in_the_file_and_read_back_from_a_run() -> None:
    text = """("lstm", Contender("gru", "GRU, last state", set={"model.pooling": "last", "space.units": Choice(8, 16),
        "search.first": ({"units": 8},)}), Contender("bidirectional_gru", scope="all", parent="lstm"))"""
    config = with_overrides(PROFILES["quick"].config, [f"compare.architectures={text}", 'search.first=[{"units": 32}]'])
    own = {"model.pooling": "last", "space.units": Choice(8, 16), "search.first": ({"units": 8},)}
    assert config.compare.architectures == (
        "lstm",
        Contender("gru", "GRU, last state", set=own),
        Contender("bidirectional_gru", scope="all", parent="lstm"),
    )
    assert config.search.first == ({"units": 32},)
    validate(config, selectable())
    stored = json.loads(json.dumps(config.plain()))
    assert stored["compare"]["architectures"][1]["set"]["space.units"] == "Choice(8, 16)"
    assert from_dict(stored) == config
    names = {saver.run_name("p", each, "f", {}) for each in (config, PROFILES["quick"].config)}
    assert len(names) == 2
    del stored["compare"]["architectures"][1]["set"]
    with pytest.raises(ConfigError, match=r"^compare\.architectures: .* cannot be read"):
        from_dict(stored)


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        ("'gru', Contender('gru')", "has no settings and no title of its own; write 'gru' without Contender"),
        ("Contender('gruu', 'a')", "no architecture is named 'gruu'; did you mean gru?"),
        (
            "Contender('gru', 'a', set={'model.poolin': 'last'})",
            "model.poolin: there is no such field; did you mean model.pooling",
        ),
        ("Contender('gru', 'a', set={'run.seed': 3})", "run.seed is the same for all contenders"),
        ("Contender('gru', 'a', set={'data.max_length': 3})", "data.max_length is the same for all contenders"),
        ("Contender('gru', 'a', set={'search.objective': 'val_loss'})", "search.objective is the same for all contenders"),
        ("Contender('gru', 'a', set={'model.pooling': 3})", "a: model.pooling: expected one of last, mean, max"),
        ("Contender('attention_gru', 'a', set={'model.pooling': 'last'})", "attention_gru has a pooling of its own, attention"),
        ("Contender('gru', 'a', set={'space.units': -3})", "a: space.units: expected numbers above 0, got -3"),
        ("Contender('gru', 'a', set={'training.repeats': 0})", "a: training.repeats: expected a positive number, got 0"),
        (
            "Contender('transformer', 'a', set={'space.units': 6})",
            "a: space.units: expected multiples of 4 for transformer, got 6",
        ),
        ("Contender('gru', 'a', set=3)", "Contender('gru', 'a'): set: expected names with their values"),
        ("Contender('gru', 'a', scope='some')", "Contender('gru', 'a'): scope: expected one of nothing, bucket, all, both"),
        ("Contender('gru', 'a', sett=3)", "unexpected keyword argument 'sett'"),
        ("Contender('gru', '!!')", "!!: a title needs letters from a to z, or digits"),
        ("Contender('gru', '../..')", "../..: a title needs letters from a to z, or digits"),
        ("Contender('gru', 'Linear')", "its name in commands would be linear, which stands for something else"),
        ("Contender('gru', 'All')", "its name in commands would be all, which stands for something else"),
        ("Contender('gru', 'LSTM')", "its name in commands would be lstm, which stands for something else"),
        ("Contender('gru', 'One'), Contender('lstm', 'one!')", "two contenders are called one; give one another title"),
        ("'simple_rnn', Contender('gru', 'SimpleRNN')", "two contenders are called simplernn"),
        ("'gru', 'gru'", "two contenders are called gru"),
        ("Contender('gru', 'a', parent='lstmm'), 'lstm'", "parent: no other contender is called 'lstmm'; did you mean lstm?"),
        ("Contender('gru', 'a', parent='a'), 'lstm'", "parent: no other contender is called 'a'"),
        ("Contender('gru', 'a', parent='b'), Contender('lstm', 'b', parent='a')", "a: parent: 'b' is itself made from 'a'"),
        (
            "Contender('gru', 'a', parent='c'), Contender('gru', 'b', parent='a'), Contender('gru', 'c', parent='b')",
            "b: parent: 'a' is itself made from 'b'",
        ),
        (f"Contender('gru', '{101 * 'a'}')", "expected a title of at most 100 letters, got 101"),
        (
            "Contender('gru', 'a', set={'model.pseudo_labels': true, 'space.evidence': 0})",
            "a: model.pseudo_labels: expected False, since it reads no evidence",
        ),
        (
            "Contender('gru', 'a', set={'model.pseudo_labels': True, 'space.evidence': Choice()})",
            "a: space.evidence: expected at least one value, got Choice()",
        ),
        ("3", "expected a tuple of names and Contender(...)"),
    ],
)
def test_what_is_wrong_with_a_contender_is_one_sentence(listed: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(with_overrides(PROFILES["quick"].config, [f"compare.architectures=({listed},)"]), selectable())
    (line,) = [line for line in str(caught.value).split("\n") if problem in line]
    assert "compare.architectures" in line


SEARCHED = replace(
    Config(),
    search=Search(max_trials=2, epochs=2),
    space=Space(units=32, spatial_dropout=Choice(0.2, 0.4), learning_rate=Choice(3e-3, 6e-3)),
)


@pytest.mark.parametrize(
    ("first", "problem"),
    [
        ("({'units': 32.0},)", "expected a value of space.units, which is 32, got 32.0"),
        ("({'units': 33},)", "expected a value of space.units, which is 32, got 33"),
        ("({'spatial_dropout': 0.3},)", "expected a value of space.spatial_dropout, which is Choice(0.2, 0.4), got 0.3"),
        ("({'unit': 32},)", "no hyperparameter is named 'unit'; did you mean units?"),
        ("({},)", "expected at least one hyperparameter in each setting"),
        ("({'units': 32},) * 3", "expected a tuple of settings"),
        (
            "({'units': 32}, {'spatial_dropout': 0.2}, {'spatial_dropout': 0.4})",
            "expected at most search.max_trials (2) settings, got 3",
        ),
        ("({'units': 'many'},)", "expected a tuple of settings"),
        ("({'units': 32}, {'units': 32})", "expected different settings, got one of them twice"),
    ],
)
def test_settings_to_begin_with_must_be_possible(first: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(with_overrides(SEARCHED, [f"search.first={first}"]), selectable())
    (line,) = str(caught.value).split("\n")
    assert line.startswith("search.first: ") and problem in line


def test_hyperband_takes_no_settings_to_begin_with() -> None:
    options = ["search.first=({'units': 32},)", "search.tuner=hyperband", "search.epochs=3"]
    with pytest.raises(ConfigError, match=r"^search\.first: expected none with hyperband"):
        validate(with_overrides(SEARCHED, options), selectable())
    ranges = ["space.units=Range(16, 64, 16)", "space.learning_rate=LogRange(1e-4, 1e-2)"]
    good = "search.first=({'units': 48, 'learning_rate': 0.002},)"
    validate(with_overrides(SEARCHED, [*ranges, good]), selectable())
    with pytest.raises(ConfigError, match=r"Range\(low=16, high=64, step=16\), got 40"):
        validate(with_overrides(SEARCHED, [*ranges, "search.first=({'units': 40},)"]), selectable())


def test_fine_tuning_needs_some_contender_with_a_generalist() -> None:
    listed = "compare.architectures=('gru', Contender('lstm', 'Everything', scope='all'))"
    validate(with_overrides(Config(), ["compare.fine_tune=true", listed]), selectable())
    with pytest.raises(ConfigError, match=r"compare\.fine_tune: expected False"):
        validate(with_overrides(Config(), ["compare.fine_tune=true", listed.replace("all", "bucket")]), selectable())
