"""Tokens to ids and back, in Keras IMDB's numbering: 0 padding, 1 start, 2 out of vocabulary, 3 unused, 4... words.

Words are what a rule of `data/tokenizer.py` finds in a text; or pieces of words, which a unigram language model learns from texts
(Kudo 2018, Subword regularization, ACL; SentencePiece, Kudo and Richardson 2018, EMNLP).
"""

import base64
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, get_args

import numpy as np

from data.tokenizer import IMDB, SUBWORDS, VERSION, Rule, Tokenizer
from records.errors import DataError

PADDING, START, OOV = 0, 1, 2
_SPACE = "\u2581"  # how SentencePiece writes one
FIRST_WORD = 4  # the id of the most frequent word


@dataclass(frozen=True)
class Vocabulary:
    """Words, or pieces of words, by rank, and how texts are divided into them; the word of rank r has the id r + 3.

    Its JSON in the run folder is all that it takes to encode a text as the run did.
    """

    words: tuple[str, ...]  # most frequent first
    drops_unknown: bool  # Keras IMDB drops words outside its index; otherwise they become out-of-vocabulary
    piece_model: bytes = b""  # SentencePiece's, where the words are pieces
    tokenizer: Tokenizer = IMDB

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: rank + FIRST_WORD for rank, word in enumerate(self.words)}

    def ids(self, tokens: Iterable[str]) -> np.ndarray:
        """The id of each token, `<int32>[tokens]`, or `OOV`."""
        return np.fromiter((self._ids.get(token, OOV) for token in tokens), np.int32)

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, `<int32>[time]`, the start token first; of a text without any token that one alone."""
        if self.piece_model:
            pieces = self._pieces.encode(self.tokenizer.clean(text))
            return np.array([START, *(piece + FIRST_WORD - 1 if piece else OOV for piece in pieces)], dtype=np.int32)
        ids = [self._ids.get(word, OOV) for word in self.tokenizer(text)]
        return np.array([START, *(i for i in ids if i != OOV or not self.drops_unknown)], dtype=np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The words of ids, `?` for out-of-vocabulary; padding and start leave nothing."""
        words = [self.word(int(i)) for i in ids if i not in (PADDING, START)]
        return "".join(words).replace(_SPACE, " ").strip() if self.piece_model else self.tokenizer.join(words)

    def split(self, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The words, or pieces of words, of a text's ids but the start token; and the words that `encode` drops."""
        if self.piece_model:
            return tuple(self._pieces.encode(self.tokenizer.clean(text), out_type=str)), ()
        words = self.tokenizer(text)
        if not self.drops_unknown:
            return tuple(words), ()
        return tuple(word for word in words if word in self._ids), tuple(word for word in words if word not in self._ids)

    def to_json(self) -> str:
        """The tokeniser's record: the rule, its version, options and patterns, the words, and the model of pieces."""
        record = {
            "tokens": self.tokenizer.rule,
            "version": VERSION,
            "mask_links": self.tokenizer.mask_links,
            "patterns": self.tokenizer.patterns,  # for those who have no more than the record: this program knows its versions
            "drops_unknown": self.drops_unknown,
            "piece_model": base64.b64encode(self.piece_model).decode("ascii"),
            "words": self.words,
        }
        return json.dumps(record) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The vocabulary that `to_json` wrote.

        Raises:
            ValueError: not JSON, not a vocabulary, or one of other rules than this program's.
        """
        match json.loads(text):
            case {
                "tokens": str(name),
                "version": int(version),
                "mask_links": bool(mask_links),
                "drops_unknown": bool(drops),
                "piece_model": str(pieces),
                "words": list(words),
            } if _are_texts(words):
                if name not in get_args(Rule) or version != VERSION:
                    raise ValueError(f"it has tokens of the rule {name!r}, version {version}, which this program does not know")
                rule: Rule = name  # type: ignore[assignment]  # it is one of them
                return cls(tuple(words), drops, base64.b64decode(pieces), Tokenizer(rule, mask_links))
        raise ValueError("not a vocabulary: expected tokens, version, mask_links, drops_unknown, piece_model and words")

    @cached_property
    def _pieces(self) -> Any:
        return _sentencepiece().SentencePieceProcessor(model_proto=self.piece_model)

    def word(self, token_id: int) -> str:
        """The word, or piece of a word, of an id; `?` for one that is none."""
        rank = token_id - FIRST_WORD
        return self.words[rank] if 0 <= rank < len(self.words) else "?"


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def learn_pieces(texts: Iterable[str], size: int, tokenizer: Tokenizer = SUBWORDS) -> Vocabulary:
    """The pieces of words with which a unigram model explains the texts best, at most `size` ids in all.

    Args:
        texts: as they were written; they are cleaned as later texts are.
        size: of the vocabulary, the four special ids included.
        tokenizer: of the rule `subwords`.

    Raises:
        DataError: SentencePiece is not installed, or cannot learn from so few texts.
    """
    model, library = io.BytesIO(), _sentencepiece()
    try:
        library.SentencePieceTrainer.train(
            sentence_iterator=(tokenizer.clean(text) for text in texts),
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
    except RuntimeError as error:
        raise DataError(
            f"data.tokens=subwords: SentencePiece cannot learn {size:,} pieces from the training texts ({error}); "
            "more texts or another data.vocab_size may do, or --set data.tokens=auto"
        ) from error
    pieces = library.SentencePieceProcessor(model_proto=model.getvalue())
    words = tuple(pieces.id_to_piece(number) for number in range(1, pieces.get_piece_size()))
    return Vocabulary(words, drops_unknown=False, piece_model=model.getvalue(), tokenizer=tokenizer)


def _sentencepiece() -> Any:
    try:
        import sentencepiece  # imported here: an extra
    except ImportError as error:
        raise DataError("data.tokens: subwords need SentencePiece; make run EXTRAS=subwords installs it") from error
    return sentencepiece


def learn_vocabulary(counts: Mapping[str, int], min_frequency: int, tokenizer: Tokenizer = IMDB) -> Vocabulary:
    """The words of the training part that stand there at least `min_frequency` times; ties in alphabetical order.

    Args:
        counts: how often each word stands there.
        min_frequency: at least 1.
        tokenizer: that has found them.
    """
    frequent = [word for word, count in counts.items() if count >= min_frequency]
    return Vocabulary(tuple(sorted(frequent, key=lambda word: (-counts[word], word))), drops_unknown=False, tokenizer=tokenizer)
