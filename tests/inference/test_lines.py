"""Laws of lines of standard input: a line is a text, but for an object of JSON, whose text is found or the line refused."""

import json

import pytest

from data.sources.wanted import AUTO
from inference.lines import text_of_line
from records.errors import TextError
from tests.conftest import SmokeRun
from tests.test_predict import TEXT, predict


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("the script was dull", "the script was dull"),
        ("{sic} the script was dull", "{sic} the script was dull"),
        ('{"stars": 5, "text": "dull"}', "dull"),
        ('{"id": "a7", "Review": "dull"}', "dull"),
        ('{"id": 7, "opinion": "dull"}', "dull"),
        ('{"title": "x", "Review-Text": "dull"}', "dull"),  # as of the columns of a table
    ],
)
def test_the_text_of_a_line_is_found(line: str, text: str) -> None:
    assert text_of_line(line, AUTO) == text
    assert text_of_line(json.dumps({"a": "x", "b": text}), "b") == text


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"stars": 5}', "its keys are stars: name one with --text-column"),
        ('{"id": "a7", "opinion": "dull"}', "its keys are id, opinion: name one"),
        ('{"body": "dull", "comment": "x"}', "cannot be told"),
        ('{"text": "cut', "begins as a JSON object does and is none"),
    ],
)
def test_an_object_without_a_text_that_can_be_told_is_refused(line: str, sentence: str) -> None:
    with pytest.raises(TextError, match=sentence):
        text_of_line(line, AUTO)


def test_a_text_that_is_named_is_not_another_one() -> None:
    assert text_of_line('{"text": "dull", "body": "superb"}', "text") == "dull"
    assert text_of_line('{"title": "Dull", "body": "as ever"}', "title + body") == "Dull as ever"
    with pytest.raises(TextError, match="without a text named 'opinion'; its keys are text"):
        text_of_line('{"text": "dull"}', "opinion")


def test_objects_of_standard_input_get_the_answers_of_their_texts(smoke_run: SmokeRun) -> None:
    lines = [TEXT, json.dumps({"stars": 5, "text": TEXT}), json.dumps({"stars": 5})]
    done = predict(smoke_run.folder, "--json", stdin="\n".join(lines) + "\n")
    plain, of_object, refused = [json.loads(line) for line in done.out.splitlines()]
    assert plain["probability"] == of_object["probability"] and of_object["unknown_words"] == plain["unknown_words"]
    assert done.code == 1 and "name one with --text-column" in refused["error"] and "line 3: it is a JSON object" in done.err
