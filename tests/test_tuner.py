"""Laws of the search, with a fake model that replays given scores: nothing is trained here."""

import dataclasses
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuner
from analysis.search_size import only_setting, search_size
from config import Choice, Config, LogRange, Range, Search, Space
from experiment.options import validate
from models.registry import selectable
from records.errors import ConfigError
from records.study import Setting, Trial

SPACE = Space(
    units=Range(16, 128, 16),
    embedding_dim=32,
    dropout=Range(0.1, 0.5, 0.1),
    learning_rate=LogRange(1e-4, 1e-2),
    batch_size=Choice(16, 32),
)


class Fake:
    """Scores a setting by a smooth function; remembers what it was asked."""

    def __init__(self, *, die_at: int | None = None, records: dict[int, Trial] | None = None) -> None:
        self.asked: list[Setting] = []
        self.trained: list[int] = []
        self.epochs: list[tuple[int, int | None]] = []
        self.records = {} if records is None else records
        self._die_at = die_at

    def __call__(self, setting: Setting, number: int, epochs: int, parent: int | None) -> Trial:
        self.asked.append(setting)
        self.epochs.append((epochs, parent))
        if number in self.records and self.records[number].hyperparameters == setting.hyperparameters:
            return self.records[number]
        if number == self._die_at:
            raise KeyboardInterrupt
        self.trained.append(number)
        score = (math.log10(setting.learning_rate) + 3) ** 2 + setting.dropout + setting.units / 1000
        self.records[number] = Trial(number, setting.hyperparameters, "completed", score, epochs, 0.1, 10, "", ())
        return self.records[number]


def run(fake: Fake, folder: Path, kind: str, seed: int = 5, trials: int = 7, epochs: int = 9) -> tuple[Trial, ...]:
    settings = Search(tuner=kind, max_trials=trials, epochs=epochs)  # type: ignore[arg-type]
    return tuner.search(SPACE, settings, seed=seed, folder=folder, run_trial=fake)


KINDS = ("random", "bayesian", "hyperband")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_proposes_the_same_settings(kind: str, tmp_path: Path) -> None:
    first, second, other = Fake(), Fake(), Fake()
    run(first, tmp_path / "a", kind)
    run(second, tmp_path / "b", kind)
    run(other, tmp_path / "c", kind, seed=6)
    assert first.asked == second.asked != other.asked


@pytest.mark.parametrize("die_at", [0, 1, 4, 6])
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_search_ends_as_if_it_had_not_been(kind: str, die_at: int, tmp_path: Path) -> None:
    whole = Fake()
    expected = run(whole, tmp_path / "whole", kind)
    killed = Fake(die_at=die_at)
    with pytest.raises(KeyboardInterrupt):
        run(killed, tmp_path / "killed", kind)
    resumed = Fake(records=killed.records)
    assert run(resumed, tmp_path / "killed", kind) == expected
    assert resumed.trained == [n for n in range(len(expected)) if n not in killed.trained]


FIRST = ({"units": 48, "learning_rate": 0.002, "embedding_dim": 32}, {"batch_size": 16.0, "dropout": 0.2})


@pytest.mark.parametrize("die_at", [None, 0, 1, 2, 5])
@pytest.mark.parametrize("kind", ["random", "bayesian"])
def test_given_settings_are_tried_first_and_a_killed_search_still_ends_the_same(
    kind: str, die_at: int | None, tmp_path: Path
) -> None:
    settings, seen = Search(tuner=kind, max_trials=12, first=FIRST), Fake(die_at=die_at)  # type: ignore[arg-type]
    if die_at is not None:
        with pytest.raises(KeyboardInterrupt):
            tuner.search(SPACE, settings, seed=5, folder=tmp_path / "a", run_trial=seen)
    again, whole, without = Fake(records=seen.records), Fake(), Fake()
    found = tuner.search(SPACE, settings, seed=5, folder=tmp_path / "a", run_trial=again)
    assert found == tuner.search(SPACE, settings, seed=5, folder=tmp_path / "b", run_trial=whole) and len(found) == 12
    one, two, *others = [trial.hyperparameters for trial in found]
    assert (one["units"], one["learning_rate"], two["batch_size"], two["dropout"]) == (48, 0.002, 16, 0.2)
    assert isinstance(two["batch_size"], int)
    tuner.search(SPACE, Search(tuner=kind, max_trials=12), seed=5, folder=tmp_path / "c", run_trial=without)  # type: ignore[arg-type]
    assert one["dropout"] == without.asked[0].dropout  # what is left open is the tuner's own
    assert others[0] == without.asked[2].hyperparameters  # and so is what follows, before a Bayesian search has learned


def test_broken_files_of_keras_tuner_are_never_read(tmp_path: Path) -> None:
    first = Fake()
    run(first, tmp_path, "random", trials=3)
    for file in tmp_path.rglob("*.json"):
        file.write_text("{cut")
    second = Fake()
    run(second, tmp_path, "random", trials=3)
    assert second.asked == first.asked


def test_every_trial_gets_every_hyperparameter_within_its_range(tmp_path: Path) -> None:
    fake = Fake()
    run(fake, tmp_path, "random", trials=25)
    for setting in fake.asked:
        assert set(setting.hyperparameters) == {item.name for item in dataclasses.fields(Space)}
        assert setting.embedding_dim == 32 and setting.batch_size in (16, 32)
        assert setting.units in range(16, 129, 16) and 1e-4 <= setting.learning_rate <= 1e-2
    assert {setting.batch_size for setting in fake.asked} == {16, 32}
    assert len({tuple(setting.hyperparameters.items()) for setting in fake.asked}) == 25  # no setting twice


def test_bayesian_search_finds_better_settings_than_it_began_with(tmp_path: Path) -> None:
    scores = [trial.score or 0 for trial in run(Fake(), tmp_path, "bayesian", trials=16)]
    assert min(scores[8:]) < min(scores[:4])


def test_a_small_space_ends_when_it_is_exhausted(tmp_path: Path) -> None:
    fake = Fake()
    space = Space(units=32, embedding_dim=32, dropout=Choice(0.1, 0.2), learning_rate=1e-3)
    tuner.search(space, Search(max_trials=10), seed=1, folder=tmp_path, run_trial=fake)
    assert len(fake.asked) == 2 == search_size(space, Search(max_trials=10)).trials


def test_a_space_without_ranges_needs_no_search() -> None:
    space = Space(units=32, embedding_dim=32, dropout=0.1, learning_rate=1e-3)
    setting = only_setting(space)
    assert setting and setting.units == 32 and setting.learning_rate == 1e-3 and setting.batch_size == 32
    assert search_size(space, Search(max_trials=10)) == search_size(space, Search(tuner="hyperband")) == (0, 0)
    assert only_setting(SPACE) is None


@pytest.mark.parametrize(("epochs", "expected"), [(9, None), (10, (30, 120)), (20, (30, 226)), (50, (90, 922))])
def test_the_planned_budget_of_hyperband_is_what_runs(epochs: int, expected: tuple[int, int] | None, tmp_path: Path) -> None:
    assert expected in (None, search_size(SPACE, Search(tuner="hyperband", epochs=epochs)))
    if epochs < 20:
        fake = Fake()
        run(fake, tmp_path, "hyperband", epochs=epochs)
        assert (len(fake.epochs), sum(e for e, _ in fake.epochs)) == search_size(SPACE, Search(tuner="hyperband", epochs=epochs))
        assert any(parent is not None for _, parent in fake.epochs)


class Failing(Fake):
    """Fails the given trials, NaN-like: without a score."""

    def __init__(self, failing: set[int]) -> None:
        super().__init__()
        self._failing = failing

    def __call__(self, setting: Setting, number: int, epochs: int, parent: int | None) -> Trial:
        if number in self._failing:
            return Trial(number, setting.hyperparameters, "failed", None, 0, 0.1, 10, f"loss became nan in trial {number}", ())
        return super().__call__(setting, number, epochs, parent)


@pytest.mark.parametrize("kind", KINDS)
def test_failed_trials_are_kept_with_their_reason_and_never_best(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    trials = run(Failing({0, 3}), tmp_path, kind)
    assert [t.status for t in trials].count("failed") == 2
    assert "loss became nan in trial 3" in trials[3].message
    assert tuner.best(trials, "val_loss").number not in (0, 3)
    assert "Traceback" not in "".join(capfd.readouterr())


def test_what_the_trials_own_code_raises_ends_the_search_as_it_is(tmp_path: Path) -> None:
    def no_space(setting: Setting, number: int, epochs: int, parent: int | None) -> Trial:
        raise OSError("no space left")

    with pytest.raises(OSError, match=r"^no space left$"):
        tuner.search(SPACE, Search(), seed=1, folder=tmp_path, run_trial=no_space)


def test_three_failures_in_a_row_end_the_search_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(tuner.SearchError, match=r"three trials in a row failed, the last with: loss became nan in trial 3"):
        run(Failing({1, 2, 3}), tmp_path, "random")


def test_a_search_in_which_nothing_completed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(tuner.SearchError, match="no trial completed; the last one failed with: loss became nan in trial 1"):
        run(Failing({0, 1}), tmp_path, "random", trials=2)


def test_the_best_trial_minimises_loss_and_maximises_accuracy_and_prefers_the_earlier() -> None:
    trials = [Trial(i, {}, "completed", s, 1, 0.0, 1, "", ()) for i, s in enumerate((0.5, 0.4, 0.9, 0.4, 0.9))]
    assert tuner.best(trials, "val_loss").number == 1
    assert tuner.best(trials, "val_accuracy").number == 2


@pytest.mark.parametrize("kind", ["random", "hyperband"])  # the third does not look everywhere
@pytest.mark.parametrize(
    ("of", "values"),
    [
        (Choice(0, 0.3), {0.0, 0.3}),
        (Choice(0.3, 0), {0.0, 0.3}),
        (Range(0, 0.5, 0.1), {0.0, 0.1, 0.2, 0.3, 0.4, 0.5}),
        (Range(0.0, 1, 0.25), {0.0, 0.25, 0.5, 0.75, 1.0}),
        (Range(0, 2, 1), {0.0, 1.0, 2.0}),
    ],
)
def test_every_value_of_a_mixed_range_is_tried_as_a_real_number(
    kind: str, of: Choice | Range, values: set[float], tmp_path: Path
) -> None:
    fake, settings = Fake(), Search(tuner=kind, max_trials=100, epochs=60)  # type: ignore[arg-type]
    space = dataclasses.replace(SPACE, units=16, learning_rate=0.01, batch_size=32, dropout=of, spatial_dropout=0)
    tuner.search(space, settings, seed=5, folder=tmp_path, run_trial=fake)
    assert {setting.dropout for setting in fake.asked} == values
    assert {type(number) for setting in fake.asked for number in (setting.dropout, setting.spatial_dropout)} == {float}


@pytest.mark.parametrize("kind", ["random", "bayesian"])
def test_a_mixed_range_begins_with_the_settings_that_are_given(kind: str, tmp_path: Path) -> None:
    first = ({"dropout": 0}, {"dropout": 0.3, "adversarial": 2})
    fake, settings = Fake(), Search(tuner=kind, max_trials=4, first=first)  # type: ignore[arg-type]
    space = dataclasses.replace(SPACE, dropout=Range(0, 0.5, 0.1), adversarial=Choice(0, 2, 3.5))
    tuner.search(space, settings, seed=5, folder=tmp_path, run_trial=fake)
    assert [fake.asked[0].dropout, fake.asked[1].dropout, fake.asked[1].adversarial] == [0.0, 0.3, 2.0]


NUMBERS = st.one_of(
    st.integers(-3, 200), st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 1.0, 64.0, 1e-4, -0.5, math.nan, math.inf, 10**400, True])
)
ANYTHING: Any = st.one_of(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["a", None, (), (0.1,), Choice(1, 2)]))
RANGES = st.one_of(
    ANYTHING,
    st.lists(ANYTHING, max_size=4).map(lambda values: Choice(*values)),
    st.builds(Range, ANYTHING, ANYTHING, ANYTHING),
    st.builds(LogRange, ANYTHING, ANYTHING),
)


def problems(config: Config) -> list[str]:
    try:
        validate(config, selectable())
    except ConfigError as error:
        return str(error).splitlines()
    return []


@given(field=st.sampled_from([item.name for item in dataclasses.fields(Space)]), of=RANGES, other=RANGES)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_range_is_refused_in_a_sentence_or_every_value_of_it_can_be_proposed(field: str, of: Any, other: Any) -> None:
    assert all(line.startswith("search.first: ") for line in problems(replace(Config(), search=Search(first=({field: other},)))))
    if found := problems(replace(Config(), space=Space(**{field: of}))):
        assert all(line.startswith("space.") for line in found)
        return
    oracle = tuner._oracle(tuner._hyperparameters(Space(**{field: of})), Search(), 1)
    values = oracle.populate_space("0000")["values"]
    setting = tuner._setting(Space(**{field: of}), values)
    assert all(type(getattr(setting, item.name)) is item.type for item in dataclasses.fields(Setting))


def test_a_space_of_single_values_needs_no_search() -> None:
    space = Space(units=Choice(16), embedding_dim=8, dropout=Choice(0), learning_rate=1)
    setting = only_setting(space)
    assert setting is not None and search_size(space, Search()).trials == 0
    assert (setting.units, setting.dropout, type(setting.dropout), type(setting.learning_rate)) == (16, 0.0, float, float)
