"""Laws of tokens: one rule for every script, whatever way a text was typed, and the same without this program."""

import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from data.tokenizer import Rule, Tokenizer, compiled, imdb_words
from data.vocabulary import OOV, START, Vocabulary, learn_pieces, learn_vocabulary
from inference.export.text import code_of, imports_of

WORDS, CHARACTERS = Tokenizer("words"), Tokenizer("characters")
SENTENCES = {
    "Latin": "The plot wasn't GREAT, but l'été à Zürich is naïve & lovely: 7.5/10!",
    "Turkish": "ÇOK GÜZEL bir film, çok İYİ oyunculuk; KIZ ve kız.",
    "Cyrillic": "Фильм ОТЛИЧНЫЙ, актёры играли хорошо. П'ять зірок!",
    "Greek": "Η ταινία ήταν ΚΑΛΌΣ οιωνός, πολύ ωραία.",
    "Arabic": "الفيلم رائع جدًا، والممثلون ممتازون… جميـــل!",
    "Persian": "این فیلم را می\u200cخواهم دوباره ببینم؛ خیلی خوب بود.",
    "Hebrew": "הסרט היה נהדר, שָׁלוֹם לכולם.",
    "Devanagari": "यह फ़िल्म बहुत अच्छी है। हिन्दी में देखी।",
    "Bengali": "ছবিটি খুব ভালো ছিল। অভিনয় চমৎকার।",
    "Tamil": "படம் மிகவும் நன்றாக இருந்தது, நடிப்பு அருமை.",
    "Thai": "หนังเรื่องนี้สนุกมาก น้ำตาไหลเลย",
    "Khmer": "រឿងនេះល្អណាស់",
    "Han": "这部iPhone电影非常好看，我给10/10分！",
    "Japanese": "この映画はとてもスーパーで面白かったです。ﾃﾚﾋﾞ",
    "Hangul": "이 영화는 정말 재미있었어요. 배우들도 좋았습니다.",
    "Georgian": "ფილმი ძალიან კარგი იყო, ᲙᲐᲠᲒᲘ მსახიობები.",
    "Armenian": "Ֆիլմը շատ ԼԱՎՆ էր, դերասանները նույնպես։",
    "emoji": "so good 😂😂 👩‍⚕️👍🏽 🇩🇪🇫🇷 1️⃣ ❤️‍🔥 :-) :D <3 @someone see https://a.example/b?c=1 #great",
}
HTML = "It&#39;s <b>so</b>&nbsp;good<br /><br>I &lt;3 it &amp;amp; <a href='http://a.example/x'>you</a> 3 < 5 <sarcasm>"
CORPUS = [*SENTENCES.values(), HTML, "", "…!?", "a\r\nb\tc\u00a0d\u200be", "soft\u00adhyphen", "don't don’t don`t don´t"]


def test_words_of_any_script_are_found_and_nothing_else() -> None:
    expected = {
        "Latin": "the plot wasn't great but l'été à zürich is naïve lovely 7.5/10",
        "Turkish": "çok güzel bir film çok iyi oyunculuk kiz ve kiz",
        "Cyrillic": "фильм отличный актёры играли хорошо п'ять зірок",
        "Greek": "η ταινία ήταν καλόσ οιωνόσ πολύ ωραία",
        "Arabic": "الفيلم رائع جدًا والممثلون ممتازون جميل",
        "Devanagari": "यह फ़िल्म बहुत अच्छी है हिन्दी में देखी",
        "Tamil": "படம் மிகவும் நன்றாக இருந்தது நடிப்பு அருமை",
        "Hangul": "이 영화는 정말 재미있었어요 배우들도 좋았습니다",
        "Georgian": "ფილმი ძალიან კარგი იყო კარგი მსახიობები",
        "Armenian": "ֆիլմը շատ լավն էր դերասանները նույնպես",
    }
    for script, words in expected.items():
        assert WORDS(SENTENCES[script]) == unicodedata.normalize("NFC", words).split(" "), script


def test_an_emoji_an_emoticon_a_mention_and_an_address_are_a_token_each() -> None:
    assert WORDS(SENTENCES["emoji"]) == [
        *("so", "good", "😂", "😂", "👩\u200d⚕", "👍🏽", "🇩🇪", "🇫🇷", "1\u20e3", "❤\u200d🔥"),
        *(":-)", ":d", "<3", "@user", "see", "http", "great"),
    ]
    assert WORDS("great:)))) ;-) :( :'( =) ^^ ★★☆ ♥ </3") == [*("great", ":)", ";-)", ":(", ":'(", "=)", "^^"), *"★★☆♥", "</3"]
    assert WORDS("\u2764\ufe0f \u2764\ufe0e \u2764") == ["\u2764"] * 3  # drawn in colour, as text, or as it comes
    assert WORDS("at 10:30, note: (see) 3:1, a@b.example") == ["at", "10:30", "note", "see", "3:1", "a", "b", "example"]
    assert Tokenizer("words", mask_links=False)("@you see http://a.example/b") == ["@you", "see", "http", "a", "example", "b"]


def test_tags_and_entities_leave_the_text_alone() -> None:
    assert WORDS(HTML) == ["it's", "so", "good", "i", "<3", "it", "you", "3", "5", "sarcasm"]
    assert WORDS("if a <b and c> d, <3 of me") == ["if", "a", "b", "and", "c", "d", "<3", "of", "me"]
    assert WORDS("<P CLASS=\"x\" id=y>one</P><img src='a.png'/><!-- not\n-->two") == ["one", "two"]


def test_numbers_keep_what_stands_between_their_digits() -> None:
    assert WORDS("1,000.50 and 3,5 or 8/10... 10/10. 12:30, 2nd mp3 3½ ½") == [
        *("1,000.50", "and", "3,5", "or", "8/10", "10/10", "12:30", "2nd", "mp3", "3", "1/2", "1/2"),
    ]


def test_characters_of_scripts_without_spaces_are_tokens_and_everything_else_is_read_as_words() -> None:
    assert CHARACTERS(SENTENCES["Han"]) == [*"这部", "iphone", *"电影非常好看我给", "10/10", "分"]
    assert CHARACTERS(SENTENCES["Japanese"]) == [*"この映画はとてもスーパーで面白かったです", *"テレビ"]
    assert CHARACTERS("ดี มาก") == ["ดี", "ม", "า", "ก"]  # a vowel above stays with its letter
    assert CHARACTERS("&#22909;") == ["好"]
    for script, sentence in SENTENCES.items():
        if script not in ("Thai", "Khmer", "Han", "Japanese"):
            assert CHARACTERS(sentence) == WORDS(sentence), script


@pytest.mark.parametrize("rule", ["words", "characters"])
def test_the_way_a_text_was_typed_changes_no_token(rule: Rule) -> None:
    tokenizer = Tokenizer(rule)
    for sentence in SENTENCES.values():
        tokens = tokenizer(sentence)
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            assert tokenizer(unicodedata.normalize(form, sentence)) == tokens
        for space in ("\u00a0", "\t", "\r\n", "\n", "\u3000", "&nbsp;", "<br />", " \u200e"):
            assert tokenizer(sentence.replace(" ", space)) == tokens
        for apostrophe in ("\u2019", "&#39;", "&rsquo;", "\u02bc", "`"):
            assert tokenizer(sentence.replace("'", apostrophe)) == tokens
        escaped = "".join(f"&#{ord(c)};" if ord(c) > 127 else c for c in sentence)
        assert tokenizer(escaped) == tokens
        assert tokenizer(f"\ufeff{sentence}") == tokens


@pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES)
def test_case_changes_no_word(sentence: str) -> None:
    """Of a Turkish text neither: the four letters I are one."""
    plain = regex.sub(r"https?://\S+|:D|[ßŉ]", "", sentence)
    assert WORDS(plain.upper()) == WORDS(plain) == WORDS(plain.lower())


ASCII = st.text("aB1 '.,:;-()/<>3@=d^_*&#|]", max_size=40) | st.text(st.characters(max_codepoint=127), max_size=60)


@given(ASCII)
@settings(max_examples=300, derandomize=True, deadline=None, database=None)
def test_the_fast_way_through_ascii_finds_the_tokens_of_the_record(text: str) -> None:
    for tokenizer in (WORDS, CHARACTERS):
        cleaned = tokenizer.clean(text)
        assert tokenizer(text) == compiled(tokenizer.patterns["TOKEN"]).findall(cleaned)


@given(st.text(max_size=60) | st.lists(st.sampled_from(CORPUS), max_size=3).map("".join))
@settings(max_examples=300, derandomize=True, deadline=None, database=None)
def test_the_tokens_of_tokens_are_the_tokens(text: str) -> None:
    tokens = WORDS(text)
    assert WORDS(" ".join(tokens)) == tokens


@pytest.mark.parametrize("sentence", SENTENCES.values(), ids=SENTENCES)
def test_what_is_decoded_is_encoded_to_the_same_ids(sentence: str) -> None:
    for tokenizer in (WORDS, CHARACTERS):
        vocabulary = learn_vocabulary(Counter(tokenizer(sentence)), 1, tokenizer)
        ids = vocabulary.encode(sentence)
        np.testing.assert_array_equal(vocabulary.encode(vocabulary.decode(ids)), ids)
    assert learn_vocabulary(Counter("电影好看"), 1, CHARACTERS).decode([START, 4, 5]) in {"好影", "影好", "好电", "好看", "影电"}


def learned(tokenizer: Tokenizer) -> Vocabulary:
    return learn_vocabulary(Counter(word for text in CORPUS for word in tokenizer(text)), 1, tokenizer)


def vocabularies() -> dict[str, Vocabulary]:
    found = {rule: learned(Tokenizer(rule)) for rule in ("imdb", "words", "characters")}
    found["words, links kept"] = learned(Tokenizer("words", mask_links=False))
    found["words, unknown ones dropped"] = Vocabulary(found["words"].words[::2], drops_unknown=True, tokenizer=WORDS)
    found["subwords"] = learn_pieces(CORPUS, 600)
    return found


VOCABULARIES = vocabularies()


@pytest.mark.parametrize("name", VOCABULARIES)
def test_the_code_of_a_card_gives_the_ids_of_every_script_without_this_program(name: str) -> None:
    vocabulary = VOCABULARIES[name]
    alone: dict[str, Any] = {"vocabulary": json.loads(vocabulary.to_json())}
    code = f"{imports_of(vocabulary)}\n\n{code_of(vocabulary)}"
    exec(code, alone)  # noqa: S102 - it is what a reader of the card does
    assert not regex.search(r"^(?:from|import) (?:data|inference|records)", code, regex.MULTILINE)
    for text in CORPUS:
        np.testing.assert_array_equal(alone["encode"](text), vocabulary.encode(text))


@pytest.mark.parametrize("name", VOCABULARIES)
def test_a_record_gives_back_the_vocabulary_and_its_words_align_with_the_ids(name: str) -> None:
    vocabulary = VOCABULARIES[name]
    back = Vocabulary.from_json(vocabulary.to_json())
    assert back == vocabulary
    for text in CORPUS:
        ids, (words, _) = back.encode(text), back.split(text)
        assert len(words) == len(ids) - 1
        known = ids[1:] != OOV
        assert [back.word(i) for i in ids[1:][known]] == [word for word, is_known in zip(words, known, strict=True) if is_known]


def test_a_record_of_another_rule_or_version_is_refused() -> None:
    record = json.loads(VOCABULARIES["words"].to_json())
    for change in ({"version": 99}, {"tokens": "syllables"}):
        with pytest.raises(ValueError, match="which this program does not know"):
            Vocabulary.from_json(json.dumps(record | change))
    with pytest.raises(ValueError, match="not a vocabulary"):
        Vocabulary.from_json(json.dumps({"words": ["a"]}))


@pytest.mark.parametrize("name", VOCABULARIES)
def test_a_text_without_any_token_is_the_start_token(name: str) -> None:
    for text in ("", " \r\n\t", "\r" if name == "imdb" else "\u00a0<br />\ufeff"):
        np.testing.assert_array_equal(VOCABULARIES[name].encode(text), [START])


def test_subwords_see_neither_html_nor_the_form_of_unicode() -> None:
    vocabulary = VOCABULARIES["subwords"]
    np.testing.assert_array_equal(vocabulary.encode("A&nbsp;naïve<br />film"), vocabulary.encode("a nai\u0308ve film"))
    assert vocabulary.decode(vocabulary.encode("电影非常好看")) == "电影非常好看"


def test_imdbs_rule_is_what_it_was_but_for_carriage_returns() -> None:
    def of_keras(text: str) -> list[str]:  # as in keras.preprocessing.text, of which the published ids are
        table = {ord(c): " " for c in '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'} | {c: c + 32 for c in range(65, 91)}
        return [word for word in text.translate(table).split(" ") if word]

    for text in CORPUS:
        assert imdb_words(text) == of_keras(text.replace("\r", "\n"))
    assert imdb_words("great\r\nfilm\r") == ["great", "film"]


def test_the_real_reviews_are_read_by_the_same_words(real_data: Path) -> None:
    """A test of the sources compares IMDB's ids one by one; here the words of both rules are compared."""
    words = [word for word in json.loads((real_data / "imdb_word_index.json").read_text()) if word.isascii() and word.isalnum()]
    assert [WORDS(word) for word in words] == [imdb_words(word) for word in words] and len(words) > 70_000
