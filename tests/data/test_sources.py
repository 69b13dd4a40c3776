"""Laws of the sources: every kind is read, nothing pickled runs, every bad file gets one sentence."""

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import PROFILES, Data
from data.sources import demo, imdb
from data.sources.locate import load, read_path
from data.store import source_digest
from data.summary import summarise
from data.types import PARTS
from data_preprocessing import prepare
from experiment.options import with_overrides
from records.errors import DataError


def write_imdb(folder: Path, reviews: list[Any], labels: list[int]) -> None:
    arrays = np.empty(len(reviews), dtype=object)
    arrays[:] = reviews
    np.savez(folder / "imdb.npz", allow_pickle=True, x_train=arrays, y_train=labels, x_test=arrays, y_test=labels)  # type: ignore[arg-type]
    (folder / "imdb_word_index.json").write_text(json.dumps({"the": 1, "film": 2, "good": 3}))


def test_imdb_npz_is_read_with_offset_and_start_token(tmp_path: Path) -> None:
    write_imdb(tmp_path, [[1, 2], [3], [2, 2, 1]], [0, 1, 1])
    reviews = imdb.read(tmp_path)
    assert reviews.sequences is not None and reviews.parts is not None
    assert [reviews.sequences[i].tolist() for i in range(3)] == [[1, 4, 5], [1, 6], [1, 5, 5, 4]]
    assert reviews.labels.tolist() == [0, 1, 1] * 2
    assert reviews.parts.tolist() == [0] * 3 + [2] * 3
    assert reviews.words == ("the", "film", "good")


class Malicious:
    """Unpickled, this would make a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


def test_a_pickle_that_would_run_code_does_not_run(tmp_path: Path) -> None:
    target = tmp_path / "ran"
    write_imdb(tmp_path, [[1], Malicious(target)], [0, 1])
    with pytest.raises(DataError, match=r"mkdir, which data never needs; nothing was run"):
        imdb.read(tmp_path)
    assert not target.exists()


@pytest.mark.parametrize("keep", [10, 200, -30])
def test_a_truncated_npz_is_one_sentence(tmp_path: Path, keep: int) -> None:
    write_imdb(tmp_path, [[1, 2]] * 50, [0, 1] * 25)
    content = (tmp_path / "imdb.npz").read_bytes()
    (tmp_path / "imdb.npz").write_bytes(content[:keep])
    with pytest.raises(DataError, match="not a complete Keras imdb"):
        imdb.read(tmp_path)


def test_a_member_cut_inside_the_zip_is_one_sentence(tmp_path: Path) -> None:
    write_imdb(tmp_path, [[1, 2]] * 50, [0, 1] * 25)
    with zipfile.ZipFile(tmp_path / "imdb.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "imdb.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content[:-40])
    with pytest.raises(DataError, match="not a complete Keras imdb"):
        imdb.read(tmp_path)


def test_a_missing_word_index_is_named(tmp_path: Path) -> None:
    write_imdb(tmp_path, [[1]], [0])
    (tmp_path / "imdb_word_index.json").unlink()
    with pytest.raises(
        DataError, match=r"imdb_word_index.json not found; .* which can be had at https://.*/imdb_word_index.json$"
    ):
        imdb.read(tmp_path)


@pytest.mark.parametrize("content", ["[1, 2]", "{", '{"a": 1, "b": 3}', "{}", '{"a": "x"}'])
def test_a_word_index_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "index.json"
    path.write_text(content)
    with pytest.raises(DataError, match="expected"):
        imdb.read_word_index(path)


def test_nothing_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read_path(tmp_path / "missing", Data())
    with pytest.raises(DataError, match="address"):
        load(Data(source="https://example.org/reviews.csv"), seed=1)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("LENGTHWISE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(imdb, "ADDRESS", "http://127.0.0.1:9/")  # nobody listens there
    return tmp_path / "keras" / "datasets"


def test_what_can_be_no_path_is_one_sentence() -> None:
    data = Data(source="a text and no path " * 30)
    for look in (lambda: load(data, seed=1), lambda: source_digest(data)):
        with pytest.raises(DataError, match=r"data.source a text .*: cannot be read: File name too long"):
            look()


def test_auto_falls_back_to_the_demo_with_a_notice_only_when_nothing_can_be_had(offline: Path) -> None:
    reviews = load(Data(demo_reviews=50), seed=1)
    assert reviews.is_demo and "NOT IMDB" in reviews.notes[0]
    write_imdb_to = offline
    write_imdb_to.mkdir(parents=True, exist_ok=True)
    write_imdb(write_imdb_to, [[1, 2]], [0])
    assert not load(Data(), seed=1).is_demo


def test_a_bad_file_is_an_error_never_a_fall_back(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline.mkdir(parents=True)
    (offline / "imdb.npz").write_bytes(b"broken")
    (offline / "imdb_word_index.json").write_text('{"a": 1}')
    with pytest.raises(DataError, match="not a complete"):
        load(Data(), seed=1)
    monkeypatch.setenv("LENGTHWISE_DATA", str(offline / "missing"))
    with pytest.raises(DataError, match="no such file"):
        load(Data(), seed=1)


def test_imdb_never_falls_back_and_says_the_three_ways(offline: Path) -> None:
    with pytest.raises(DataError, match=r"LENGTHWISE_DATA.*Keras's cache.*internet"):
        load(Data(source="imdb"), seed=1)


def test_a_download_with_another_digest_is_not_kept(offline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = tmp_path / "served"
    served.mkdir()
    write_imdb(served, [[1]], [0])
    monkeypatch.setattr(imdb, "ADDRESS", served.as_uri() + "/")
    with pytest.raises(DataError, match="expected sha256"):
        load(Data(), seed=1)
    assert list(offline.iterdir()) == []


PUBLISHED = ("imdb.npz", "imdb_word_index.json")


@pytest.mark.parametrize("missing", PUBLISHED)
@pytest.mark.parametrize("source", ["auto", "imdb"])
def test_the_file_that_keras_s_cache_lacks_is_named_with_its_address_and_its_place(
    source: str, missing: str, offline: Path
) -> None:
    """`keras.datasets.imdb.load_data()` brings the reviews without their words; `get_word_index()` the words alone."""
    offline.mkdir(parents=True)
    write_imdb(offline, [[1, 2]], [0])
    (offline / missing).unlink()
    with pytest.raises(DataError) as caught:
        load(Data(source=source), seed=1)
    (there,) = {*PUBLISHED} - {missing}
    sentence = str(caught.value)
    assert sentence.startswith(f"{offline} has {there} but no {missing}, which could not be downloaded (")
    assert sentence.endswith(f"bring it from {imdb.ADDRESS}{missing} and put it into that folder") and "\n" not in sentence


def test_only_the_file_that_keras_s_cache_lacks_is_brought(
    offline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline.mkdir(parents=True)
    write_imdb(offline, [[1, 2]], [0])
    words = (offline / "imdb_word_index.json").rename(tmp_path / "imdb_word_index.json")
    digest = hashlib.md5(words.read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setitem(imdb.FILES, words.name, ("md5", digest))
    monkeypatch.setattr(imdb, "ADDRESS", tmp_path.as_uri() + "/")  # where there is no imdb.npz
    reviews = load(Data(), seed=1)
    assert not reviews.is_demo and reviews.words == ("the", "film", "good")
    assert (offline / words.name).read_bytes() == words.read_bytes()


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_damaged_file_of_a_folder_is_named_with_where_another_can_be_had(name: str, tmp_path: Path) -> None:
    write_imdb(tmp_path, [[1, 2]] * 50, [0, 1] * 25)
    with np.load(tmp_path / "imdb.npz", allow_pickle=True) as stored:
        np.savez_compressed(tmp_path / "imdb.npz", **stored)  # as the published one is
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 4 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 4)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}.*; remove it and bring it anew from https://.*/{name}$"):
        imdb.read(tmp_path)


def test_the_demo_corpus_repeats_and_has_imdbs_lengths() -> None:
    a, b = demo.generate(300, 5), demo.generate(300, 5)
    assert a.texts == b.texts != demo.generate(300, 6).texts
    lengths = [len(text.split()) for text in a.texts or []]
    assert min(lengths) >= 11 and max(lengths) <= 900 and 140 < np.median(lengths) < 220
    assert a.labels.mean() == 0.5


def test_a_table_in_the_home_folder_with_a_blank_in_its_name_becomes_a_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    corpus = demo.generate(400, 1)
    lines = "".join(f'"{text}",{label}\n' for text, label in zip(corpus.texts or [], corpus.labels, strict=True))
    (tmp_path / "my reviews.csv").write_text("text,label\n" + lines)
    settings = ["data.source=~/my reviews.csv", "compare.bucket_edges=(150,)"]
    dataset = prepare(with_overrides(PROFILES["smoke"].config, settings))
    assert (len(dataset.test), len(dataset.train) + len(dataset.validation)) == (80, 320)
    words = set(dataset.vocabulary.words)
    train_words = {w for part in (dataset.train, dataset.validation) for i in part.rows for w in (corpus.texts or [])[i].split()}
    assert words == train_words - {".", ","}  # the vocabulary never looked at the test part


def test_unlabelled_texts_bring_words_but_none_that_stands_in_the_test_part(tmp_path: Path) -> None:
    corpus = demo.generate(600, 1)
    rows = [
        f'{PARTS[part]},{label},"{text}"'
        for text, label, part in zip(corpus.texts or [], corpus.labels, corpus.parts, strict=True)  # type: ignore[arg-type]
    ]
    tested = "a quagga in the test part"
    rows += ["unsup,-1,zyzzyva zyzzyva", f"test,1,{tested}", f"unsup,-1,{tested}"]
    path = tmp_path / "r.csv"
    path.write_text("\n".join(["split,label,text", *rows]))
    about = [f"data.source={path}", "compare.bucket_edges=(150,)"]
    plain = prepare(with_overrides(PROFILES["smoke"].config, about))
    further = prepare(with_overrides(PROFILES["smoke"].config, [*about, "data.unlabelled=true"]))
    assert len(plain.unlabelled) == 0 and "zyzzyva" not in plain.vocabulary.words
    assert [further.vocabulary.decode(ids) for ids in (further.unlabelled[0],)] == ["zyzzyva zyzzyva"]
    summary = summarise(further)
    assert (summary.n_unlabelled, summary.unlabelled_dropped) == (1, 1)
    assert "quagga" not in further.vocabulary.words
    assert plain.fingerprint != further.fingerprint
    with pytest.raises(DataError, match=r"data.unlabelled: .* has no unlabelled reviews; aclImdb has them"):
        prepare(with_overrides(PROFILES["smoke"].config, ["data.unlabelled=true"]))


def test_real_texts_get_the_ids_of_the_real_imdb_npz(real_data: Path) -> None:
    texts = read_path(real_data / "reviews.csv.gz", Data())
    ids = imdb.read(real_data)
    from data.vocabulary import Vocabulary

    assert texts.texts is not None and ids.sequences is not None and ids.words is not None
    vocabulary = Vocabulary(ids.words, drops_unknown=True)
    for i in range(0, len(texts.texts), 50):
        np.testing.assert_array_equal(vocabulary.encode(texts.texts[i]), ids.sequences[i])
    np.testing.assert_array_equal(texts.labels, ids.labels)


def test_the_real_archive_is_read(real_data: Path) -> None:
    reviews = read_path(real_data / "aclImdb_tiny.tar.gz", Data())
    assert len(reviews.labels) == 400 and reviews.labels.mean() == 0.5
