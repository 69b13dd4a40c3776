"""From texts to ids: the rule that makes their tokens is chosen, a vocabulary is learned, and every text is encoded."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from config import Config, Data
from data.scripts import sample, script_shares, told, unspaced_shares
from data.sources.imdb import read_word_index
from data.tokenizer import Tokenizer
from data.types import Dataset, Sequences, SourceReviews
from data.vocabulary import Vocabulary, learn_pieces, learn_vocabulary
from records.errors import DataError
from records.files import user_path
from records.summary import LEAST_KNOWN

UNSPACED_SHARE = 0.1  # of the letters, from which on characters are tokens: everything else is read as words all the same
PAIRS = 20_000  # rows of the table of pairs, where characters are tokens because texts need it
_ASCII_SHARE = 0.99  # of the letters, from which on texts are English enough for IMDB's rule


@dataclass(frozen=True)
class EncodedSource:
    """The reviews of a source as ids."""

    labelled: Sequences
    unlabelled: Sequences
    vocabulary: Vocabulary
    notes: tuple[str, ...]  # for people: what was chosen, and what is odd


def encode(source: SourceReviews, is_test: np.ndarray, data: Data) -> EncodedSource:
    """Ids of the reviews and of the unlabelled ones, and the vocabulary, in which no test text has a part.

    Args:
        source: texts, or ids, which stay as they are.
        is_test: `<bool>[reviews]`.
        data: of the config.

    Raises:
        DataError: the source cannot be read in the tokens that `data.tokens` asks for, or there is nothing to learn them from.
    """
    if source.sequences is not None:
        if data.tokens not in ("auto", "imdb"):
            raise DataError(
                f"data.tokens: {source.title} has ids of words and no texts to find {data.tokens} in; "
                "choose a data.source with texts (aclImdb, or a table), or --set data.tokens=auto"
            )
        return EncodedSource(source.sequences, Sequences.from_lists([]), Vocabulary(source.words or (), drops_unknown=True), ())
    tokenizer, notes = choose_tokenizer(source, is_test, data)
    vocabulary = _vocabulary(source, is_test, data, tokenizer)
    labelled, unlabelled = (
        Sequences.from_lists(vocabulary.encode(text) for text in each) for each in (source.texts or [], source.unlabelled)
    )
    return EncodedSource(labelled, unlabelled, vocabulary, notes + _dropped(vocabulary, source.texts or []))


def with_pairs(config: Config, dataset: Dataset) -> Config:
    """The config with vectors for pairs of characters, where `auto` has made characters the tokens and no number was set."""
    is_chosen = config.data.tokens == "auto" and dataset.vocabulary.tokenizer.rule == "characters"
    return config.changed("model.bigrams", PAIRS) if is_chosen and not config.model.bigrams else config


def choose_tokenizer(source: SourceReviews, is_test: np.ndarray, data: Data) -> tuple[Tokenizer, tuple[str, ...]]:
    """The rule for a source of texts, as `data.tokens` asks for it, and what is to be said about it.

    `auto` takes the rule of a word index that is given; that which the source was made for, if its letters are ASCII's;
    characters where the training texts are written without spaces; else words.
    """
    texts = [text for text, test in zip(source.texts or [], is_test, strict=True) if not test]
    unspaced, rule = unspaced_shares(texts), data.tokens
    is_unspaced = sum(unspaced.values()) >= UNSPACED_SHARE
    if rule == "auto":
        is_imdb = bool(data.word_index) or (source.is_imdb and _ascii_share(texts) >= _ASCII_SHARE)
        rule = "imdb" if is_imdb else "characters" if is_unspaced else "words"
    return Tokenizer(rule, data.mask_links), _notes(rule, data, texts, unspaced if is_unspaced else {})


def _notes(rule: str, data: Data, texts: list[str], unspaced: dict[str, float]) -> tuple[str, ...]:
    scripts = f"the texts are written without spaces ({told(unspaced)})"
    if unspaced and rule == "characters" and data.tokens == "auto":
        return (
            f"{scripts}: every character is a token, and pairs of characters have vectors too (model.bigrams={PAIRS}, unless "
            "it is set); data.tokens=subwords reads pieces instead",
        )
    if unspaced and rule in ("words", "imdb"):
        return (f"{scripts}, and so a token is a whole clause: --set data.tokens=characters, or subwords",)
    if not unspaced and rule == "characters":
        found = told(script_shares(texts))
        return (f"data.tokens=characters divides scripts without spaces only, and these texts ({found}) are read as words",)
    return ()


def _dropped(vocabulary: Vocabulary, texts: list[str]) -> tuple[str, ...]:
    """What is to be said of words that leave no trace, because the word index that was given does not hold them."""
    if not vocabulary.drops_unknown:
        return ()
    kept, dropped = (sum(map(len, each)) for each in zip(*map(vocabulary.split, sample(texts)), strict=True))
    share = kept / max(1, kept + dropped)
    if share >= LEAST_KNOWN:
        return ()
    return (
        f"only {int(100 * share)} % of the words stand in data.word_index and the others are dropped: --set data.word_index=",
    )


def _ascii_share(texts: list[str]) -> float:
    letters = "".join(filter(str.isalpha, "".join(sample(texts))))
    return sum(map(str.isascii, letters)) / max(1, len(letters))


def _vocabulary(source: SourceReviews, is_test: np.ndarray, data: Data, tokenizer: Tokenizer) -> Vocabulary:
    if data.word_index:
        return Vocabulary(read_word_index(user_path(data.word_index)), drops_unknown=True, tokenizer=tokenizer)
    texts = _learnable(source, is_test, tokenizer, drop_leaked=data.drop_leaked)
    if tokenizer.rule == "subwords":
        return learn_pieces(texts, data.vocab_size, tokenizer)
    return learn_vocabulary(texts, data.min_frequency, tokenizer)


def _learnable(source: SourceReviews, is_test: np.ndarray, tokenizer: Tokenizer, *, drop_leaked: bool) -> list[str]:
    """The texts that a vocabulary is learned from: those that are trained on, and the unlabelled ones that are no test text."""
    texts = source.texts or []
    train = [text for text, test in zip(texts, is_test, strict=True) if not test]
    if not drop_leaked and not source.unlabelled:
        return train

    def key(text: str) -> Any:
        return tuple(tokenizer(text))

    tested = {key(text) for text, test in zip(texts, is_test, strict=True) if test}
    kept = [text for text in train if key(text) not in tested] if drop_leaked else train
    return kept + [text for text in source.unlabelled if key(text) not in tested]
