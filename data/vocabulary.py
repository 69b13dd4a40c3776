"""Texts to token ids and back, in Keras IMDB's numbering: 0 padding, 1 start, 2 out of vocabulary, 3 unused, 4... words.

Words are Keras IMDB's; or pieces of words, which a unigram language model learns from texts (Kudo 2018, Subword
regularization, ACL; SentencePiece, Kudo and Richardson 2018, EMNLP).
"""

import base64
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from records.errors import DataError

PADDING, START, OOV = 0, 1, 2
_SPACE = "\u2581"  # how SentencePiece writes one
FIRST_WORD = 4  # the id of the most frequent word
_FILTERED = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'  # keras.preprocessing.text's filter: the apostrophe stays
_TABLE = {ord(c): " " for c in _FILTERED} | {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}


def tokenize(text: str) -> list[str]:
    """Words as in Keras IMDB: ASCII letters lower-cased, punctuation to spaces, split on spaces only.

    Other white space (U+0085, no-break space) stays inside words, as it did when the published ids were made.
    """
    return [word for word in text.translate(_TABLE).split(" ") if word]


@dataclass(frozen=True)
class Vocabulary:
    """Words, or pieces of words, by rank; the word of rank r has the id r + 3."""

    words: tuple[str, ...]  # most frequent first
    drops_unknown: bool  # Keras IMDB drops words outside its index; otherwise they become out-of-vocabulary
    piece_model: bytes = b""  # SentencePiece's, where the words are pieces

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: rank + FIRST_WORD for rank, word in enumerate(self.words)}

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, `<int32>[time]`, the start token first."""
        if self.piece_model:
            pieces = self._pieces.encode(text.replace("<br />", " "))
            return np.array([START, *(piece + FIRST_WORD - 1 if piece else OOV for piece in pieces)], dtype=np.int32)
        ids = [self._ids.get(word, OOV) for word in tokenize(text)]
        return np.array([START, *(i for i in ids if i != OOV or not self.drops_unknown)], dtype=np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The words of ids, `?` for out-of-vocabulary; padding and start leave nothing."""
        words = [self.word(int(i)) for i in ids if i not in (PADDING, START)]
        return "".join(words).replace(_SPACE, " ").strip() if self.piece_model else " ".join(words)

    def split(self, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The words, or pieces of words, of a text's ids but the start token; and the words that `encode` drops."""
        if self.piece_model:
            return tuple(self._pieces.encode(text.replace("<br />", " "), out_type=str)), ()
        words = tokenize(text)
        if not self.drops_unknown:
            return tuple(words), ()
        return tuple(word for word in words if word in self._ids), tuple(word for word in words if word not in self._ids)

    def to_json(self) -> str:
        """The words, and what else it takes to encode with them."""
        pieces = base64.b64encode(self.piece_model).decode("ascii")
        return json.dumps({"drops_unknown": self.drops_unknown, "piece_model": pieces, "words": self.words}) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The vocabulary that `to_json` wrote.

        Raises:
            ValueError: not JSON, or not a vocabulary.
        """
        match json.loads(text):
            case {"drops_unknown": bool(drops), "piece_model": str(pieces), "words": list(words)} if _are_texts(words):
                return cls(tuple(words), drops, base64.b64decode(pieces))
        raise ValueError("not a vocabulary: expected words, drops_unknown and piece_model")

    @cached_property
    def _pieces(self) -> Any:
        return _sentencepiece().SentencePieceProcessor(model_proto=self.piece_model)

    def word(self, token_id: int) -> str:
        """The word, or piece of a word, of an id; `?` for one that is none."""
        rank = token_id - FIRST_WORD
        return self.words[rank] if 0 <= rank < len(self.words) else "?"


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def learn_pieces(texts: Iterable[str], size: int) -> Vocabulary:
    """The pieces of words with which a unigram model explains the texts best, case-folded; at most `size` ids in all.

    Raises:
        DataError: SentencePiece is not installed.
    """
    model, library = io.BytesIO(), _sentencepiece()
    library.SentencePieceTrainer.train(
        sentence_iterator=(text.replace("<br />", " ") for text in texts),
        model_writer=model,
        model_type="unigram",
        vocab_size=size - FIRST_WORD + 1,  # and one for what no piece explains
        hard_vocab_limit=False,  # a small corpus has fewer
        normalization_rule_name="nmt_nfkc_cf",
        max_sentence_length=1 << 20,  # bytes; longer ones would be left out
        unk_id=0,
        bos_id=-1,
        eos_id=-1,
        num_threads=1,  # the same texts give the same pieces
        minloglevel=2,
    )
    pieces = library.SentencePieceProcessor(model_proto=model.getvalue())
    words = tuple(pieces.id_to_piece(number) for number in range(1, pieces.get_piece_size()))
    return Vocabulary(words, drops_unknown=False, piece_model=model.getvalue())


def _sentencepiece() -> Any:
    try:
        import sentencepiece  # imported here: an extra
    except ImportError as error:
        raise DataError("data.tokens: subwords need SentencePiece; make run EXTRAS=subwords installs it") from error
    return sentencepiece


def learn_vocabulary(texts: Iterable[str], min_frequency: int) -> Vocabulary:
    """The words of the training part that stand there at least `min_frequency` times; ties in alphabetical order."""
    counts = Counter(word for text in texts for word in tokenize(text))
    frequent = [word for word, count in counts.items() if count >= min_frequency]
    return Vocabulary(tuple(sorted(frequent, key=lambda word: (-counts[word], word))), drops_unknown=False)
