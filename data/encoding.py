"""From texts to ids: the rule that makes their tokens is chosen, a vocabulary is learned, and every text is encoded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from config import Config, Data
from data import passes
from data.growing import Growing, pieces
from data.known_texts import digests
from data.passes import Numbering
from data.scripts import sample, script_shares, told, unspaced_shares
from data.sources.imdb import read_word_index
from data.texts import Chosen
from data.tokenizer import Tokenizer
from data.types import Dataset, Sequences, SourceReviews
from data.vocabulary import OOV, START, Vocabulary, learn_pieces, learn_vocabulary
from records.errors import DataError
from records.files import user_path
from records.summary import LEAST_KNOWN

UNSPACED_SHARE = 0.1  # of the letters, from which on characters are tokens: everything else is read as words all the same
PAIRS = 20_000  # rows of the table of pairs, where characters are tokens because texts need it
_ASCII_SHARE = 0.99  # of the letters, from which on texts are English enough for IMDB's rule
MOST_FOR_PIECES = 100_000_000  # characters that SentencePiece learns from; it takes some 20 bytes of memory for each
_Encoded = tuple[Sequences, Sequences, Vocabulary, tuple[str, ...]]  # labelled, unlabelled, and what is to be said


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
    encode_all = _with_pieces if tokenizer.rule == "subwords" and not data.word_index else _with_words
    labelled, unlabelled, vocabulary, more = encode_all(source, is_test, data, tokenizer)
    return EncodedSource(labelled, unlabelled, vocabulary, notes + more + _dropped(vocabulary, source.texts or []))


def with_pairs(config: Config, dataset: Dataset) -> Config:
    """The config with vectors for pairs of characters, where `auto` has made characters the tokens and no number was set."""
    is_chosen = config.data.tokens == "auto" and dataset.vocabulary.tokenizer.rule == "characters"
    return config.changed("model.bigrams", PAIRS) if is_chosen and not config.model.bigrams else config


def choose_tokenizer(source: SourceReviews, is_test: np.ndarray, data: Data) -> tuple[Tokenizer, tuple[str, ...]]:
    """The rule for a source of texts, as `data.tokens` asks for it, and what is to be said about it.

    `auto` takes the rule of a word index that is given; that which the source was made for, if its letters are ASCII's;
    characters where the training texts are written without spaces; else words.
    """
    texts = Chosen(source.texts or [], np.flatnonzero(~is_test))
    unspaced, rule = unspaced_shares(texts), data.tokens
    is_unspaced = sum(unspaced.values()) >= UNSPACED_SHARE
    if rule == "auto":
        is_imdb = bool(data.word_index) or (source.is_imdb and _ascii_share(texts) >= _ASCII_SHARE)
        rule = "imdb" if is_imdb else "characters" if is_unspaced else "words"
    return Tokenizer(rule, data.mask_links), _notes(rule, data, texts, unspaced if is_unspaced else {})


def _notes(rule: str, data: Data, texts: Sequence[str], unspaced: dict[str, float]) -> tuple[str, ...]:
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


def _dropped(vocabulary: Vocabulary, texts: Sequence[str]) -> tuple[str, ...]:
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


def _ascii_share(texts: Sequence[str]) -> float:
    letters = "".join(filter(str.isalpha, "".join(sample(texts))))
    return sum(map(str.isascii, letters)) / max(1, len(letters))


def _with_pieces(source: SourceReviews, is_test: np.ndarray, data: Data, tokenizer: Tokenizer) -> _Encoded:
    """The texts as pieces of words that are learned from them."""
    texts, further = source.texts or [], source.unlabelled
    learned, further_learned = ~is_test, np.ones(len(further), bool)
    if data.drop_leaked or len(further):
        numbering = Numbering(tokenizer)
        numbered = numbering.number(texts), numbering.number(further)
        learned, further_learned = _learnable(*numbered, is_test, drop_leaked=data.drop_leaked)
    learnable = [Chosen(*each) for each in ((texts, np.flatnonzero(learned)), (further, np.flatnonzero(further_learned)))]
    step = 1 + sum(len(text) for each in learnable for text in each) // MOST_FOR_PIECES
    vocabulary = learn_pieces((text for each in learnable for text in each[::step]), data.vocab_size, tokenizer)
    notes = (f"the pieces of words were learned from one text in {step}, since there are many",) if step > 1 else ()
    return passes.encode(vocabulary, texts), passes.encode(vocabulary, further), vocabulary, notes


def _with_words(source: SourceReviews, is_test: np.ndarray, data: Data, tokenizer: Tokenizer) -> _Encoded:
    """The texts as tokens, each of which is found once: their words are numbered, then ranked, then numbered anew."""
    numbering = Numbering(tokenizer)
    labelled, unlabelled = numbering.number(source.texts or []), numbering.number(source.unlabelled)
    tokens = numbering.tokens
    if data.word_index:
        vocabulary = Vocabulary(read_word_index(user_path(data.word_index)), drops_unknown=True, tokenizer=tokenizer)
    else:
        learnable = _learnable(labelled, unlabelled, is_test, drop_leaked=data.drop_leaked)
        counts = _counts(labelled, learnable[0], len(tokens)) + _counts(unlabelled, learnable[1], len(tokens))
        vocabulary = learn_vocabulary(dict(zip(tokens, counts.tolist(), strict=True)), data.min_frequency, tokenizer)
    ids = np.concatenate([np.array([START]), vocabulary.ids(tokens)]).astype(np.int32)
    labelled, unlabelled = (_renumbered(each, ids, drops_unknown=bool(data.word_index)) for each in (labelled, unlabelled))
    return labelled, unlabelled, vocabulary, ()


def _learnable(
    labelled: Sequences, unlabelled: Sequences, is_test: np.ndarray, *, drop_leaked: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Which labelled and which unlabelled texts a vocabulary is learned from, `<bool>[texts]` each.

    Those that are trained on, and the unlabelled ones that are no test text.
    """
    if not drop_leaked and not len(unlabelled):
        return ~is_test, np.zeros(0, bool)
    own, further = digests(labelled), digests(unlabelled)
    tested = np.unique(own[is_test])
    return ~is_test & ~(drop_leaked & np.isin(own, tested)), ~np.isin(further, tested)


def _counts(sequences: Sequences, chosen: np.ndarray, n_tokens: int) -> np.ndarray:
    """How often each of the numbers from 1 stands in the chosen texts, `<bool>[texts]`: `<int64>[tokens]`."""
    counts, first = np.zeros(n_tokens + 1, np.int64), 0
    for block in sequences.blocks():
        is_counted = np.repeat(chosen[first : first + len(block)], block.lengths)
        counts += np.bincount(block.values[is_counted], minlength=n_tokens + 1)
        first += len(block)
    return counts[1:]


def _renumbered(sequences: Sequences, ids: np.ndarray, *, drops_unknown: bool) -> Sequences:
    """The ids of numbered tokens, `<int32>[numbers]`, in their place, which is not needed any more."""
    for piece in pieces(sequences.values):
        piece[:] = ids[piece]
    if not drops_unknown:
        return sequences
    kept, lengths = Growing(np.int32), [np.zeros(1, np.int64)]
    for block in sequences.blocks():
        is_known = block.values != OOV
        kept.append(block.values[is_known])
        lengths.append(np.add.reduceat(is_known, block.offsets[:-1], dtype=np.int64))
    return Sequences(kept.whole(), np.cumsum(np.concatenate(lengths)))
