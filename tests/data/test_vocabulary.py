"""Laws of the text handling: Keras IMDB's ids, exactly; what is encoded can be read again."""

import sys
from collections import Counter

import numpy as np
import pytest

from data.tokenizer import imdb_words
from data.vocabulary import (
    FIRST_WORD,
    OOV,
    START,
    Vocabulary,
    learn_pieces,
    learn_vocabulary,
)
from records.errors import DataError

WORDS = ("the", "a", "film", "br", "it's", "good", "café")


def test_tokens_are_those_of_keras_imdb() -> None:
    assert imdb_words("It's GOOD...<br /><br />A film!") == ["it's", "good", "br", "br", "a", "film"]
    assert imdb_words("tab\tnew\nline  twice") == ["tab", "new", "line", "twice"]
    assert imdb_words("CAFÉ É\x85x\xa0y") == [
        "cafÉ",
        "É\x85x\xa0y",
    ]  # ASCII letters only are lowered; U+0085 splits nothing
    assert imdb_words("") == imdb_words("?!") == []


def test_ids_are_rank_plus_three_after_the_start_token() -> None:
    vocabulary = Vocabulary(WORDS, drops_unknown=True)
    np.testing.assert_array_equal(vocabulary.encode("The film is GOOD"), [START, 4, 6, 9])  # `is` has no id and is dropped
    np.testing.assert_array_equal(vocabulary.encode("!!!"), [START])


def test_unknown_words_of_a_learned_vocabulary_are_out_of_vocabulary() -> None:
    vocabulary = learn_vocabulary(Counter(["b", "b", "a", "a", "b", "c"]), min_frequency=2)
    assert vocabulary.words == ("b", "a")
    np.testing.assert_array_equal(vocabulary.encode("a zebra b"), [START, 5, OOV, 4])


def test_decode_gives_the_words_back() -> None:
    vocabulary = Vocabulary(WORDS, drops_unknown=False)
    assert vocabulary.decode(vocabulary.encode("It's a good zebra")) == "it's a good ?"
    assert vocabulary.decode([0, 1, 4, 0, 0]) == "the"


TEXTS = ["The unbelievable acting was believable.<br />I believe it!"] * 20 + ["Acting, believing, unbelieving: unacted"] * 20


def test_pieces_of_words_explain_words_that_were_never_seen() -> None:
    vocabulary = learn_pieces(TEXTS, 60)
    assert vocabulary == learn_pieces(TEXTS, 60) and len(vocabulary.words) <= 60 - FIRST_WORD
    ids = vocabulary.encode("The unbelieved acting")
    assert ids[0] == START and ids[1:].min() >= FIRST_WORD and ids.max() < len(vocabulary.words) + FIRST_WORD
    assert vocabulary.decode(ids) == "the unbelieved acting"
    assert OOV in vocabulary.encode("\u6620\u753b") and "br" not in vocabulary.decode(vocabulary.encode("a<br />b"))


def test_without_the_library_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(DataError, match="EXTRAS=subwords"):
        learn_pieces(TEXTS, 60)
