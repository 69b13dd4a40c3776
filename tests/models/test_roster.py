"""Laws of the roster: who a contender is follows from the config alone."""

from itertools import combinations

import pytest

from config import Choice, Compare, Config, Contender, Model, Search, Training
from models.registry import ARCHITECTURES, colour
from models.roster import PALETTE, Roster, _distance
from records.study import YARDSTICKS, Study
from tests.made_up import a_result


def roster(*listed: str | Contender, scope: str = "bucket") -> Roster:
    return Roster.of(Config(compare=Compare(architectures=listed, scope=scope)))  # type: ignore[arg-type]


LAST = Contender("gru", "GRU, last state", set={"model.pooling": "last", "training.repeats": 1})


def test_plain_names_are_their_architectures_and_keep_titles_and_colours() -> None:
    for entry, (name, architecture) in zip(roster(*ARCHITECTURES).entries, ARCHITECTURES.items(), strict=True):
        assert (entry.id, entry.architecture, entry.colour, entry.parent) == (name, name, architecture.colour, None)
        assert entry.title == architecture.title or entry.control_of
        assert entry.config.model == Model() and not entry.changes


def test_a_contender_has_the_runs_settings_but_its_own() -> None:
    mine = roster("gru", LAST)["gru_last_state"]
    assert (mine.architecture, mine.title, mine.parent) == ("gru", "GRU, last state", "gru")
    assert (mine.config.model, mine.config.training) == (Model(pooling="last"), Training(repeats=1))
    assert [str(change) for change in mine.changes] == ["model.pooling=last", "training.repeats=1"]
    assert mine.changes[0].of_run == "mean"
    assert roster("gru", LAST)["gru"].config.model == Model()


def test_a_title_is_made_of_the_settings_where_there_is_none() -> None:
    wide = Contender("gru", set={"space.units": Choice(64, 128)}, scope="all")
    assert (wide.label, wide.id) == ("gru, units=Choice(64, 128), scope=all", "gru_units_choice_64_128_scope_all")


@pytest.mark.parametrize(
    ("listed", "parent"),
    [
        (("lstm", LAST), None),  # nothing that it could be an ablation of
        (("gru", LAST), "gru"),
        (("gru", "custom_gru", LAST), "custom_gru"),  # a control does not compete
        ((Contender("lstm", "Wide", set={"space.units": 64}), Contender("gru", "x", parent="wide")), "wide"),
        ((Contender("lstm", "So wide", scope="all"), Contender("gru", "x", parent="So wide")), "so_wide"),
        (("lstm", Contender("gru", "x", parent="LSTM")), "lstm"),
    ],
)
def test_an_ablation_has_the_parent_that_it_names_or_the_plain_entry(
    listed: tuple[str | Contender, ...], parent: str | None
) -> None:
    assert roster(*listed).entries[-1].parent == parent


def test_keras_own_layer_is_the_control_of_the_one_from_scratch_where_a_run_holds_both() -> None:
    both = roster("simple_rnn", "gru", "custom_gru")
    assert both.controls == {"gru"} and both["gru"].control_of == "custom_gru"
    assert both.title("gru") == "GRU, Keras's layer"
    for alone in (roster("gru"), roster("custom_gru"), roster("custom_gru", LAST), roster("gru", Contender("custom_gru", "x"))):
        assert alone.controls == frozenset() and alone.title("gru") == "GRU"


def test_every_contender_has_a_colour_that_can_be_told_from_all_others() -> None:
    many = [Contender("gru", f"number {i}") for i in range(12)]
    for listed in ([*ARCHITECTURES, *many[:3]], ["gru", "lstm", *many], many):
        found = roster(*listed)
        colours = [*(entry.colour for entry in found.entries), *map(found.colour, YARDSTICKS)]
        assert len(set(colours)) == len(colours)
        extra = {entry.colour for entry in found.entries} & set(PALETTE)
        assert all(_distance(one, other) > 2_000 for one, other in combinations(extra, 2))
    assert roster("gru", *many).entries[0].colour == roster(*many).entries[0].colour == colour("gru")
    few, all_of_them = ([entry.colour for entry in roster("gru", *some).entries] for some in (many[:5], many))
    assert few == all_of_them[:6]  # those behind change nothing


def test_results_stand_in_the_order_of_the_config_with_the_yardsticks_last() -> None:
    names, buckets = (*YARDSTICKS[::-1], "gru", "gru_last_state", "lstm"), ("130-end", "0-129")
    results = [a_result(name, bucket, 0.8) for name in names for bucket in buckets]
    ordered = [result.study for result in roster("lstm", LAST, "gru").in_order(results)]
    expected = ("lstm", "gru_last_state", "gru", *YARDSTICKS)
    assert ordered == [Study(name, bucket) for name in expected for bucket in ("0-129", "130-end")]


@pytest.mark.parametrize(
    ("run", "own", "expected"),
    [
        ("bucket", "all", ("all",)),
        ("all", "bucket", ("a", "b")),
        ("bucket", "", ("a", "b")),
        ("bucket", "both", ("all", "a", "b")),
    ],
)
def test_a_contenders_scope_stands_in_place_of_the_runs(run: str, own: str, expected: tuple[str, ...]) -> None:
    contender = Contender("gru", "mine", scope=own)  # type: ignore[arg-type]
    assert roster(contender, scope=run).entries[0].scopes(["a", "b"]) == expected


def test_a_search_begins_with_no_value_that_a_contender_sets_itself() -> None:
    slow = Contender("gru", "Slow GRU", set={"space.learning_rate": 1e-4})
    first = ({"learning_rate": 1e-2, "units": 64}, {"learning_rate": 1e-3})
    config = Config(compare=Compare(architectures=("gru", slow)), search=Search(first=first))
    plain, own = Roster.of(config).entries
    assert plain.config.search.first == first and own.config.search.first == ({"units": 64},)


def test_a_ladder_is_the_longest_chain_of_ablations_from_three_on() -> None:
    wide = Contender("gru", "Wide", set={"space.units": 128}, parent="gru")
    wider = Contender("gru", "Wider", set={"space.units": 256}, parent="Wide")
    assert roster("gru", wide).ladder == ()
    assert roster("gru", wide, LAST, wider).ladder == ("gru", "wide", "wider")
    circle = (Contender("gru", "A", scope="all", parent="B"), Contender("gru", "B", parent="A"))
    assert roster(*circle).ladder == ()
