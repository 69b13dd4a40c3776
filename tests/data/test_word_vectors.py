"""Laws of the word vectors: no test text, no label, the same again, the file's words where they are, drawn where they are not."""

import gzip
import importlib.metadata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from config import Choice, Config, Range, Vectors
from data import cooccurrence, word_vectors
from data.batches import known_ids
from data.bigrams import NUMPY, bigram_rows
from data.types import Dataset, Reviews, Sequences
from experiment.options import with_overrides
from records.errors import ConfigError, DataError


@pytest.fixture
def config(smoke_config: Config) -> Config:
    return with_overrides(smoke_config, ["vectors.source=learned", "space.embedding_dim=8"])


@pytest.fixture(params=["svd", "word2vec"])
def learning(config: Config, request: pytest.FixtureRequest) -> Config:
    """The config with each way to learn vectors."""
    if request.param == "word2vec":
        pytest.importorskip("gensim", reason="gensim is not installed: make run EXTRAS=word2vec")
    return with_overrides(config, [f"vectors.method={request.param}", "vectors.epochs=1"])


def with_file(config: Config, path: Path) -> Config:
    return replace(config, vectors=Vectors(source=str(path)), space=replace(config.space, embedding_dim=3))


def write(path: Path, lines: list[str]) -> Path:
    content = "\n".join(lines).encode() + b"\n"
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)
    return path


def only_vectors(config: Config, dataset: Dataset, folder: Path) -> word_vectors.WordVectors:
    (path,) = word_vectors.load_or_build(config, dataset, folder).values()
    return word_vectors.load(path)


def test_learned_vectors_repeat_and_know_neither_test_texts_nor_labels(
    learning: Config, demo_data: Dataset, tmp_path: Path
) -> None:
    found = only_vectors(learning, demo_data, tmp_path / "a")
    assert found.matrix.shape == (demo_data.vocab_size, 8) and found.matrix.dtype == np.float32
    assert not found.matrix[0].any() and np.isfinite(found.matrix).all() and found.coverage > 0.99

    def without_labels(reviews: Reviews) -> Reviews:
        return replace(reviews, labels=1 - reviews.labels)

    nonsense = Reviews(Sequences.from_lists([[1, 5, 5, 5]]), np.zeros(1, np.int8), np.zeros(1, np.int64))
    other = replace(
        demo_data, train=without_labels(demo_data.train), validation=without_labels(demo_data.validation), test=nonsense
    )
    np.testing.assert_array_equal(only_vectors(learning, other, tmp_path / "b").matrix, found.matrix)


@pytest.mark.parametrize("field", ["unlabelled", "unused"])
def test_texts_without_a_label_are_learned_from(field: str, learning: Config, demo_data: Dataset) -> None:
    rare = demo_data.vocab_size - 1
    without, _ = word_vectors.learn(demo_data, 8, learning.vectors, None, 1)
    further = Sequences.from_lists([[1, rare, 7, rare]] * 30)
    more = replace(demo_data, **{field: further})  # type: ignore[arg-type]
    known, _ = word_vectors.learn(more, 8, learning.vectors, None, 1)
    assert np.isfinite(known[rare]).all() and not np.array_equal(known[rare], without[rare])


def test_rare_words_and_the_start_token_have_no_vector_of_their_own(learning: Config, demo_data: Dataset) -> None:
    texts = Sequences.from_lists([[1, 4, 5, 4, 6, 5, 7, 7], [1, 2, 5, 2, 6]])
    tiny = replace(demo_data, train=replace(demo_data.train, sequences=texts), vocab_size=9)
    tiny = replace(tiny, validation=replace(demo_data.validation, sequences=Sequences.from_lists([[1, 8, 200]])))
    known = np.isfinite(word_vectors.learn(tiny, 4, learning.vectors, None, 1)[0])
    assert known.all(axis=1).tolist() == [False, False, True, False, True, True, True, True, False]
    once = replace(tiny, train=replace(demo_data.train, sequences=Sequences.from_lists([[1, 4, 5, 6], [1]])))
    with pytest.raises(DataError, match="no word stands 2 times in the texts to learn from; random needs none"):
        word_vectors.learn(once, 4, learning.vectors, None, 1)


def test_it_is_said_beforehand_how_long_learning_takes(learning: Config, demo_data: Dataset, tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        word_vectors.load_or_build(learning, demo_data, tmp_path, say=said.append)
    assert [text.split(":")[0] for text in said if "about 1 s" in text] == ["making word vectors (learned, 8 numbers a word)"]


def test_of_very_many_texts_some_are_learned_from_and_that_is_said(
    learning: Config, demo_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_vectors, "MOST_TOKENS", sum(len(part.values) for part in word_vectors._texts(demo_data)) // 2)
    said = list[str]()
    word_vectors.load_or_build(learning, demo_data, tmp_path, said.append)
    assert "from one review in 3" in said[0]
    assert len(word_vectors._texts(demo_data)[0]) == -(-len(demo_data.train) // 3)


def test_word2vec_without_the_library_is_one_sentence(
    config: Config, demo_data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name == "gensim":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert word_vectors.fingerprint(config, demo_data)
    with pytest.raises(ConfigError, match=r"vectors.method: word2vec needs gensim; make run EXTRAS=word2vec installs it"):
        word_vectors.fingerprint(with_overrides(config, ["vectors.method=word2vec"]), demo_data)


def test_vectors_are_made_once_a_width_and_anew_when_a_file_was_cut(config: Config, demo_data: Dataset, tmp_path: Path) -> None:
    config = replace(config, space=replace(config.space, embedding_dim=Choice(4, 6)))
    files = word_vectors.load_or_build(config, demo_data, tmp_path)
    assert [word_vectors.load(files[width]).matrix.shape[1] for width in (4, 6)] == [4, 6]
    made = files[4].stat().st_mtime_ns
    assert word_vectors.load_or_build(config, demo_data, tmp_path) == files and files[4].stat().st_mtime_ns == made
    files[4].write_bytes(files[4].read_bytes()[:100])
    assert word_vectors.load(word_vectors.load_or_build(config, demo_data, tmp_path)[4]).matrix.shape[1] == 4
    assert word_vectors.widths(replace(config, space=replace(config.space, embedding_dim=Range(4, 8, 2)))) == (4, 6, 8)


def test_another_setting_or_file_is_another_fingerprint(config: Config, demo_data: Dataset, tmp_path: Path) -> None:
    longer, other = (with_overrides(config, [change]) for change in ("vectors.window=9", "vectors.method=word2vec"))
    path = write(tmp_path / "v.txt", ["der 1 2 3", "die 1 2 4"])
    from_file = with_file(config, path)
    seen = {word_vectors.fingerprint(each, demo_data) for each in (config, longer, other, from_file)}
    write(path, ["der 1 2 3", "das 1 2 4"])
    seen.add(word_vectors.fingerprint(from_file, demo_data))
    renamed = replace(demo_data.vocabulary, words=("another", *demo_data.vocabulary.words[1:]))  # the same ids of another word
    seen.add(word_vectors.fingerprint(from_file, replace(demo_data, vocabulary=renamed)))
    assert len(seen) == 6
    assert word_vectors.fingerprint(replace(config, vectors=Vectors()), demo_data) == ""


def test_pairs_are_learned_where_words_are_counted_and_change_nothing_about_the_words(
    config: Config, demo_data: Dataset, tmp_path: Path
) -> None:
    with_pairs = with_overrides(config, ["model.bigrams=5000", "model.bigram_dim=6"])
    files = word_vectors.files_of_each([config, with_pairs], demo_data, tmp_path)
    assert len(files) == len(set(files.values())) == 2
    word_vectors.build_each([config, with_pairs], demo_data, tmp_path)
    plain, found = (word_vectors.load(files[word_vectors.key(each, 8)]) for each in (config, with_pairs))
    assert plain.pairs is None and found.pairs is not None
    np.testing.assert_array_equal(plain.matrix, found.matrix)
    assert found.pairs.shape == (5000, 6) and found.pairs.dtype == np.float32 and not found.pairs[0].any()
    parts = (demo_data.train.sequences, demo_data.validation.sequences)  # rows as a network finds them, text by text
    texts = [known[i] for known in (known_ids(part, demo_data.vocab_size) for part in parts) for i in range(len(known))]
    rows = np.concatenate([bigram_rows(NUMPY, text[None], 5000)[0, 1:] for text in texts])
    np.testing.assert_array_equal(found.pairs.any(axis=1), np.bincount(rows, minlength=5000) >= cooccurrence.FEWEST)
    for words, source in (("word2vec", "learned"), ("svd", "random"), ("svd", "v.txt")):
        other = with_overrides(with_pairs, [f"vectors.method={words}", f"vectors.source={source}"])
        assert word_vectors.pair_table(other) is None


@pytest.mark.parametrize(("name", "header"), [("v.txt", True), ("v.txt", False), ("v.vec.gz", True), ("v.txt.gz", False)])
def test_a_file_gives_its_words_and_the_others_are_drawn_from_its_statistics(
    name: str, header: bool, config: Config, demo_data: Dataset, tmp_path: Path
) -> None:
    words = demo_data.vocabulary.words
    lines = [f"{words[0]} 10 20 30", f"{words[2]} 10.5 20 31", "not-there 9.5 20 29"]
    path = write(tmp_path / name, ["3 3", *lines] if header else lines)
    found = only_vectors(with_file(config, path), demo_data, tmp_path / "cache")
    np.testing.assert_array_equal(found.matrix[[4, 6]], [[10, 20, 30], [10.5, 20, 31]])
    drawn = found.matrix[[5, *range(7, len(found.matrix))]]
    np.testing.assert_allclose(drawn.mean(axis=0), [10, 20, 30], atol=0.5)
    assert (drawn[:, 1] == 20).all() and 0.1 < drawn[:, 0].std() < 1.0 and not found.matrix[0].any()
    tokens = demo_data.train.sequences.values
    assert found.coverage == pytest.approx(np.isin(tokens[tokens != 1], [4, 6]).mean())


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        (["der 1 2 3 4", "die 1 2 3 4"], ConfigError, r"the vectors of .* have 4 numbers a word, got 3; set it to 4"),
        (["der eins zwei drei"], DataError, "cannot be read .*expected GloVe's or word2vec's text format"),
        (["der 1 2 3", "die 1 2"], DataError, "line 2 has 2 numbers"),
        (["der 1 2 3", "die 1 nan 3"], DataError, "line 2 holds a number that is not finite"),
        (["zzz 1 2 3", "yyy 1 2 4"], DataError, r"none of the [\d,]+ words of the reviews stands in it"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_sentence(
    lines: list[str], error: type[Exception], message: str, config: Config, demo_data: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        word_vectors.load_or_build(with_file(config, write(tmp_path / "v.txt", lines)), demo_data, tmp_path)


def test_a_file_that_is_not_there_or_not_text_is_one_sentence(config: Config, demo_data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"vectors.source .*: there is no such file; random and learned need none"):
        word_vectors.load_or_build(with_file(config, tmp_path / "missing.txt"), demo_data, tmp_path)
    (tmp_path / "v.bin").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "v.txt.gz").write_bytes(b"no gzip")
    for name in ("v.bin", "v.txt.gz"):
        with pytest.raises(DataError, match="cannot be read"):
            word_vectors.load_or_build(with_file(config, tmp_path / name), demo_data, tmp_path)


def test_the_vectors_of_several_contenders_are_made_once_each(demo_data: Dataset, tmp_path: Path) -> None:
    plain = with_file(Config(), write(tmp_path / "v.txt", ["the 1 2 3", "was 1 2 4"]))
    other = with_file(Config(), write(tmp_path / "w.txt", ["the 1 2 3", "was 1 2 5"]))
    frozen = replace(plain, vectors=replace(plain.vectors, frozen_epochs=3))
    told = list[str]()
    files = word_vectors.files_of_each([plain, Config(), frozen, other], demo_data, tmp_path)
    word_vectors.build_each([plain, Config(), frozen, other], demo_data, tmp_path, told.append)
    assert all(path.is_file() for path in files.values())
    assert len(files) == len(set(files.values())) == 2 and sum("making" in each for each in told) == 2
    assert word_vectors.key(frozen, 3) == word_vectors.key(plain, 3) != word_vectors.key(other, 3)
    assert {word_vectors.key(each, 3) for each in (plain, other)} == files.keys()
