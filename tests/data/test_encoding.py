"""Laws of what `data.tokens` chooses: the rule follows from the texts, what is odd is said, and nobody looks at test texts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from config import PROFILES, Data
from data.coverage import known_share
from data.encoding import choose_tokenizer, encode, with_pairs
from data.scripts import script_shares, told, unspaced_shares
from data.summary import summarise
from data.tokenizer import Rule
from data.types import Dataset, Sequences, SourceReviews
from data_preprocessing import prepare
from experiment.options import validate, with_overrides
from records.errors import ConfigError, DataError

CHINESE = ["这部电影非常好看，演员的表演很精彩。", "剧情很差，音乐太吵了！", "我和家人一起看的，片长两个小时，iPhone"]
SEGMENTED = ["这 部 电影 非常 好看 ， 演员 的 表演 很 精彩 。", "剧情 很 差 ， 音乐 太 吵 了 ！"]
THAI = ["หนังเรื่องนี้สนุกมาก ไม่น่าเบื่อเลย", "เพลงเพราะ แต่เนื้อเรื่องแย่มาก"]
ENGLISH = ["A great film, I loved it.", "A dull plot and a clumsy cast."]
GERMAN = ["Ein großartiger Film, überraschend schön.", "Öde Handlung, müde Schauspieler."]


def source(texts: list[str], *, is_imdb: bool = False) -> tuple[SourceReviews, np.ndarray]:
    """A source of these texts and, in its test part, of one in another script."""
    labels = np.arange(len(texts) + 1, dtype=np.int8) % 2
    is_test = np.arange(len(texts) + 1) == len(texts)
    return SourceReviews("a table", labels, None, [*texts, "Отличный фильм, 很好看, ยอดเยี่ยม" * 9], is_imdb=is_imdb), is_test


def chosen(texts: list[str], data: Data, *, is_imdb: bool = False) -> tuple[Rule, tuple[str, ...]]:
    tokenizer, notes = choose_tokenizer(*source(texts, is_imdb=is_imdb), data)
    return tokenizer.rule, notes


def test_auto_takes_words_where_they_are_separated_and_characters_where_they_are_not() -> None:
    for texts in (
        ENGLISH,
        GERMAN,
        SEGMENTED,
        ["Отличный фильм"],
        ["이 영화는 정말 재미있었어요"],
        ["यह फ़िल्म बहुत अच्छी है"],
        ["😀 10"],
    ):
        assert chosen(texts, Data()) == ("words", ())
    rule, (note,) = chosen(CHINESE, Data())
    assert rule == "characters" and note.startswith("the texts are written without spaces (Han 87 %): every character is a token")
    assert "data.tokens=subwords" in note and "pairs of characters have vectors too (model.bigrams=20000" in note
    assert chosen(THAI, Data())[0] == "characters" and "(Thai 100 %)" in chosen(THAI, Data())[1][0]
    assert chosen([*ENGLISH * 3, CHINESE[0]], Data())[0] == "characters"  # which reads the English ones as words all the same


def test_imdbs_rule_is_that_of_imdbs_texts_and_of_a_word_index(tmp_path: Path) -> None:
    assert chosen(ENGLISH, Data(), is_imdb=True)[0] == "imdb"
    assert chosen(GERMAN, Data(), is_imdb=True)[0] == "words"  # a tree of folders like aclImdb's
    assert chosen(CHINESE, Data(), is_imdb=True)[0] == "characters"
    (tmp_path / "index.json").write_text('{"great": 1, "film": 2}')
    found = encode(*source(ENGLISH), Data(word_index=str(tmp_path / "index.json")))
    assert found.vocabulary.tokenizer.rule == "imdb" and found.vocabulary.words == ("great", "film")
    assert found.labelled[0].tolist() == [1, 4, 5]
    assert found.notes == ("only 4 % of the words stand in data.word_index and the others are dropped: --set data.word_index=",)
    config = with_overrides(PROFILES["smoke"].config, ["data.word_index=index.json", "data.tokens=words"])
    with pytest.raises(ConfigError, match=r"data.word_index: expected '' unless tokens is auto or imdb"):
        validate(config, dict.fromkeys(("simple_rnn", "lstm", "gru", "custom_gru", "attention_gru", "bidirectional_gru"), 1))


def test_a_rule_that_does_not_suit_the_texts_is_taken_and_told() -> None:
    rule, (note,) = chosen(CHINESE, Data(tokens="words"))
    assert rule == "words" and "a token is a whole clause: --set data.tokens=characters" in note
    rule, (note,) = chosen(ENGLISH, Data(tokens="characters"))
    assert rule == "characters" and "these texts (Latin 100 %) are read as words" in note
    assert chosen(CHINESE, Data(tokens="characters")) == ("characters", ())
    assert chosen(CHINESE, Data(tokens="subwords")) == ("subwords", ())


def test_ids_have_no_texts_to_find_other_tokens_in() -> None:
    ids = replace(source(ENGLISH)[0], texts=None, sequences=Sequences.from_lists([[1, 4]] * 3), words=("a",))
    assert encode(ids, np.zeros(3, bool), Data()).labelled is ids.sequences
    for rule in ("words", "subwords", "characters"):
        with pytest.raises(DataError, match=f"no texts to find {rule} in; .* --set data.tokens=auto"):
            encode(ids, np.zeros(3, bool), Data(tokens=rule))  # type: ignore[arg-type]


def test_links_are_masked_unless_they_are_to_be_kept() -> None:
    texts = ["see http://a.example/b @you"]
    assert set(encode(*source(texts), Data(tokens="words")).vocabulary.words) == {"see", "http", "@user"}
    assert "@you" in encode(*source(texts), Data(tokens="words", mask_links=False)).vocabulary.words


def test_shares_of_scripts_are_shares_of_letters() -> None:
    assert script_shares(["abcабв 123 !", "ab"]) == {"Latin": 5 / 8, "Cyrillic": 3 / 8}
    assert list(script_shares(CHINESE)) == ["Han", "Latin"] and script_shares(["", "12 !?"]) == {}
    assert script_shares(["ᚠᚢᚦ"]) == {"other": 1.0}
    assert told({"Han": 0.613, "Hiragana": 0.3, "Latin": 0.001}) == "Han 61 %, Hiragana 30 %"
    assert unspaced_shares(SEGMENTED) == unspaced_shares(ENGLISH) == {} and set(unspaced_shares(THAI)) == {"Thai"}


def table(path: Path, texts: list[str], *changes: str) -> Dataset:
    path.write_text("text,label\n" + "".join(f'"{text}",{n % 2}\n' for n, text in enumerate(texts)), encoding="utf-8")
    return prepare(with_overrides(PROFILES["smoke"].config, [f"data.source={path}", "compare.bucket_edges=()", *changes]))


def test_the_share_of_known_validation_tokens_counts_what_training_reviews_hold(tmp_path: Path) -> None:
    texts = [f"{'good' if n % 2 else 'bad'} film only{n}" for n in range(200)]
    dataset = table(tmp_path / "r.csv", texts)
    assert known_share(dataset) == pytest.approx(2 / 3)  # every third word stands in one review alone
    assert summarise(dataset).validation_known_share == known_share(dataset) and summarise(dataset).is_barely_known
    assert any(note.startswith("only 66 % of the words of the validation reviews are known") for note in dataset.origin.notes)
    assert known_share(replace(dataset, vocab_size=4)) == 0
    well = table(tmp_path / "s.csv", [text.rsplit(" ", 1)[0] for text in texts])
    assert known_share(well) == 1 and not summarise(well).is_barely_known
    assert not any("are known" in note for note in well.origin.notes)


def test_a_table_of_chinese_texts_is_told_and_known(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    parts = [text.rstrip("。！") for text in CHINESE[:2]] + ["音乐很好听", "我不喜欢", "太无聊了"]
    texts = ["，".join(rng.permutation(parts)[: 2 + n % 3]) + "。" for n in range(200)]
    dataset = table(tmp_path / "zh.csv", texts)
    assert dataset.vocabulary.tokenizer.rule == "characters" and known_share(dataset) == 1
    assert any(note.startswith("the texts are written without spaces (Han 100 %)") for note in dataset.origin.notes)
    assert dataset.vocabulary.decode(dataset.test.sequences[0]) == texts[dataset.test.rows[0]].replace("，", "").replace("。", "")
    config = PROFILES["smoke"].config
    assert with_pairs(config, dataset).model.bigrams == 20_000
    assert with_pairs(config.changed("model.bigrams", 7), dataset).model.bigrams == 7
    assert with_pairs(config.changed("data.tokens", "characters"), dataset).model.bigrams == 0
    whole = table(tmp_path / "zh.csv", texts, "data.tokens=words")
    assert any("a whole clause" in note for note in whole.origin.notes)
