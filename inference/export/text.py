"""How a text becomes ids, as code for those who have an export and not this program: Python, `regex` and SentencePiece alone.

What `data/tokenizer.py` does is not written a second time: the code holds its functions as they stand there, and reads its
patterns in `vocabulary.json`.
"""

import inspect

from data import tokenizer
from data.tokenizer import imdb_words
from data.vocabulary import FIRST_WORD, OOV, START, Vocabulary

_FUNCTIONS = (tokenizer.clean, tokenizer.replaced, tokenizer.compiled)


def code_of(vocabulary: Vocabulary) -> str:
    """Python with a function `encode`, which gives the ids of a text; `vocabulary` is the content of `vocabulary.json`."""
    if vocabulary.piece_model:
        return f"{_cleaning(vocabulary)}\n\n{_PIECES}"
    words = _imdb() if vocabulary.tokenizer.rule == "imdb" else f"{_cleaning(vocabulary)}\n\n{_WORDS}"
    known = f"numbers.get(word, {OOV}) for word in words(text)"
    if vocabulary.drops_unknown:
        known = "numbers[word] for word in words(text) if word in numbers"
    return (
        f'{words}\n\nnumbers = {{word: rank + {FIRST_WORD} for rank, word in enumerate(vocabulary["words"])}}\n\n\n'
        f"def encode(text):\n    return [{START}, *({known})]\n"
    )


def separators() -> str:
    """The characters that stand between words beside the space, by IMDB's rule."""
    return "".join(chr(code) for code in range(1, 128) if chr(code) != " " and not imdb_words(chr(code)))


def _imdb() -> str:
    return (
        f'table = {{ord(c): " " for c in {separators()!r}}} | {{c: c + 32 for c in range(65, 91)}}\n\n\n'
        'def words(text):\n    return [word for word in text.translate(table).split(" ") if word]\n'
    )


def _cleaning(vocabulary: Vocabulary) -> str:
    """The source of `clean` with all that it needs."""
    names = ", ".join(vocabulary.tokenizer.patterns)
    functions = "\n\n".join(inspect.getsource(function) for function in _FUNCTIONS)
    imports = "import functools\nimport html\nimport unicodedata\nfrom typing import Any"
    return f'{imports}\n\n{names} = vocabulary["patterns"].values()\n\n\n{functions}'


_WORDS = """def words(text):
    return compiled(TOKEN).findall(clean(text, vocabulary["mask_links"]))
"""
_PIECES = f"""import base64

import sentencepiece

pieces = sentencepiece.SentencePieceProcessor(model_proto=base64.b64decode(vocabulary["piece_model"]))


def encode(text):
    found = pieces.encode(clean(text, vocabulary["mask_links"]))
    return [{START}, *(piece + {FIRST_WORD - 1} if piece else {OOV} for piece in found)]
"""
