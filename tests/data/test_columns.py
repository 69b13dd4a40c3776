"""Laws of columns: those that people name, those that usual names tell, those that only their content tells."""

import csv
from pathlib import Path

import pytest

from data.sources.columns import Columns, find
from data.sources.wanted import Wanted
from data.tables.open import open_table
from data.tables.table import Reading, Table
from records.errors import DataError

LONG = "a text of quite some words, as people write them"


def a_table(tmp_path: Path, names: list[str], *rows: list[str]) -> Table:
    path = tmp_path / "r.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])
    return open_table(path, Reading())


def found(tmp_path: Path, names: list[str], *rows: list[str], **wanted: str) -> Columns:
    return find(a_table(tmp_path, names, *rows), Wanted(**wanted))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "text", "label"),
    [
        ("Id ProductId Score Summary Text", "Text", "Score"),  # Amazon Fine Food Reviews
        ("review_id stars useful text date", "text", "stars"),  # Yelp
        ("tweet_id airline_sentiment airline_sentiment_confidence text", "text", "airline_sentiment"),
        ("id sentiment review", "review", "sentiment"),  # Kaggle's labeledTrainData.tsv
        ("PhraseId SentenceId Phrase Sentiment", "Phrase", "Sentiment"),  # Rotten Tomatoes
        ("rating date variation verified_reviews feedback", "verified_reviews", "rating"),
        ("reviewerID overall reviewText summary", "reviewText", "overall"),  # Amazon's JSON lines
        ("text label label_text", "text", "label"),  # Hugging Face
        ("Tweet Target", "Tweet", "Target"),
        ("reviewText overall label text", "text", "label"),
    ],
)
def test_columns_of_tables_that_people_have_are_found_by_their_names(tmp_path: Path, names: str, text: str, label: str) -> None:
    columns = names.split()
    assert found(tmp_path, columns, ["0"] * len(columns)) == Columns((columns.index(text),), columns.index(label))


def test_names_that_say_nothing_leave_it_to_the_content(tmp_path: Path) -> None:
    rows = [[str(number), "ham" if number % 2 else "spam", f"{LONG} {number}", str(number * 7)] for number in range(60)]
    assert found(tmp_path, ["a", "v1", "v2", "d"], *rows) == Columns((2,), 1)
    known = [[f"{LONG} {number}", str(number % 3), "04"[number % 2], "04"[number % 2]][:3] for number in range(60)]
    assert found(tmp_path, ["a", "b", "c"], *known) == Columns((0,), 2)  # 0 and 4 are known as labels, 0, 1 and 2 are not


def test_two_columns_that_may_be_meant_are_a_sentence_with_both_settings(tmp_path: Path) -> None:
    rows = [[LONG, LONG, str(number % 3), str(number % 4)] for number in range(20)]
    with pytest.raises(DataError, match=r"texts may stand in 'a' or 'b'; say which with --set data.text_column=a or --set data"):
        found(tmp_path, ["a", "b", "c", "d"], *rows)
    with pytest.raises(
        DataError, match=r"labels may stand in 'c' or 'd'; say which with --set data.label_column=c or --set data"
    ):
        found(tmp_path, ["a", "b", "c", "d"], *rows, text_column="a")
    assert found(tmp_path, ["a", "b", "c", "d"], *rows, text_column="b", label_column="d") == Columns((1,), 3)


def test_of_equally_good_names_the_much_longer_text_and_the_column_with_few_values_are_taken(tmp_path: Path) -> None:
    rows = [["9", LONG, str(number % 2), str(number)] for number in range(60)]
    assert found(tmp_path, ["review", "fulltext", "sentiment", "target"], *rows) == Columns((1,), 2)


def test_a_name_is_taken_whatever_its_capitals_and_a_wrong_one_gets_the_closest(tmp_path: Path) -> None:
    names, row = ["Review Text", "Rating"], [LONG, "1"]
    assert found(tmp_path, names, row, text_column="review text") == Columns((0,), 1)
    with pytest.raises(
        DataError, match=r"no column 'Review' \(data.text_column\); did you mean --set 'data.text_column=Review Text'\?"
    ):
        found(tmp_path, names, row, text_column="Review")
    with pytest.raises(
        DataError, match=r"no column 'Ratng' \(--label-column\); did you mean --label-column Rating\? Its columns: Rev"
    ):
        find(a_table(tmp_path, names, row), Wanted(label_column="Ratng", are_options=True))


def test_several_text_columns_are_named_with_a_plus_sign(tmp_path: Path) -> None:
    assert found(tmp_path, ["title", "body", "stars"], ["a", "b", "1"], text_column="title+body") == Columns((0, 1), 2)
    assert found(tmp_path, ["a+b", "stars"], ["a", "1"], text_column="a+b") == Columns((0,), 1)


def test_a_column_is_the_split_only_where_it_holds_words_for_parts(tmp_path: Path) -> None:
    names = ["text", "label", "split"]
    assert found(tmp_path, names, [LONG, "1", "Train"], [LONG, "1", "DEV"]).split == 2
    assert found(tmp_path, names, [LONG, "1", "a"], [LONG, "1", "b"]).split is None
    assert found(tmp_path, ["text", "label", "set"], [LONG, "1", "train"], [LONG, "1", "test"]).split == 2
    assert found(tmp_path, names, [LONG, "1", "train"], [LONG, "1", "test"], split_column="").split is None
    assert found(tmp_path, names, [LONG, "1", "a"], [LONG, "1", "b"], split_column="split").split == 2


def test_one_word_for_a_part_anywhere_makes_the_split_column_and_none_a_note(tmp_path: Path) -> None:
    names, plain = ["text", "label", "fold"], [[LONG, "1", f"other {number}"] for number in range(3_000)]
    assert found(tmp_path, names, *plain, [LONG, "0", "test"]).split == 2
    unused = found(tmp_path, names, *plain)
    assert unused.split is None and unused.notes(names) == (
        "the column 'fold' holds no word for a part (train, validation, test) and was not used",
    )
    assert found(tmp_path, names, *plain, split_column="").notes(names) == ()
    assert found(tmp_path, ["text", "dataset"], [LONG, "good"], [LONG, "bad"]).notes(["text", "dataset"]) == ()


def test_what_cannot_be_seen_in_a_name_does_not_hide_a_column(tmp_path: Path) -> None:
    names = ["\u200bte\u00adxt\xa0", "label\ufeff"]
    assert found(tmp_path, names, [LONG, "1"]) == found(tmp_path, names, [LONG, "1"], text_column="text") == Columns((0,), 1)
    with pytest.raises(DataError, match=r"no column 'zzz' \(data.text_column\); its columns: "):
        found(tmp_path, names, [LONG, "1"], text_column="zzz")


def test_a_table_without_a_column_for_labels_says_what_to_name(tmp_path: Path) -> None:
    rows = [[f"{LONG} {number}", str(number)] for number in range(60)]
    with pytest.raises(DataError, match=r"no column looks like labels among id; name it with --set data.label_column=NAME"):
        found(tmp_path, ["text", "id"], *rows)
    assert find(a_table(tmp_path, ["text", "id"], *rows), Wanted(), has_labels=False) == Columns((0,))
    with pytest.raises(DataError, match=r"has one column, 'text::label', .* name it with --set data.separator=CHARACTER"):
        found(tmp_path, ["text::label"], ["good::1"])
