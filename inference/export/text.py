"""How a text becomes ids, as code for those who have an export and not this program: Python, `regex` and SentencePiece alone.

What `data/tokenizer.py` does is not written a second time: the code holds its functions as they stand there, and reads its
patterns in `vocabulary.json`.
"""

import inspect

from data import tokenizer
from data.tokenizer import imdb_words
from data.vocabulary import FIRST_WORD, OOV, START, Vocabulary

_FUNCTIONS = (tokenizer.clean, tokenizer.replaced, tokenizer.compiled)


def imports_of(vocabulary: Vocabulary) -> str:
    """What `code_of` and the reading of `vocabulary.json` need."""
    is_cleaned = vocabulary.tokenizer.rule != "imdb"
    modules = ["json", *["functools", "html", "unicodedata"] * is_cleaned, *["base64"] * bool(vocabulary.piece_model)]
    names = ["from pathlib import Path", *["from typing import Any"] * is_cleaned]
    library = "\n\nimport sentencepiece" * bool(vocabulary.piece_model)
    return "\n".join([*(f"import {module}" for module in sorted(modules)), *names]) + library


def code_of(vocabulary: Vocabulary) -> str:
    """Python with a function `encode`, which gives the ids of a text; `vocabulary` is the content of `vocabulary.json`.

    It follows the lines of `imports_of`.
    """
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
    return f'{names} = vocabulary["patterns"].values()\n\n\n{functions}'


_WORDS = """def words(text):
    return compiled(TOKEN).findall(clean(text, vocabulary["mask_links"]))
"""
_PIECES = f"""pieces = sentencepiece.SentencePieceProcessor(model_proto=base64.b64decode(vocabulary["piece_model"]))


def encode(text):
    found = pieces.encode(clean(text, vocabulary["mask_links"]))
    return [{START}, *(piece + {FIRST_WORD - 1} if piece else {OOV} for piece in found)]
"""
