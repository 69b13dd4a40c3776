"""Laws of tables in JSON, Parquet, Arrow and Excel, in archives and folders, and of what is no table."""

import gzip
import io
import json
import os
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config import Data
from data.store import source_digest
from data.tables.open import open_table, refuse_address
from data.tables.table import BadRow, Reading
from records.errors import DataError
from tests.data.test_tables import TEXTS, bad, cells, table

# -- JSON --------------------------------------------------------------------------------------------------------------


def test_json_lines_have_all_keys_as_columns_and_numbers_as_they_are_written(tmp_path: Path) -> None:
    lines = [
        '{"text": "good", "stars": 5.0, "n": 5}',
        '{"text": "bad", "stars": null, "new": {"a": [1, "é"]}, "yes": true, "big": 1e5}',
        "[1, 2]",
        '{"text": "cut',
        "",
        '{"text": "half \\ud83d"}',
    ]
    read = table(tmp_path / "r.jsonl.gz", gzip.compress("\n".join(lines).encode()))
    assert read.columns == ("text", "stars", "n", "new", "yes", "big") and "gzip" in read.found.details
    assert cells(read) == [("good", "5.0", "5", "", "", ""), ("bad", "", "", '{"a": [1, "é"]}', "true", "1e5")]
    assert [line.partition(" (")[0] for line in bad(read)] == [
        "line 3 is no JSON object but another value",
        "line 4 is no JSON object",
        "line 6 has half of a character in column 'text'",
    ]


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table"])
def test_every_form_of_pandas_json_is_read(orient: Any, tmp_path: Path) -> None:
    pd.DataFrame({"text": TEXTS, "label": [0, 1, 0, 1]}).to_json(tmp_path / "r.json", orient=orient)
    read = open_table(tmp_path / "r.json", Reading())
    assert read.columns[-2:] == ("text", "label")
    assert [row[-2:] for row in cells(read)] == [(text, str(i % 2)) for i, text in enumerate(TEXTS)]


def test_an_array_in_an_object_is_read_and_one_that_is_cut_off_is_a_sentence(tmp_path: Path) -> None:
    content = json.dumps({"version": "1", "data": [{"text": text} for text in TEXTS]}, indent=2)
    assert cells(table(tmp_path / "r.json", content)) == [(text,) for text in TEXTS]
    with pytest.raises(DataError, match="is damaged or cut off after 1 values of JSON"):
        table(tmp_path / "r.json", json.dumps([{"text": text} for text in TEXTS])[:60])
    with pytest.raises(DataError, match="holds no JSON objects; expected an array of objects"):
        table(tmp_path / "r.json", "[[1, 2]]")


def test_arrays_called_as_parts_are_the_parts_and_what_else_is_not_read_is_said(tmp_path: Path) -> None:
    content = {part: [{"text": part, "label": n}] for n, part in enumerate(("train", "val", "test"))}
    read = table(tmp_path / "r.json", json.dumps({"version": 1, **content}))
    assert read.columns == ("text", "label", "split")
    assert cells(read) == [("train", "0", "train"), ("val", "1", "validation"), ("test", "2", "test")]
    read = table(tmp_path / "r.json", json.dumps({"users": [{"name": "a"}], "reviews": [{"text": "a"}, {"text": "b"}]}))
    assert cells(read) == [("a",), ("b",)] and "not read: users" in read.found.details


def test_a_row_of_an_object_of_columns_and_data_that_does_not_fit_is_named(tmp_path: Path) -> None:
    rows = [["good", 1], ["bad", 0, "more"], ["odd"], 3]
    read = table(tmp_path / "r.json", json.dumps({"columns": ["text", "label"], "data": rows}))
    assert cells(read) == [("good", "1")]
    assert bad(read) == [
        f"row {n} is no JSON object but {what}" for n, what in ((2, "an array of 3"), (3, "an array of 1"), (4, "another value"))
    ]


# -- Parquet, Arrow, Excel ---------------------------------------------------------------------------------------------


def hugging_face() -> pa.Table:
    about = {"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}, "text": {"_type": "Value"}}}}
    made = pa.table({"text": [TEXTS[0], None, TEXTS[2]], "label": pa.array([0, 1, -1])})
    return made.replace_schema_metadata({"huggingface": json.dumps(about)})


def test_parquet_has_nothing_where_nothing_is_and_the_names_of_classes(tmp_path: Path) -> None:
    made = hugging_face()
    made = made.append_column("f", pa.array([1.0, float("nan"), None])).append_column("bytes", pa.array([b"x", b"\xff", None]))
    made = made.append_column("kind", pa.array(["a", None, "a"]).dictionary_encode()).append_column(
        "l", pa.array([[1], None, []])
    )
    pq.write_table(made, tmp_path / "r.parquet")
    read = open_table(tmp_path / "r.parquet", Reading())
    assert cells(read) == [(TEXTS[0], "neg", "1.0", "x", "a", "[1]"), (TEXTS[2], "", "", "", "a", "[]")]
    assert bad(read) == ["row 2 has a byte 0xff in column 'bytes' that is not UTF-8"]
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "r.parquet").read_bytes()[:-20])
    with pytest.raises(DataError, match=r"cut\.parquet: cannot be read"):
        open_table(tmp_path / "cut.parquet", Reading())


@pytest.mark.parametrize("kind", ["file", "stream", "feather"])
def test_arrow_files_and_streams_are_read(kind: str, tmp_path: Path) -> None:
    made, path = hugging_face(), str(tmp_path / "r.arrow")
    if kind == "feather":
        from pyarrow import feather

        feather.write_feather(made, path)
    else:
        with pa.OSFile(path, "wb") as file, (pa.ipc.new_file if kind == "file" else pa.ipc.new_stream)(file, made.schema) as out:
            out.write_table(made)
    assert cells(open_table(Path(path), Reading())) == [(TEXTS[0], "neg"), ("", "pos"), (TEXTS[2], "")]


def test_a_missing_reader_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(hugging_face(), tmp_path / "r.parquet")
    pd.DataFrame({"text": TEXTS}).to_excel(tmp_path / "r.xlsx")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    for name, extra in (("r.parquet", "parquet"), ("r.xlsx", "excel")):
        with pytest.raises(DataError, match=f"run with EXTRAS={extra}, or save it as CSV"):
            open_table(tmp_path / name, Reading())


def test_the_first_sheet_of_excel_that_holds_a_table_is_read(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "r.xlsx") as book:
        pd.DataFrame().to_excel(book, sheet_name="empty")
        pd.DataFrame({"About these reviews": ["collected in 2019"]}).to_excel(book, sheet_name="About", index=False)
        frame = pd.DataFrame({"text": [*TEXTS[:2], None, TEXTS[3]], "stars": [5, 4.5, None, 1], "on": pd.Timestamp("2020-01-02")})
        frame.loc[2] = None
        frame.to_excel(book, sheet_name="reviews", index=False, startrow=1)
        pd.DataFrame({"x": [1]}).to_excel(book, sheet_name="more")
    read = open_table(tmp_path / "r.xlsx", Reading())
    assert read.found.details == ("sheet 'reviews'", "sheets 'About', 'more' not read")
    expected = [(TEXTS[0], "5"), (TEXTS[1], "4.5"), (TEXTS[3], "1")]
    assert [row[:2] for row in cells(read)] == expected and cells(read)[0][2].startswith("2020-01-02")
    assert [read.place(row.number) for row in read.rows()] == ["row 3", "row 4", "row 6"]


def test_sheets_of_excel_may_be_the_parts_of_a_table(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "r.xlsx") as book:
        pd.DataFrame({"text": TEXTS[:1], "label": "neg"}).to_excel(book, sheet_name="Test", index=False)
        pd.DataFrame({"text": TEXTS[1:3], "label": "pos"}).to_excel(book, sheet_name="Train", index=False)
        pd.DataFrame({"made": ["by hand"]}).to_excel(book, sheet_name="notes", index=False)
    read = open_table(tmp_path / "r.xlsx", Reading())
    assert read.columns == ("text", "label", "split") and "sheet 'notes' not read" in read.found.details
    assert cells(read) == [(TEXTS[1], "pos", "train"), (TEXTS[2], "pos", "train"), (TEXTS[0], "neg", "test")]
    assert [read.place(row.number) for row in read.rows()][2] == "sheet 'Test' of r.xlsx, row 2"


@pytest.mark.parametrize("name", ["r.parquet", "r.feather", "r.xlsx"])
def test_a_damaged_file_of_typed_columns_gives_rows_or_a_sentence(name: str, tmp_path: Path) -> None:
    frame = hugging_face().to_pandas()
    getattr(frame, {"r.xlsx": "to_excel", "r.parquet": "to_parquet", "r.feather": "to_feather"}[name])(tmp_path / name)
    whole, random = (tmp_path / name).read_bytes(), np.random.default_rng(1)
    refused = 0
    for _ in range(50):
        changed = bytearray(whole)
        for place in random.integers(len(whole), size=5):
            changed[place] = random.integers(256)
        (tmp_path / name).write_bytes(changed)
        try:
            list(open_table(tmp_path / name, Reading()).rows())
        except DataError:
            refused += 1
    assert refused


# -- archives, folders, pipes ------------------------------------------------------------------------------------------


def test_a_zip_is_read_as_what_it_holds(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.writestr("data/IMDB Dataset.csv", "review,sentiment\nx,positive\n")
        archive.writestr("__MACOSX/data/._IMDB Dataset.csv", b"\0\5\26\7")
        archive.writestr("data/.DS_Store", b"\0")
    assert cells(open_table(tmp_path / "one.zip", Reading())) == [("x", "positive")]
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("train.csv", "text,label\na,1\n")
        archive.writestr("test.csv", "id,text\n7,b\n")
        archive.writestr("sample_submission.csv", "id,label\n1,0\n")
    read = open_table(tmp_path / "two.zip", Reading())
    assert read.columns == ("text", "label", "id", "split") and cells(read) == [("a", "1", "", "train"), ("b", "", "7", "test")]
    assert "not read: sample_submission.csv" in read.found.details and "test.csv has no column label" in read.found.details


@pytest.mark.parametrize("name", ["r.csv.gz", "r.csv.xz", "r.csv.bz2", "r.zip", "r.tar.gz"])
def test_a_damaged_archive_is_one_sentence(name: str, tmp_path: Path) -> None:
    pd.DataFrame({"text": [os.urandom(20).hex() for _ in range(200)]}).to_csv(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for keep in (len(whole) // 2, len(whole) - 9, 20):
        (tmp_path / name).write_bytes(whole[:keep])
        with pytest.raises(DataError, match="fetch or make it again"):
            list(open_table(tmp_path / name, Reading()).rows())


def test_a_damaged_text_in_an_archive_of_class_folders_is_one_sentence(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        for name in ("neg/1.txt", "pos/1.txt"):
            archive.writestr(name, "some text")
    whole = bytearray((tmp_path / "r.zip").read_bytes())
    whole[whole.index(b"some text")] ^= 0xFF
    (tmp_path / "r.zip").write_bytes(whole)
    with pytest.raises(DataError, match=r"r\.zip, neg/1\.txt: cannot be read .*fetch or make it again"):
        list(open_table(tmp_path / "r.zip", Reading()).rows())


def test_the_list_of_files_of_an_archive_is_read_once_however_many_there_are(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        for number in range(5_000):
            archive.writestr(f"{('neg', 'pos')[number % 2]}/{number}.txt", "a text")
    start = time.process_time()
    assert len(cells(open_table(tmp_path / "r.zip", Reading()))) == 5_000
    assert time.process_time() - start < 10  # read for each file, it takes more than a minute


def acl_folder(folder: Path) -> Path:
    for split in ("train", "test"):
        for label in ("neg", "pos"):
            (folder / split / label).mkdir(parents=True)
            for number in range(2):
                (folder / split / label / f"{number}_5.txt").write_text(f"{split} {label} {number} café", encoding="utf-8")
        (folder / split / "urls_neg.txt").write_text("http://x\n")
    (folder / "train" / "unsup").mkdir()
    (folder / "train" / "unsup" / "0_0.txt").write_text("no label")
    (folder / "imdb.vocab").write_text("the\n")
    return folder


def test_aclimdb_is_read_the_same_from_folder_and_archives_in_the_order_of_its_paths(tmp_path: Path) -> None:
    folder = acl_folder(tmp_path / "down" / "aclImdb")
    with tarfile.open(tmp_path / "acl.tar.gz", "w:gz") as archive:
        archive.add(folder, arcname="aclImdb")
    with zipfile.ZipFile(tmp_path / "acl.zip", "w") as packed:
        for file in folder.rglob("*.txt"):
            packed.write(file, file.relative_to(folder.parent))
    reads = [open_table(path, Reading()) for path in (folder, folder.parent, tmp_path / "acl.tar.gz", tmp_path / "acl.zip")]
    assert all(cells(read) == cells(reads[0]) for read in reads) and len(cells(reads[0])) == 9
    assert reads[0].columns == ("text", "label", "title", "split")
    assert cells(reads[0])[0] == ("test neg 0 café", "neg", "0_5.txt", "test") and reads[0].place(1) == "test/neg/0_5.txt"
    assert cells(reads[0])[-1] == ("no label", "", "0_0.txt", "unsup")


def test_folders_that_links_lead_to_are_read_and_noticed_and_those_that_lead_back_are_not(tmp_path: Path) -> None:
    folder = acl_folder(tmp_path / "aclImdb")
    expected = cells(open_table(folder, Reading()))
    (folder / "test").rename(tmp_path / "elsewhere")
    (folder / "test").symlink_to(tmp_path / "elsewhere")
    (folder / "train" / "pos" / "back").symlink_to(folder)
    assert cells(open_table(folder, Reading())) == expected
    before = source_digest(Data(source=str(folder)))
    (tmp_path / "elsewhere" / "neg" / "0_5.txt").write_text("another text")
    assert source_digest(Data(source=str(folder))) != before


def test_class_folders_of_any_names_are_read_and_a_bad_file_is_named(tmp_path: Path) -> None:
    for label in ("good", "bad", "ugly"):
        table_folder = tmp_path / "mine" / label
        table_folder.mkdir(parents=True)
        for number in range(60):
            (table_folder / f"{number}.txt").write_text(f"{label} {number}")
    (tmp_path / "mine" / "bad" / "._0.txt").write_bytes(b"\0\5\26\7")
    (tmp_path / "mine" / "bad" / "7.txt").write_bytes(b"caf\xe9")
    read = open_table(tmp_path / "mine", Reading())
    assert read.columns == ("text", "label", "title") and len(cells(read)) == 179
    assert bad(read) == ["bad/7.txt has a byte 0xe9 that is not UTF-8; name the encoding: --set data.encoding=cp1252"]


@pytest.mark.parametrize("name", ["{}", "{}.TXT", "{}.text", "texts/{}.txt"])
def test_class_folders_hold_texts_without_an_ending_or_with_any_and_maybe_in_one_more_folder(name: str, tmp_path: Path) -> None:
    for label in ("alt.atheism", "sci.space"):
        for number in range(3):
            path = tmp_path / "news" / label / name.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{label} {number}")
    (tmp_path / "news" / "README").write_text("about")
    read = open_table(tmp_path / "news", Reading())
    assert [row[:2] for row in cells(read)] == [(f"{c} {i}", c) for c in ("alt.atheism", "sci.space") for i in range(3)]


def test_folders_of_which_it_is_not_clear_which_are_classes_are_one_sentence(tmp_path: Path) -> None:
    for folder in ("de/neg", "de/pos", "en/neg", "en/pos"):
        (tmp_path / "all" / folder).mkdir(parents=True)
        (tmp_path / "all" / folder / "1.txt").write_text("a text")
    with pytest.raises(DataError, match=r"texts in 4 folders \(de/neg, .*which of these are classes is not clear.*\(all/de\)"):
        open_table(tmp_path / "all", Reading())
    assert len(cells(open_table(tmp_path / "all" / "de", Reading()))) == 2


def test_parts_in_files_are_chained_and_their_names_may_be_the_hubs(tmp_path: Path) -> None:
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001", "unsupervised-00000-of-00001"):
        (tmp_path / "hub" / "data").mkdir(parents=True, exist_ok=True)
        pq.write_table(hugging_face(), tmp_path / "hub" / "data" / f"{name}.parquet")
    (tmp_path / "hub" / "README.md").write_text("about")
    read = open_table(tmp_path / "hub", Reading())
    assert [row[-1] for row in cells(read)] == ["train"] * 6 + ["validation"] * 3 + ["unsup"] * 3
    assert [read.place(row.number) for row in read.rows()][4] == "data/train-00001-of-00002.parquet, row 2"
    for name, content in (
        ("train.csv", "text,label\na,1\n"),
        ("dev.jsonl", '{"label": 0, "text": "b"}\n'),
        ("test.tsv", "Text\tLABEL\nc\t\n"),  # which differ from the others' in capitals alone
    ):
        table(tmp_path / "mixed" / name, content)
    assert cells(open_table(tmp_path / "mixed", Reading())) == [("a", "1", "train"), ("b", "0", "validation"), ("c", "", "test")]
    table(tmp_path / "mixed" / "dev.jsonl", '{"label": 0, "text": "a\\u0000"}\n')
    assert [row.cells for row in open_table(tmp_path / "mixed", Reading()).rows() if isinstance(row, BadRow)] == [
        ("a\0", "0", "validation")  # in their places, though no text
    ]
    table(tmp_path / "mixed" / "dev.jsonl", '{"stars": 0, "text": "b"}\n')
    with pytest.raises(DataError, match=r"train.csv has the columns text, label, and dev.jsonl has stars, text; give them"):
        open_table(tmp_path / "mixed", Reading())


def test_rows_of_parts_that_have_parts_of_their_own_are_placed(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    for name in ("train", "test"):
        with zipfile.ZipFile(tmp_path / "all" / f"{name}.zip", "w") as archive:
            for part in ("train", "test"):
                archive.writestr(f"{part}.csv", "text,label\na,1\n")
    read = open_table(tmp_path / "all", Reading())
    places = [f"{outer}.zip, {inner}.csv, line 2" for outer in ("train", "test") for inner in ("train", "test")]
    assert [read.place(row.number) for row in read.rows()] == places


def test_a_data_set_that_hugging_face_saved_is_read(tmp_path: Path) -> None:
    for split in ("train", "test"):
        folder = tmp_path / "saved" / split
        folder.mkdir(parents=True)
        made = hugging_face()
        with pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as file, pa.ipc.new_stream(file, made.schema) as out:
            out.write_table(made)
        (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
        (folder / "dataset_info.json").write_text("{}")
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    read = open_table(tmp_path / "saved", Reading())
    assert read.columns == ("text", "label", "split") and [row[1:] for row in cells(read)][:2] == [
        ("neg", "train"),
        ("pos", "train"),
    ]
    assert open_table(tmp_path / "saved" / "train", Reading()).columns == ("text", "label")
    (tmp_path / "saved" / "test" / "data-00000-of-00001.arrow").unlink()
    with pytest.raises(DataError, match=r"test/data-00000-of-00001\.arrow is missing"):
        open_table(tmp_path / "saved", Reading())


def test_a_folder_with_one_table_is_that_table_and_others_are_listed(tmp_path: Path) -> None:
    table(tmp_path / "f" / "Reviews.csv", "text,label\na,1\n")
    for name in (
        "README.md",
        "hashes.txt",
        "._Reviews.csv",
        ".DS_Store",
        "Thumbs.db",
        "~$r.xlsx",
        "database.sqlite",
        "archive.zip",
    ):
        (tmp_path / "f" / name).write_bytes(b"\0\1")
    assert cells(open_table(tmp_path / "f", Reading())) == [("a", "1")]
    table(tmp_path / "states" / "statements.csv", "text,label\na,1\n")
    assert cells(open_table(tmp_path / "states", Reading())) == [("a", "1")]
    table(tmp_path / "f" / "other.csv", "text,label\na,1\n")
    with pytest.raises(
        DataError, match=r"holds several tables \(Reviews.csv, other.csv\); name one of them, or call them train.csv"
    ):
        open_table(tmp_path / "f", Reading())
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no table \(nothing\); expected one table, train.csv and test.csv"):
        open_table(tmp_path / "empty", Reading())


def test_what_comes_through_a_pipe_is_read_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "reviews"
    os.mkfifo(pipe)
    content = gzip.compress(b"text,label\na,1\n")
    threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()
    read = open_table(pipe, Reading())
    assert cells(read) == cells(read) == [("a", "1")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    read = open_table(Path("-"), Reading())
    assert read.name == "standard input" and cells(read) == [("a", "1")]


# -- what is no table --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["https://example.org/reviews.csv", "s3://bucket/reviews.csv", "hf://datasets/imdb"])
def test_a_web_address_is_called_one(address: str) -> None:
    with pytest.raises(DataError, match=f"{address} is a web address, and nothing is downloaded: fetch it first"):
        refuse_address(address)
    with pytest.raises(DataError, match=f"{address} is a web address"):
        open_table(Path(address), Reading())
    refuse_address("C:/reviews.csv")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("r.csv", b"", "is empty"),
        ("r.csv", b"\n\n", "is empty"),
        ("r.csv", b"<!DOCTYPE html><html>", "is a web page .HTML or XML., no table"),
        ("r.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old Excel file, no table; save it as .xlsx"),
        ("r.db", b"SQLite format 3\0", "is an SQLite database"),
        ("r.csv", b"version https://git-lfs.github.com/spec/v1\noid", "fetch it with git lfs pull"),
        ("r.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe", "no other encoding fits"),
        ("r.doc", b"?", "its lines are no rows of cells; give CSV"),
        ("r.csv", b"text,label\0\nx,1\n", "line 1, which should name the columns, has a NUL byte"),
    ],
)
def test_what_is_no_table_is_one_sentence(name: str, content: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=sentence):
        table(tmp_path / name, content)


def test_nothing_there_is_one_sentence_with_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("text\n")
    with pytest.raises(DataError, match=r"review\.csv: there is no such file or folder; did you mean .*reviews\.csv\?"):
        open_table(tmp_path / "review.csv", Reading())
