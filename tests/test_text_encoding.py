"""Laws of the text handling: Keras IMDB's ids, exactly; what is encoded can be read again."""

import numpy as np

from text_encoding import OOV, START, Vocabulary, learn_vocabulary, tokenize

WORDS = ("the", "a", "film", "br", "it's", "good", "café")


def test_tokens_are_those_of_keras_imdb() -> None:
    assert tokenize("It's GOOD...<br /><br />A film!") == ["it's", "good", "br", "br", "a", "film"]
    assert tokenize("tab\tnew\nline  twice") == ["tab", "new", "line", "twice"]
    assert tokenize("CAFÉ É\x85x\xa0y") == [
        "cafÉ",
        "É\x85x\xa0y",
    ]  # ASCII letters only are lowered; U+0085 splits nothing
    assert tokenize("") == tokenize("?!") == []


def test_ids_are_rank_plus_three_after_the_start_token() -> None:
    vocabulary = Vocabulary(WORDS, drops_unknown=True)
    np.testing.assert_array_equal(vocabulary.encode("The film is GOOD"), [START, 4, 6, 9])  # `is` has no id and is dropped
    np.testing.assert_array_equal(vocabulary.encode("!!!"), [START])


def test_unknown_words_of_a_learned_vocabulary_are_out_of_vocabulary() -> None:
    vocabulary = learn_vocabulary(["b b a", "a b c"], min_frequency=2)
    assert vocabulary.words == ("b", "a")
    np.testing.assert_array_equal(vocabulary.encode("a zebra b"), [START, 5, OOV, 4])


def test_decode_gives_the_words_back() -> None:
    vocabulary = Vocabulary(WORDS, drops_unknown=False)
    assert vocabulary.decode(vocabulary.encode("It's a good zebra")) == "it's a good ?"
    assert vocabulary.decode([0, 1, 4, 0, 0]) == "the"
