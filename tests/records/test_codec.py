"""Laws of the codec: what is written is read back, and nothing else is."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from records.codec import Record
from records.errors import ArtifactsError, RecordError, closest
from records.files import read_record, write_record
from records.study import Epoch


@dataclass(frozen=True)
class Inner(Record):
    names: tuple[str, ...]
    share: float | None


@dataclass(frozen=True)
class Outer(Record):
    number: int
    rate: float
    setting: dict[str, float | int]
    pairs: tuple[tuple[int, float], ...]
    inner: tuple[Inner, ...]


RECORD = Outer(3, 1e-30, {"units": 32, "dropout": 0.30000000000000004}, ((1, 0.1), (2, 0.2)), (Inner(("a", "ü"), None),))


def test_a_record_round_trips_whatever_it_holds() -> None:
    again = Outer.from_json(RECORD.to_json())
    assert again == RECORD and type(again.setting["units"]) is int


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": "3"}, "number: .*integer"),
        ({"number": 3.5}, "number: .*integer"),
        ({"number": True}, "number: .*integer"),
        ({"rate": "1e-3"}, "rate: .*number"),
        ({"rate": None}, "rate: .*number"),
        ({"pairs": [[1, 0.1, 2]]}, r"pairs\.0"),
        ({"inner": [{"names": ["a"]}]}, r"inner\.0\.share: Field required"),
        ({"inner": [{"names": ["a"], "share": None, "more": 1}]}, r"inner\.0\.more: Unexpected"),
        ({"unknown": 1}, "unknown: Unexpected"),
    ],
)
def test_what_is_no_such_record_is_refused_with_the_name_of_the_field(change: dict[str, object], message: str) -> None:
    with pytest.raises(RecordError, match=f"not a Outer record: {message}"):
        Outer.from_json(json.dumps(json.loads(RECORD.to_json()) | change))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"number": NaN}'])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match="not a Outer record"):
        Outer.from_json(text)


def test_a_number_that_is_not_finite_is_named_when_it_is_written_and_refused_when_it_is_read() -> None:
    epoch = Epoch(1, 0.5, 0.5, math.inf, 0.5, 0.5, 1e-3, 1.0, 1.0)
    with pytest.raises(RecordError, match=r"Epoch\.val_loss is inf, which JSON does not know"):
        epoch.to_json()
    nested = Outer(1, 0.1, {}, ((1, math.nan),), ())
    with pytest.raises(RecordError, match=r"Outer\.pairs\.0\.1 is nan"):
        nested.to_json()
    with pytest.raises(RecordError, match=r"rate: .*finite"):
        Outer.from_json(RECORD.to_json().replace("1e-30", "Infinity"))


def test_a_record_in_a_file_is_read_back_and_a_changed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "record.json"
    assert read_record(Outer, path) is None
    write_record(path, RECORD)
    assert read_record(Outer, path) == RECORD
    path.write_text(path.read_text()[:40])
    with pytest.raises(ArtifactsError, match=r"record\.json was changed and cannot be read"):
        read_record(Outer, path)


def test_an_unknown_name_gets_the_closest_known_one_and_the_list() -> None:
    assert closest("grru", ["lstm", "gru"]) == "; did you mean gru? Known: lstm, gru"
    assert closest("x", ["lstm", "gru"]) == "; known: lstm, gru"
