"""Laws of labels: which classes they are of, in which order, and what is said of those that nobody named."""

import re
import shlex

import numpy as np
import pytest

from config import Config, Data
from data.sources.labels import NO_NUMBER, OMITTED, Labelling, Labels, as_classes, classes_of
from data.sources.mapping import LabelMapping, leaving_out, written
from data.sources.order import in_order
from data.sources.plain import plain
from data.sources.wanted import Wanted
from experiment.data_rules import problems_of
from experiment.options import with_overrides
from records.classes import SENTIMENT, Classes
from records.errors import DataError


def labels(*cells: str, rows: int = 10) -> Labels:
    """Different labels as a table has them, so many rows of each."""
    return Labels("r.csv", "stars", [plain(cell) for cell in cells], np.full(len(cells), rows))


def classes(*cells: str, line: str = "") -> Labelling:
    return classes_of(labels(*cells), Wanted(labels=line))


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (("1", "0"), SENTIMENT.names),
        (("pos", "neg"), SENTIMENT.names),
        (("Positive", "NEGATIVE"), SENTIMENT.names),
        (("TRUE", "False"), SENTIMENT.names),
        (("+1", "-1"), SENTIMENT.names),
        (("4", "0"), SENTIMENT.names),  # Sentiment140
        (("1.0", "0.0"), SENTIMENT.names),
        (("__label__1", "__label__0"), SENTIMENT.names),
        (("spam", "ham"), ("ham", "spam")),
        (("Yes", "No"), ("No", "Yes")),
        (("happy", "not happy"), ("not happy", "happy")),
        (("toxic", "non-toxic"), ("non-toxic", "toxic")),
        (("positive", "neutral", "negative"), ("negative", "neutral", "positive")),
        (("pos", "neu", "neg"), ("negative", "neutral", "positive")),
        (("Very Positive", "neutral", "very negative"), ("very negative", "neutral", "Very Positive")),
        (("10", "9", "2.5"), ("2.5", "9", "10")),
        (("__label__2", "__label__1"), ("1", "2")),
        (("gut", "schlecht"), ("schlecht", "gut")),
        (("好评", "差评"), ("差评", "好评")),
        (("[1]", "[0]"), SENTIMENT.names),
        (('["sport"]', "['arts']"), ("arts", "sport")),
        (("sport", "Arts", "politics"), ("Arts", "politics", "sport")),
    ],
)
def test_classes_stand_in_the_order_of_known_pairs_else_of_numbers_else_of_the_alphabet(
    cells: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert in_order([plain(cell) for cell in cells])[0].names == names


def test_the_order_of_the_rows_does_not_change_the_classes() -> None:
    for cells in (("5", "1", "3"), ("no", "yes"), ("b", "a", "c")):
        assert in_order(cells)[0] == in_order(cells[::-1])[0]


def test_stars_are_ordered_classes_with_their_values() -> None:
    found = classes("5.0", "1.0", " 3 ")
    assert found.classes == Classes(("1", "3", "5"), (1.0, 3.0, 5.0)) and found.classes.are_ordered
    assert found.positions.tolist() == [2, 0, 1]
    assert classes("-1", "0", "1").classes == Classes(("negative", "neutral", "positive"), (-1.0, 0.0, 1.0))


def test_labels_that_differ_in_capitals_alone_are_one_class_as_it_is_first_written() -> None:
    found = classes("Yes", "yes", "NO", "maybe")
    assert found.classes.names == ("maybe", "NO", "Yes") and found.positions.tolist() == [2, 2, 1, 0]


def test_a_class_that_is_not_called_by_its_label_is_said() -> None:
    assert classes("0", "1").notes == ("classes: negative is the label 0, positive is the label 1",)
    assert classes("1", "2").notes == classes("neg", "pos").notes == classes("Negative", "POSITIVE").notes == ()


@pytest.mark.parametrize(
    ("line", "names", "positions"),
    [
        ("1,2=negative 4,5=positive 3=-", ("negative", "positive"), [0, 0, OMITTED, 1, 1]),
        ("1-2=negative 4-5=positive 3=-", ("negative", "positive"), [0, 0, OMITTED, 1, 1]),
        ("4,5=positive 1,2=negative *=-", ("negative", "positive"), [0, 0, OMITTED, 1, 1]),
        ("1,2=bad *=good", ("bad", "good"), [0, 0, 1, 1, 1]),
        ("5 4 3 2 1", ("5", "4", "3", "2", "1"), [4, 3, 2, 1, 0]),
        ("1,2=1 3=2 4,5=3", ("1", "2", "3"), [0, 0, 1, 2, 2]),
        ("1,2='rather bad' 3,4,5=\"quite good\"", ("rather bad", "quite good"), [0, 0, 1, 1, 1]),
    ],
)
def test_one_line_maps_labels_to_classes(line: str, names: tuple[str, ...], positions: list[int]) -> None:
    found = classes("1", "2", "3", "4", "5", line=line)
    assert found.classes.names == names and found.positions.tolist() == positions
    omitted = [f"{value!r} (10 rows)" for value, place in zip("12345", positions, strict=True) if place == OMITTED]
    assert found.notes == ((f"left out as data.labels says: {', '.join(omitted)}",) if omitted else ())


def test_names_are_mapped_whatever_their_capitals_and_with_an_underscore_for_a_blank() -> None:
    found = classes("Not sure", "Bad", "GOOD", line="bad not_sure=- good")
    assert found.classes.names == ("bad", "good") and found.positions.tolist() == [OMITTED, 0, 1]


def test_a_label_that_the_line_does_not_name_is_listed_with_a_line_that_works() -> None:
    with pytest.raises(DataError, match=r"'3' \(10 rows\).*Leave those rows out with --set 'data.labels=1=a 2=b 3=-'"):
        classes("1", "2", "3", line="1=a 2=b")
    assert classes("1", "2", "3", line="1=a 2=b 3=-").classes.names == ("a", "b")
    with pytest.raises(DataError, match=r"no row is of the class c, which data.labels makes"):
        classes("1", "2", line="1=a 2=b 3=c")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("1=a", "expected 2 to 50 classes, got a"),
        ("1=a 1=b", "the label '1' is named twice, as 'a' and as 'b'"),
        ("=a b", "expected labels=class, got '=a'"),
        ("'a b", "No closing quotation"),
    ],
)
def test_a_line_that_means_nothing_is_refused_before_anything_is_read(line: str, sentence: str) -> None:
    assert any(sentence in problem for problem in problems_of(Data(labels=line)))


def test_numbers_are_cut_into_ordered_classes() -> None:
    found = classes_of(labels("1", "2.5", "2.6", "9", "x"), Wanted(label_edges=(2.5, 3.5)))
    assert found.classes == Classes(("up to 2.5", "over 2.5 to 3.5", "over 3.5"), (0.0, 1.0, 2.0))
    assert found.positions.tolist() == [0, 0, 1, 2, NO_NUMBER]
    with pytest.raises(
        DataError, match=r"no row is of the class over 9, which data.label_edges makes; the labels .* '1' \(10 rows\)"
    ):
        classes_of(labels("1", "2"), Wanted(label_edges=(1.5, 9.0)))


def test_more_than_fifty_classes_are_a_sentence_with_what_to_type() -> None:
    with pytest.raises(DataError, match=r"60 different labels.*--set data.label_column=NAME.*--set data.label_edges=29.5,"):
        classes(*map(str, range(60)))
    most = ["1234627"] * 60  # over which nothing is
    with pytest.raises(DataError, match=r"--set data.label_edges=1234626,"):
        classes(*(str(1234567 + n) for n in range(60)), *most)
    with pytest.raises(DataError, match=r"60 different labels.*--set 'data.labels=this,that=one \*=other'"):
        classes(*(f"name {number}" for number in range(60)))
    assert len(classes(*map(str, range(50))).classes) == 50


def test_one_class_alone_cannot_be_learned() -> None:
    with pytest.raises(DataError, match=r"column 'stars' holds one class only \('1' \(10 rows\)\).*--set data.label_column=NAME"):
        classes("1")


STARS = Wanted(labels="1,2=negative 4,5=positive 3=-")


@pytest.mark.parametrize(
    ("cells", "learned", "positions"),
    [
        (("1", "5", "3", "Positive"), STARS, [0, 1, OMITTED, 1]),
        (("neg", "TRUE", "0"), Wanted(), [0, 1, 0]),
        (("neg", "TRUE", "0", "4"), Wanted(), [0, 1, 0, 1]),
        (("positive",), Wanted(), [1]),
    ],
)
def test_other_labels_are_of_a_runs_classes_as_the_run_mapped_them_or_by_name(
    cells: tuple[str, ...], learned: Wanted, positions: list[int]
) -> None:
    assert as_classes(labels(*cells), Wanted(are_options=True), learned, SENTIMENT).positions.tolist() == positions


def test_a_label_that_is_none_of_a_runs_classes_is_a_sentence_with_the_commands_own_option() -> None:
    asked = Wanted(are_options=True)
    with pytest.raises(
        DataError, match=r"'meh' \(10 rows\) are none of the run's classes, negative, positive; say with --labels"
    ):
        as_classes(labels("meh", "1"), asked, Wanted(), SENTIMENT)
    told = Wanted(are_options=True, labels="meh=-")
    assert as_classes(labels("meh", "1"), told, Wanted(), SENTIMENT).positions.tolist() == [OMITTED, 1]
    stars = Classes(("1", "2", "3"), (1.0, 2.0, 3.0))
    assert as_classes(labels("3.0", "1"), asked, Wanted(), stars).positions.tolist() == [2, 0]


def test_a_mapping_says_what_a_label_is_before_its_star_does() -> None:
    mapping = LabelMapping.parse("2=b *=a")
    assert (mapping.of("2"), mapping.of("7"), mapping.named("7")) == ("b", "a", None)


@pytest.mark.parametrize("cells", [("0", "1"), ("-1", "1"), ("0", "4"), ("1",), ("0", "1", "5")])
def test_labels_are_read_by_one_convention_and_never_some_by_the_runs_mapping_and_others_as_a_pair(
    cells: tuple[str, ...],
) -> None:
    asked = Wanted(are_options=True)
    with pytest.raises(DataError, match=r"--labels[ =]") as refused:
        as_classes(labels(*cells), asked, STARS, SENTIMENT)
    if len(cells) == 2:
        line = shlex.split(str(refused.value).partition("--labels")[2][1:])[0].removesuffix(",")
        found = as_classes(labels(*cells), Wanted(labels=line, are_options=True), STARS, SENTIMENT)
        assert found.positions.tolist() == [0, 1]


def test_opposite_labels_are_never_read_as_one_class_unless_the_person_says_so() -> None:
    asked, cut = Wanted(are_options=True), Classes(("up to 3.5", "over 3.5"), (0.0, 1.0))
    with pytest.raises(DataError, match=r"opposites.*--labels '0=\"up to 3.5\" 1=\"over 3.5\"'"):
        as_classes(labels("0", "1"), asked, Wanted(label_edges=(3.5,)), cut)
    with pytest.raises(DataError, match=r"would be read as good, though they are opposites"):
        as_classes(labels("0", "1"), asked, Wanted(labels="2=bad *=good"), Classes(("bad", "good")))
    told = Wanted(labels="0,1=good", are_options=True)
    assert as_classes(labels("0", "1"), told, Wanted(), Classes(("bad", "good"))).positions.tolist() == [1, 1]


def test_which_label_is_read_as_which_class_is_always_said() -> None:
    found = as_classes(labels("1", "5", "4", "3"), Wanted(are_options=True), STARS, SENTIMENT)
    assert found.notes[0] == "classes: negative is the label 1, positive is the label 5 or 4"
    found = as_classes(labels("neg", "pos"), Wanted(are_options=True), STARS, SENTIMENT)
    assert found.notes == ("classes: negative is the label neg, positive is the label pos",)


AWKWARD = (
    "drama,comedy",
    "a=b",
    "rare, one=two",
    "it's",
    'say "hi"',
    "don't know",
    "1-2",
    "-",
    "\\N",
    "a\\b",
    'x"',
    "$HOME `x` !y",
)


def test_every_label_can_be_named_and_every_line_that_is_printed_survives_a_shell() -> None:
    for wanted in (Wanted(), Wanted(are_options=True)):
        line = written("z=q", AWKWARD, "x")
        typed = shlex.split(wanted.typed("labels", line))[-1].removeprefix("data.labels=")
        mapping = LabelMapping.parse(typed)
        assert typed == line and mapping.names == ("q", "x") and not mapping.wide
        assert all(mapping.named(plain(label)) == "x" for label in AWKWARD)
    with pytest.raises(DataError) as refused:
        classes(*AWKWARD[:5], line="other=x")
    way = re.search(r"--set .*(?=, or name)", str(refused.value))
    assert way is not None
    config = with_overrides(Config(), [shlex.split(way[0])[1]])
    assert all(LabelMapping.parse(config.data.labels).named(label) == "-" for label in AWKWARD[:5])


def test_a_value_that_begins_with_a_hyphen_is_typed_so_that_it_is_no_option() -> None:
    assert shlex.split(Wanted(are_options=True).typed("labels", "-1=a 1=b")) == ["--labels=-1=a 1=b"]


def test_the_line_that_leaves_rare_classes_out_names_awkward_labels_too() -> None:
    line = leaving_out("", Classes(AWKWARD), AWKWARD[:1])
    mapping = LabelMapping.parse(line)
    assert [mapping.named(label) for label in AWKWARD] == ["-", *AWKWARD[1:7], "the label -", *AWKWARD[8:]]
    again = LabelMapping.parse(leaving_out('"a,b",1-3="c d" *=e "f=g"', Classes(("c d", "e", "f=g")), ["e"]))
    assert (again.of("a,b"), again.of("2"), again.of("x"), again.of("f=g")) == ("c d", "c d", "-", "f=g")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("1 star", "2 stars", "10 stars"), (1, 2, 10)),
        (("1/10", "9/10", "10/10"), (1, 9, 10)),
        (("1/5", "3/10"), (0.2, 0.3)),
        (("1.0 out of 5 stars", "5.0 out of 5 stars"), (1, 5)),
        (("★☆☆☆☆", "★★★★☆", "★★★★★"), (1, 4, 5)),
        (("★", "★★½", "★★★"), (1, 2.5, 3)),
        (("1,5", "2", "10,5"), (1.5, 2, 10.5)),
        (("999", "1,000", "2,500"), (999, 1000, 2500)),
        (("1e+00", "2.000000000000000000e+00", "1.0e+01"), (1, 2, 10)),
    ],
)
def test_labels_that_are_numbers_in_one_form_are_ordered_classes(cells: tuple[str, ...], values: tuple[float, ...]) -> None:
    found = classes(*cells[::-1]).classes
    assert found.values == values and found.names == tuple(plain(cell) for cell in cells)


def test_what_cannot_be_seen_makes_no_other_label() -> None:
    assert {plain(cell) for cell in ("good", "\u200bgood", "good\xa0", "\ufeffgood", "go\u00adod", " \u200d good\u200e ")} == {
        "good"
    }
    assert {plain(cell) for cell in ("1", "1e0", "+1", "01", "1.0", "１")} == {"1"}
    assert plain("[{[]: 1}]") == "[{[]: 1}]" and plain("[{1, [2]}]") == "[{1, [2]}]"  # what only looks like a list is a label
    assert plain("👨\u200d👩") == "👨\u200d👩"
