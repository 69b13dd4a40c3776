"""Laws of reading tables: each row of people's files is read as it was meant, or named with what is wrong with it."""

from pathlib import Path
from typing import Any

import pytest

from config import Data
from data.tables.open import open_table
from data.tables.table import BadRow, Reading, Row, Table
from experiment.data_rules import problems_of
from records.errors import DataError

TEXTS = ("The plot was dull, and the cast clumsy.", "A superb film", "Je suis déçu", "nothing")


def table(path: Path, content: str | bytes, **reading: Any) -> Table:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_table(path, Reading(**reading))


def cells(read: Table) -> list[tuple[str, ...]]:
    return [row.cells for row in read.rows() if isinstance(row, Row)]


def bad(read: Table) -> list[str]:
    return [f"{read.place(row.number)} {row.reason}" for row in read.rows() if isinstance(row, BadRow)]


# -- delimited text ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "details"),
    [
        ('text,label\n"good, ""really""\nfilm",1\nbad,0\n', ("commas between cells", "encoding UTF-8")),
        ('text\tlabel\n"good, ""really""\nfilm"\t1\nbad\t0\n', ("tabs between cells", "encoding UTF-8")),
        ('text;label\r\n"good, ""really""\nfilm";1\r\nbad;0\r\n', ("semicolons between cells", "encoding UTF-8")),
        ('text|label\n"good, ""really""\nfilm"|1\nbad|0', ("pipes between cells", "encoding UTF-8")),
        ('sep=;\ntext;label\n"good, ""really""\nfilm";1\nbad;0\n', ("semicolons between cells", "encoding UTF-8")),
        ('text, label\n"good, ""really""\nfilm", 1\nbad, 0\n', ("commas between cells", "encoding UTF-8")),
        ('\n\ntext,label\n\n"good, ""really""\nfilm",1\n\nbad,0\n,\n\n', ("commas between cells", "encoding UTF-8")),
        ('text,label\r\r\n"good, ""really""\nfilm",1\r\r\nbad,0\r\r\n', ("commas between cells", "encoding UTF-8")),
        (
            'text,label\n"good, ""really""\nfilm",1,,,\nbad,0,,,\n',
            ("commas between cells", "encoding UTF-8", "separators at the end of each row"),
        ),
        (
            'text,label\n"good, ""really""\nfilm",1,\nbad,0,\n',
            ("commas between cells", "encoding UTF-8", "separators at the end of each row"),
        ),
        (
            'text\tlabel\n"good, \\"really\\"\nfilm"\t1\n"bad"\t0\n',
            ("tabs between cells", "encoding UTF-8", "backslashes before quotes inside cells"),
        ),
    ],
)
def test_separators_and_quotes_are_found(content: str, details: tuple[str, ...], tmp_path: Path) -> None:
    read = table(tmp_path / "r.csv", content)
    assert read.columns == ("text", "label") and read.found.details == details
    assert [(text, label.strip()) for text, label in cells(read)] == [('good, "really"\nfilm', "1"), ("bad", "0")] and bad(
        read
    ) == []


def test_lines_that_begin_with_a_quote_are_a_row_each(tmp_path: Path) -> None:
    odd = ['" The structure is tight.  ', "\"You'll love it!  ", '"Bad" is too kind, "awful" is better.  ', '"So bad it hurts.  ']
    lines = [f"text {i}" if i % 25 else odd[i // 25] for i in range(100)]
    for separator in "\t|,":
        texts = [line.replace(separator, " ") for line in lines]
        rows = [(text, str(i % 2)) for i, text in enumerate(texts)]
        read = table(tmp_path / "r.tsv", "".join(f"{separator.join(row)}\n" for row in [("text", "label"), *rows]))
        assert cells(read) == rows and "no quoting: quotes are characters like others" in read.found.details


def test_a_quote_that_swallows_rows_up_to_the_next_one_is_no_quote(tmp_path: Path) -> None:
    texts = ["plain"] * 50
    texts[10], texts[30] = '"It opens', 'and closes"'
    read = table(tmp_path / "r.tsv", "text\tlabel\n" + "".join(f"{text}\t1\n" for text in texts))
    assert [row[0] for row in cells(read)] == texts
    read = table(tmp_path / "r.csv", "text,label\n" + "".join(f"{text},1\n" for text in texts))
    assert [row[0] for row in cells(read)] == texts


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("damaged", ['"Fine" he said', '"So ""fine"" a film" he said"', '"in the "middle" of it"'])
def test_one_damaged_row_does_not_make_quotes_of_a_quoted_table_plain(separator: str, damaged: str, tmp_path: Path) -> None:
    lines = ['"text"', *(f'"a {word} film"' for word in ("dull", "good", "long") * 9)]
    lines = [f'{line}{separator}"{i % 2 if i else "label"}"' for i, line in enumerate(lines)]
    lines.insert(9, f'{damaged}{separator}"1"')
    read = table(tmp_path / "r.csv", "\n".join(lines))
    assert read.columns == ("text", "label") and cells(read)[0] == ("a dull film", "1") and len(cells(read)) == 27
    assert [line.split()[1] for line in bad(read)] == ["10"]


def test_quotes_behind_the_blank_after_a_separator_are_quotes_in_the_header_too(tmp_path: Path) -> None:
    read = table(tmp_path / "r.csv", '"text", "label"\n"a dull film", "neg"\n"good", "pos"\n')
    assert read.columns == ("text", "label") and cells(read) == [("a dull film", "neg"), ("good", "pos")]
    read = table(tmp_path / "r.csv", 'text,label\n" ""really"" ",1\n a blank,0\n')
    assert cells(read) == [(' "really" ', "1"), (" a blank", "0")]


def test_single_quotes_enclose_cells_where_they_enclose_all_names(tmp_path: Path) -> None:
    read = table(tmp_path / "r.csv", "'text','label'\n'good, isn''t it\nreally \"good\"',1\n'bad',0\n")
    assert cells(read) == [('good, isn\'t it\nreally "good"', "1"), ("bad", "0")]
    assert read.found.details[-1] == "single quotes around cells"
    read = table(tmp_path / "r.csv", "text,label\n'tis good,1\n'so bad',0\n")
    assert cells(read) == [("'tis good", "1"), ("'so bad'", "0")]


@pytest.mark.parametrize("wish", ["tab", "space", "semicolon", "pipe", "comma", "none", "~", ";", "tabs", '"', ""])
def test_a_separator_that_can_be_wished_is_one_wherever_it_is_checked(wish: str, tmp_path: Path) -> None:
    problems = [problem for problem in problems_of(Data(separator=wish)) if "separator" in problem]
    if wish in ("tabs", '"', ""):
        assert "expected auto, one character, or tab, semicolon, pipe, comma, space, none" in problems[0]
        with pytest.raises(DataError, match="expected auto, one character, or tab, semicolon, pipe, comma, space, none"):
            table(tmp_path / "r.txt", "text label\ngood 1\n", separator=wish)
    else:
        between = {"tab": "\t", "space": " ", "semicolon": ";", "pipe": "|", "comma": ",", "none": ""}.get(wish, wish)
        read = table(tmp_path / "r.txt", f"text{between}label\ngood{between}1\n", separator=wish)
        assert problems == [] and len(read.columns) == 1 + (wish != "none")


def test_no_quoting_can_be_wished(tmp_path: Path) -> None:
    read = table(tmp_path / "r.csv", 'text,label\n"good",1\n', quoting="none")
    assert cells(read) == [('"good"', "1")]
    with pytest.raises(DataError, match=r"data\.quoting=some: expected auto or none"):
        table(tmp_path / "r.csv", "text\nx\n", quoting="some")


def test_a_damaged_row_is_named_by_its_line_and_takes_no_other_with_it(tmp_path: Path) -> None:
    good = '"x, y",1\n"two\nlines",0\n'
    read = table(
        tmp_path / "r.csv", f'text,label\n{good}"open,0\n{good}"in "the" middle",1\n{good}last "quote,1\n"never,1\nend,0\n'
    )
    assert [line.split(" ", 3)[:3] for line in bad(read)] == [
        ["line", "5", "opens"], ["line", "9", "has"], ["line", "14", "opens"]
    ]  # fmt: skip
    assert len(cells(read)) == 8 and cells(read)[-2:] == [('last "quote', "1"), ("end", "0")]


def test_what_follows_a_damaged_row_is_read_only_where_it_looks_like_one(tmp_path: Path) -> None:
    good = '"x, y",1\n"z, q",0\n'
    read = table(tmp_path / "r.csv", f'text,label\n{good}"He said "hello\nworld, and so on\nmore",1\n{good}')
    assert cells(read) == [("x, y", "1"), ("z, q", "0")] * 2 and [line.split()[1] for line in bad(read)] == ["4", "5", "6"]


def test_a_row_of_another_width_is_named_and_never_read_in_part(tmp_path: Path) -> None:
    read = table(tmp_path / "r.csv", "text,label\n" + "first half, second half,1\n" * 3 + '"alone"\n"good",1\n')
    assert cells(read) == [("good", "1")]
    assert bad(read)[0] == "line 2 has 3 cells where the first row names 2; quote texts that hold commas"
    assert bad(read)[3] == "line 5 has 1 cell where the first row names 2"
    assert next(iter(read.rows())).cells == ("first half", " second half", "1")


@pytest.mark.parametrize(
    ("content", "left", "named"),
    [
        ("text,label\n{}a film.\nMore of it,1\n{}", 4, ["4", "5"]),  # a line break in a text without quotes
        ("text,label\n{}a film\n\nof it\nat last,1\n{}", 4, ["4", "6", "7"]),
        ('text,label\n{}"A film.\nMore of it,1\n{}"so, so",1\n', 5, ["4", "5"]),  # a quote that is never closed
        ('text,label\n{}"A fi\n"lm and more",1\n{}"so, so",1\n', 5, ["4", "5"]),
        ("label,text\n0,a dull film\n1,half of it\nthe rest\n0,so so\n1,very good\n", 3, ["3", "4"]),  # the text stands last
    ],
)
def test_the_parts_of_a_row_that_a_line_break_parts_are_all_left_out(
    content: str, left: int, named: list[str], tmp_path: Path
) -> None:
    read = table(tmp_path / "r.csv", content.format(*["a very good film,1\na dull film,0\n"] * 2))
    assert [line.split()[1] for line in bad(read)] == named and len(cells(read)) == left


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ('text,label\n{}"No label"\n"Good, very",1\n{}', 5),  # quoted cells are whole
        ('text,label\n{}"No label"\ngood,1\n{}', 5),
        ('text,label\n{}no label\n"good, very",1\n{}', 5),
        ("id,text,label\n1,good film,0\n2,so so,1\n3\n4,bad film,0\n5,so so,1\n", 4),  # a number has no line break
        ("text,label\n{}{}(4 rows)\n", 4),
        ("text,label\n{}one, two, three\n{}", 4),  # too many cells
    ],
)
def test_rows_beside_a_row_of_another_width_are_read_where_they_are_no_parts_of_it(
    content: str, left: int, tmp_path: Path
) -> None:
    read = table(tmp_path / "r.csv", content.format(*["a very good film,1\na dull film,0\n"] * 2))
    assert len(bad(read)) == 1 and len(cells(read)) == left


def test_row_names_of_r_and_an_index_of_pandas_do_no_harm(tmp_path: Path) -> None:
    expected = [(str(i + 1), text, str(i % 2)) for i, text in enumerate(TEXTS)]
    rows = "".join(f'"{name}","{text}",{label}\n' for name, text, label in expected)
    for header in ('"text","label"\n', ',"text","label"\n'):
        read = table(tmp_path / "r.csv", header + rows)
        assert read.columns == ("Unnamed: 0", "text", "label") and cells(read) == expected
    spaced = "".join(f'"{name}" "{text}" {label}\n' for name, text, label in expected)
    assert cells(table(tmp_path / "r.txt", '"text" "label"\n' + spaced)) == expected


def test_two_columns_of_one_name_and_a_second_row_of_names_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="several columns are named 'text'; rename all but one"):
        table(tmp_path / "r.csv", "text,label,text\nx,1,y\n")
    read = table(tmp_path / "r.csv", "text,label\nx,1\ntext,label\ny,0\n")
    assert bad(read) == ["line 3 names the columns again"] and len(cells(read)) == 2


def test_numbers_of_rows_are_lines_as_an_editor_counts(tmp_path: Path) -> None:
    content = 'text,label\n"one\r\ntwo\rstill two\nthree\u2028still three",1\n\nfive,0\n'
    read = table(tmp_path / "r.csv", content)
    assert [row.number for row in read.rows()] == [2, 6] and cells(read)[0][0] == content.split('"')[1]
    macintosh = 'text,label\r"one\ntwo",1\rthree,0\r'
    assert [(row.number, row.cells) for row in table(tmp_path / "m.csv", macintosh).rows()] == [
        (2, ("one\ntwo", "1")), (3, ("three", "0"))
    ]  # fmt: skip


def test_what_mysql_exports_is_read(tmp_path: Path) -> None:
    read = table(tmp_path / "r.tsv", "id\ttext\tlabel\n1\tgood\t1\n2\t\\N\t0\n3\ttwo\\\nlines, a \\\ttab\t1\n4\tC:\\\\x\t0\n")
    assert cells(read) == [("1", "good", "1"), ("2", "", "0"), ("3", "two\nlines, a \ttab", "1"), ("4", "C:\\x", "0")]
    assert r"\N is a missing value" in read.found.details and [row.number for row in read.rows()] == [2, 3, 4, 6]


@pytest.mark.parametrize(
    ("above", "said"),
    [
        ("# exported 2020\n# by me, you and them\n", "'# exported 2020', '# by me, you and them'"),
        ("# exported 2020\n\n", "'# exported 2020'"),
        ("My export 2020\n", "'My export 2020'"),
        ("Export,\n,\n", "'Export,'"),
        ("\ufeffMy export\n\n", "'My export'"),
    ],
)
def test_comments_and_a_title_above_the_names_are_skipped_and_said(above: str, said: str, tmp_path: Path) -> None:
    rows = [(text, str(i % 2)) for i, text in enumerate(("good", "bad, dull", "so so") * 3)]
    written = "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows)
    read = table(tmp_path / "r.csv", above + written)
    assert read.columns == ("text", "label") and cells(read) == rows and bad(read) == []
    assert any(detail.startswith("above the rows, not read: ") and said in detail for detail in read.found.details)
    assert next(iter(read.rows())).number == above.count("\n") + 2


def test_a_row_that_names_the_columns_as_the_person_does_is_no_text_whatever_names_are_not_wanted(tmp_path: Path) -> None:
    content = "Label,id,text\n1,5,good film\n0,6,bad film\n"
    assert cells(table(tmp_path / "r.csv", content, columns=("label", "-", "text"))) == [("1", "good film"), ("0", "bad film")]
    assert len(cells(table(tmp_path / "r.csv", content, columns=("stars", "-", "text")))) == 3


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("#text,label\n" + "good,1\nbad,0\n" * 4, ("#text", "label")),
        ("text\n" + "hello, world\nwell, good\n" * 4, ("text",)),
        ("text,label\n" + "good,1\nbad,0\n" * 4, ("text", "label")),
        ("my texts\n" + "hello, world\nwell, good\n" * 4, ("my texts",)),
    ],
)
def test_names_of_columns_are_no_comment_and_no_title(content: str, columns: tuple[str, ...], tmp_path: Path) -> None:
    read = table(tmp_path / "r.csv", content)
    assert read.columns == columns and len(cells(read)) == 8


def test_one_column_needs_no_separator_and_its_blank_lines_are_empty_texts(tmp_path: Path) -> None:
    read = table(tmp_path / "r.csv", 'text\nhello, world\n\n"quoted, too"\n')
    assert read.columns == ("text",) and cells(read) == [("hello, world",), ("",), ("quoted, too",)]


def test_fasttext_lines_are_labels_and_texts(tmp_path: Path) -> None:
    read = table(tmp_path / "ft.txt", "__label__2 Great: so good!\n__label__1 Bad, bad\nno label\n__label__a __label__b two\n")
    assert read.columns == ("label", "text") and bad(read) == ["line 3 begins with no __label__"]
    assert cells(read) == [("__label__2", "Great: so good!"), ("__label__1", "Bad, bad"), ("__label__a __label__b", "two")]


# -- no header ---------------------------------------------------------------------------------------------------------

SENTIMENT140 = "".join(
    f'"{4 * (i > 5)}","{i}","Mon Apr 06","NO_QUERY","user{i}","@you the film was dull{i}"\n' for i in range(12)
)


def test_a_first_row_of_data_is_refused_with_a_setting_to_copy_which_then_reads_every_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"looks like data.*--set data\.columns=label,-,-,-,-,text$"):
        table(tmp_path / "r.csv", SENTIMENT140)
    read = table(tmp_path / "r.csv", SENTIMENT140, columns=("label", "-", "", "-", "-", "text"))
    assert read.columns == ("label", "text") and len(cells(read)) == 12
    assert cells(read)[0] == ("0", "@you the film was dull0") and next(iter(read.rows())).number == 1
    with pytest.raises(DataError, match=r"rows have 6 cells, and data\.columns=text,label names 2.*=text,label,-,-,-,-$"):
        table(tmp_path / "r.csv", SENTIMENT140, columns=("text", "label"))


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("A very slow movie about a man.  \t0\nLoved it \t1\nBad film\t0\n", "text,label"),
        ("0\tshort\n1\tso good\n0\tbad\n", "label,text"),
        ("The plot was dull and the cast was clumsy\nA superb film\n", "text"),
        ('"3","Wall St. Bears","Short sellers are seeing green again"\n"1","Venezuelans","The votes are in"\n', "label,-,text"),
    ],
)
def test_texts_and_labels_are_told_apart_where_nothing_names_them(content: str, columns: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"looks like data.*data\.columns={columns}$"):
        table(tmp_path / "r.txt", content)


def test_questions_and_a_user_called_user_are_names_of_columns(tmp_path: Path) -> None:
    rows = "".join(f"{'user' if i == 3 else f'u{i}'},{text!r},{i}\n".replace("'", '"') for i, text in enumerate(TEXTS * 40))
    read = table(tmp_path / "r.csv", f"user,How did you like it? Please describe it in your own words,rating\n{rows}")
    assert len(read.columns) == 3 and len(cells(read)) == 160


# -- encodings ---------------------------------------------------------------------------------------------------------

FRENCH = "avis;note\r\n" + "".join(f'"Le film était très décevant, où est l’idée n°{i} ?";{i % 2}\r\n' for i in range(30))


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "encoding UTF-8"),
        ("utf-8-sig", "encoding UTF-8"),
        ("utf-16", "encoding UTF-16"),
        ("utf-32", "encoding UTF-32"),
        ("utf-16-le", "encoding UTF-16-LE, detected"),
        ("utf-16-be", "encoding UTF-16-BE, detected"),
        ("cp1252", "encoding cp1252, detected (as in 'était')"),
    ],
)
def test_encodings_are_found_and_said(encoding: str, shown: str, tmp_path: Path) -> None:
    read = table(tmp_path / "r.csv", FRENCH.encode(encoding))
    assert shown in read.found.details and read.columns == ("avis", "note")
    assert cells(read)[7][0] == "Le film était très décevant, où est l’idée n°7 ?" and len(cells(read)) == 30


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_its_mark_is_found_where_few_letters_are_ascii_and_may_be_named_without_its_order(
    encoding: str, tmp_path: Path
) -> None:
    content = ("text;label\n" + "Замечательный;1\n" * 40).encode(encoding)
    for said in ("auto", "utf-16"):
        assert cells(table(tmp_path / "r.csv", content, encoding=said)) == [("Замечательный", "1")] * 40
    with pytest.raises(DataError):
        table(tmp_path / "r.csv", "text;label\ngood;1\n", encoding="utf-32")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Фильм был очень скучный, музыка хорошая"),
        ("koi8_r", "Фильм был очень скучный, музыка хорошая"),
        ("cp1253", "Η ταινία ήταν πολύ βαρετή, η μουσική όμως καλή"),
        ("gb18030", "这部电影非常无聊,音乐很好,但是情节很差"),
        ("big5", "這部電影非常無聊,音樂很好,但是情節很差"),
        ("cp932", "この映画はとても退屈でした。音楽は良かったです"),
        ("euc_jp", "この映画はとても退屈でした。音楽は良かったです"),
        ("cp949", "이 영화는 정말 지루했습니다. 음악은 좋았어요"),
        ("cp1250", "Vůbec se mi nelíbil, strašně nudné, ztráta času"),
        ("iso8859_2", "Vůbec se mi nelíbil, strašně nudné, ztráta času"),
        ("cp1250", "Film był źle zagrany, żałuję, że obejrzałem go w całości"),
        ("cp1250", "Nagyon unalmas film, rossz színészek, őszintén szólva időpocsékolás, a zene jó volt, nézhető"),
        ("cp1254", "Film çok sıkıcıydı, oyuncular kötüydü, şarkı iğrenç"),
        ("cp1257", "Filmas buvo nuobodus, žiūrėjau visą, į šį ėjimą"),
        ("cp1252", "Não gostei, emoção e coração. Você não vai"),
        ("cp1252", "Mañana volveré a verla, ¡qué pérdida! Corazón"),
        ("cp1252", "Der Film war schön für größte. Le film était déçu à côté. El niño qué más. È così però. São não"),
        ("cp1252", "works for 200€, ‘fine’, only £5 – it’s bad"),
        ("cp1252", "It is only £5"),
        ("mac_roman", "Le film était très décevant, où est la fête"),
    ],
)
def test_texts_are_read_in_the_encoding_in_which_they_spell_a_language_and_a_word_shows_it(
    encoding: str, text: str, tmp_path: Path
) -> None:
    read = table(tmp_path / "r.tsv", ("text\tlabel\n" + f"{text}\t1\n" * 40).encode(encoding))
    said = next(detail for detail in read.found.details if "detected" in detail)
    assert said.startswith(f"encoding {encoding.replace('_', '-')}, detected (as in '") and cells(read)[0] == (text, "1")
    assert said.split("'")[1] in text and not said.split("'")[1].isascii()


def test_a_byte_that_is_not_utf8_among_many_lines_is_named_by_row_and_column(tmp_path: Path) -> None:
    content = b"text,label\n" + b'plain,1\n"of two\nlines",0\n' * 200 + b"caf\xe9,0\n" + "déjà vu,1\n".encode()
    read = table(tmp_path / "r.csv", content)
    assert bad(read) == [
        "line 602 has a byte 0xe9 in column 'text' that is not UTF-8, as other rows are (it seems to be cp1252: 'café'); "
        "no one encoding fits all of them, so write it anew in UTF-8"
    ]
    assert cells(read)[-1] == ("déjà vu", "1") and len(cells(read)) == 401
    assert len(cells(table(tmp_path / "r.csv", content, encoding="latin-1"))) == 402


def test_where_nothing_else_is_beyond_ascii_the_encoding_of_a_line_that_is_not_utf8_is_advised(tmp_path: Path) -> None:
    rows = b"plain,1\nplain,0\n" * 100
    read = table(tmp_path / "r.csv", b"text,label\n" + rows + b"caf\xe9,0\n")
    assert bad(read)[0].endswith("is not UTF-8; name the encoding: --set data.encoding=cp1252")
    for encoding, header in (("cp1252", "reseña,sentimiento\n"), ("cp1251", "отзыв,оценка\n"), ("iso8859-2", "názor,štítek\n")):
        with pytest.raises(DataError, match=f"line 1, which should name the columns, is not UTF-8; .*encoding={encoding}$"):
            table(tmp_path / "r.csv", header.encode(encoding) + rows)
        read = table(tmp_path / "r.csv", header.encode(encoding) + rows, encoding=encoding)
        assert ",".join(read.columns) == header.strip() and len(cells(read)) == 200


def test_nul_bytes_and_unknown_encodings_are_said(tmp_path: Path) -> None:
    read = table(tmp_path / "r.csv", b"text,label\nfine,1\nbro\0ken,0\nfine,1\n")
    assert bad(read) == ["line 3 has a NUL byte in column 'text'"] and len(cells(read)) == 2
    with pytest.raises(DataError, match=r"data\.encoding=latin-99: unknown encoding"):
        table(tmp_path / "r.csv", "text\nx\n", encoding="latin-99")
    with pytest.raises(DataError, match="is no encoding of texts"):
        table(tmp_path / "r.csv", "text\nx\n", encoding="base64")
