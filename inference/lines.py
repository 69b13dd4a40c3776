"""The text in a line of standard input: the line itself, or that of a JSON object."""

from typing import Any

from data.sources.wanted import AUTO
from data.tables.json_rows import loads
from records.errors import TextError

_USUAL = ("text", "review", "reviewtext", "review_text", "sentence", "content", "body", "comment", "tweet", "message", "phrase")


def text_of_line(line: str, key: str) -> str:
    """What is to be read.

    Args:
        line: of standard input.
        key: of the text in lines that are JSON objects; `auto`: found.

    Raises:
        TextError: it is an object without such a key, or which of its values is the text cannot be told, or it is a damaged one.
    """
    if not line.lstrip().startswith('{"'):
        return line
    try:
        found = loads(line)
    except ValueError as error:
        raise TextError(f"it begins as a JSON object does and is none ({error})") from error
    return str(found[_key_of_text(found, key)])


def _key_of_text(found: dict[str, Any], wanted: str) -> str:
    texts = [key for key, value in found.items() if isinstance(value, str)]
    if wanted in texts:
        return wanted
    keys = f"its keys are {', '.join(found) or 'none'}"
    if wanted != AUTO:
        raise TextError(f"it is a JSON object without a text named {wanted!r}; {keys}")
    usual = [key for key in texts if key.lower() in _USUAL]
    for candidates in (usual, texts):
        if len(candidates) == 1:
            return candidates[0]
    raise TextError(f"it is a JSON object, and which value is the text cannot be told; {keys}: name one with --text-column")
