"""Laws of tables as reviews: what does not fit is counted and named, what a table says of its parts holds."""

import csv
from pathlib import Path

import numpy as np
import pytest

from config import Data
from data.left_out import LeftOut
from data.sources.locate import load
from data.sources.times import times_of
from data.types import PARTS, SourceReviews
from records.errors import DataError


def source(tmp_path: Path, names: str, rows: list[list[str]], **settings: object) -> SourceReviews:
    """The reviews of a CSV with these columns and rows."""
    path = tmp_path / "r.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names.split(), *rows])
    return load(Data(source=str(path), **settings), seed=1)  # type: ignore[arg-type]


def rows(n: int, *more: str) -> list[list[str]]:
    """So many texts with labels 0 and 1 in turn, and further cells."""
    return [[f"a film number{number}", str(number % 2), *more] for number in range(n)]


def parts(found: SourceReviews) -> list[str]:
    assert found.parts is not None
    return [PARTS[part] for part in found.parts]


def test_rows_that_do_not_fit_are_left_out_counted_and_named(tmp_path: Path) -> None:
    cells = rows(400)
    cells[10], cells[20], cells[30], cells[40] = ["", "1"], [" \t", "0"], ["a film", " "], ["a", "b", "1"]
    found = source(tmp_path, "text label", cells)
    assert len(found.labels) == len(found.texts or ()) == 396 and "a film number10" not in (found.texts or ())
    (note,) = found.left_out.notes
    assert note.startswith(
        "4 of 400 rows were left out: line 12 has no text (like line 22); line 32 has no label; line 42 has 3 cells where the "
        "first row names 2"
    )
    assert source(tmp_path, "text label", rows(400)).left_out.notes == ()


def test_many_rows_that_do_not_fit_are_an_error_that_names_the_first_and_a_setting_that_works(tmp_path: Path) -> None:
    cells = rows(100)
    cells[7][0] = cells[9][0] = ""
    with pytest.raises(DataError, match=r"2 of 100 rows \(2.0%\) do not fit: line 9 has no text .*--set data.max_bad_rows=0.03"):
        source(tmp_path, "text label", cells)
    assert len(source(tmp_path, "text label", cells, max_bad_rows=0.03).labels) == 98
    with pytest.raises(DataError, match=r"say how the table is to be read: --set data.separator=tab, --set data.quoting=none"):
        source(tmp_path, "text label", [["a", "b", "1"]] * 3)


def test_a_sentence_counts_what_it_does_not_name() -> None:
    found = LeftOut(1_000, "line {}".format, {"is a": [9, 3, 4, 5], "is b": [1], "is c": [7], "is d": [8, 10]})
    assert found.reasons == "line 1 is b; line 3 is a (like line 4, line 5 and 1 more); line 7 is c; 2 more for other reasons"
    assert len(found.with_more("is b", [2, 6])) == 10


def test_several_text_columns_are_joined_by_a_blank_without_what_is_empty(tmp_path: Path) -> None:
    cells = [["Fine", "a good film", "1"], ["", "a bad film", "0"], ["So so", " ", "1"]]
    assert list(source(tmp_path, "title body label", cells, text_column="title+body").texts or ()) == [
        "Fine a good film",
        "a bad film",
        "So so",
    ]


def test_what_was_read_is_said(tmp_path: Path) -> None:
    note = source(tmp_path, "review stars", rows(4)).notes[0]
    assert note.startswith("r.csv: CSV") and note.endswith("; texts from 'review', labels from 'stars'")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("train", "validation", "test"), ("train", "validation", "test")),
        (("Training", "dev", "TEST"), ("train", "validation", "test")),
        ((" TRAIN ", "Val", "test"), ("train", "validation", "test")),
        (("train", "eval", "test"), ("train", "validation", "test")),
        (("train", "valid", "eval"), ("train", "validation", "test")),
        (("train", "train", "test"), ("train", "train", "test")),
    ],
)
def test_the_split_column_is_understood_in_any_case(tmp_path: Path, words: tuple[str, ...], meant: tuple[str, ...]) -> None:
    cells = [[f"film {n}", str(n % 2), words[n % 3]] for n in range(12)]
    assert parts(source(tmp_path, "text label split", cells)) == [meant[n % 3] for n in range(12)]


def test_a_table_of_one_part_has_its_parts_drawn_and_one_without_a_test_part_only_that(tmp_path: Path) -> None:
    alone = source(tmp_path, "text label split", rows(6, "train"))
    assert alone.parts is None and "all labelled rows are of the training part" in alone.notes[-1]
    both = source(tmp_path, "text label split", rows(6, "train") + rows(4, "dev"))
    assert set(parts(both)) == {"train", "validation"} and "the test part is drawn from the training rows" in both.notes[-1]
    with pytest.raises(DataError, match=r"none for training; .*--set data.split_column="):
        source(tmp_path, "text label split", rows(6, "test") + rows(4, "dev"))


@pytest.mark.parametrize("label", ["", "-1"])
def test_a_part_without_labels_is_said_and_is_no_test_part(tmp_path: Path, label: str) -> None:
    hidden = [[f"hidden {n}", label, "test"] for n in range(20)]
    found = source(tmp_path, "text label split", rows(30, "train") + rows(10, "validation") + hidden)
    assert set(parts(found)) == {"train", "validation"} and len(found.labels) == 40 and len(found.left_out) == 0
    assert "the test part has no labels: its 20 rows are not used as such" in found.notes
    further = source(tmp_path, "text label split", rows(30, "train") + hidden, unlabelled=True)
    assert further.parts is None and len(further.unlabelled) == 20


def test_a_word_for_no_part_is_a_row_that_does_not_fit(tmp_path: Path) -> None:
    cells = rows(100, "train") + rows(100, "test") + rows(1, "trian")
    found = source(tmp_path, "text label split", cells, split_column="split")
    assert found.left_out.reasons == "line 202 has 'trian' in the column 'split'"


def test_many_words_for_no_part_are_an_error_that_names_them_and_no_reason_to_draw_the_parts(tmp_path: Path) -> None:
    cells = rows(90, "train") + rows(20, "test") + rows(10, "holdout")
    with pytest.raises(DataError, match=r"'holdout' \(10 rows\).*--set data.max_bad_rows=0.09, or .*--set data.split_column=$"):
        source(tmp_path, "text label set", cells)
    assert parts(source(tmp_path, "text label set", cells, max_bad_rows=0.09)) == ["train"] * 90 + ["test"] * 20
    assert source(tmp_path, "text label set", cells, split_column="").parts is None
    with pytest.raises(DataError, match=r"rename these, or have the parts drawn with --set data.split_column=$"):
        source(tmp_path, "text label topic", rows(90, "art"), split_column="topic")


def test_words_for_a_missing_label_are_no_label_unless_the_person_names_them(tmp_path: Path) -> None:
    cells = [[f"film {n}", str(1 + n % 5)] for n in range(400)]
    for place, word in ((7, "nan"), (9, "N/A"), (11, "NULL"), (13, "nan")):
        cells[place][1] = word
    found = source(tmp_path, "text stars", cells)
    assert found.classes.values == (1, 2, 3, 4, 5) and len(found.labels) == 396
    assert found.left_out.numbers == {"has no label (nan)": [9, 15], "has no label (N/A)": [11], "has no label (NULL)": [13]}
    named = source(tmp_path, "text stars", cells, labels="nan,N/A,null=none *=some")
    assert named.classes.names == ("none", "some") and not len(named.left_out)


def test_a_row_of_several_labels_does_not_fit(tmp_path: Path) -> None:
    cells = [[f"film {n}", f"[{n % 3}]"] for n in range(400)]
    cells[7][1], cells[9][1], cells[11][1] = "[0, 2]", "['1', '2']", "[]"
    found = source(tmp_path, "text labels", cells)
    assert found.classes.names == ("0", "1", "2") and len(found.labels) == 397
    assert found.left_out.numbers == {"has several labels": [9, 11], "has no label": [13]}


def test_texts_that_are_only_a_word_for_a_missing_one_are_missing_where_they_are_the_fewer(tmp_path: Path) -> None:
    cells = [[*row, f"2020-01-{1 + n % 28:02}", f"film {n}"] for n, row in enumerate(rows(400))]
    cells[3][0], cells[5][0] = "nan", " None "
    found = source(tmp_path, "text label day film", cells, time_column="day")
    assert found.left_out.numbers == {"has no text (nan)": [5], "has no text (None)": [7]} and len(found.labels) == 398
    assert found.rows is not None and found.rows.tolist() == [n + 2 for n in range(400) if n not in (3, 5)]
    assert len(source(tmp_path, "text label", [["null", str(n % 2)] for n in range(9)]).labels) == 9


def test_a_row_without_a_group_is_a_group_of_its_own(tmp_path: Path) -> None:
    cells = [*rows(4, "a"), *rows(4, "b"), *rows(2, "")]
    groups = source(tmp_path, "text label film", cells, group_column="film").groups
    assert groups is not None and len(set(groups[:4])) == len(set(groups[4:8])) == 1 and len(set(groups)) == 4
    more = source(tmp_path, "text label film", [*cells, *rows(5, "NULL")], group_column="film").groups
    assert more is not None and len(set(more)) == 9
    with pytest.raises(DataError, match="film has 2 different groups; each part needs one of its own"):
        source(tmp_path, "text label film", cells[:8], group_column="film")


@pytest.mark.parametrize(
    "cells",
    [
        ("2019-01-02", "2019-11-03", "2020-02-01"),
        ("2019-01-02T10:00:00Z", "2019-11-03", "2020-02-01 23:59"),
        ("02/01/2019", "25/12/2019", "01/02/2020"),  # only days before months make sense of all
        ("01/02/2019", "12/25/2019", "02/01/2020"),
        ("January 2, 2019", "Nov 3, 2019", "February 1, 2020"),
        ("Mon Apr 06 22:19:45 PDT 2009", "Tue Apr 07 00:19:45 PDT 2009", "Thu Jun 25 10:28:30 PDT 2009"),
        ("1252771200", "1252771300", "1400000000"),
        ("1999", "2003.5", "2010"),
    ],
)
def test_times_in_common_forms_ascend(cells: tuple[str, ...]) -> None:
    found = times_of(cells)
    assert np.isfinite(found).all() and (np.diff(found) > 0).all()
    assert np.isnan(times_of([*cells, "soon"])).tolist() == [False] * 3 + [True]


def test_a_row_without_a_time_does_not_fit(tmp_path: Path) -> None:
    cells = [[*row, f"2020-01-{1 + n % 28:02}"] for n, row in enumerate(rows(200))]
    cells[3][2] = "soon"
    found = source(tmp_path, "text label day", cells, time_column="day")
    assert found.times is not None and len(found.times) == 199
    assert found.left_out.reasons == "line 5 has no time that can be read"


def test_a_label_that_cannot_be_cut_does_not_fit(tmp_path: Path) -> None:
    cells = [[f"film {n}", f"{n / 10:.1f}"] for n in range(200)]
    cells[9][1] = "soon"
    found = source(tmp_path, "text score", cells, label_edges=(5.0,))
    assert found.classes.names == ("up to 5", "over 5") and found.left_out.reasons == "line 11 has a label that is no number"
