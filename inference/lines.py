"""The text in a line of standard input: the line itself, or that of a JSON object."""

from typing import Any

from data.sources.columns import TEXT_NAMES, of_names
from data.sources.wanted import AUTO
from data.tables.json_rows import loads
from records.errors import TextError


def text_of_line(line: str, key: str) -> str:
    """What is to be read.

    Args:
        line: of standard input.
        key: of the text in lines that are JSON objects, or several to be joined, with + between them; `auto`: found.

    Raises:
        TextError: it is an object without such a key, or which of its values is the text cannot be told, or it is a damaged one.
    """
    if not line.lstrip().startswith('{"'):
        return line
    try:
        found = loads(line)
    except ValueError as error:
        raise TextError(f"it begins as a JSON object does and is none ({error})") from error
    names = [key] if key in found else [part.strip() for part in key.split("+")]
    return " ".join(text for name in names if (text := found[_key_of_text(found, name)].strip()))


def _key_of_text(found: dict[str, Any], wanted: str) -> str:
    texts = [key for key, value in found.items() if isinstance(value, str)]
    if wanted in texts:
        return wanted
    keys = f"its keys are {', '.join(found) or 'none'}"
    if wanted != AUTO:
        raise TextError(f"it is a JSON object without a text named {wanted!r}; {keys}")
    usual = next((there for names in TEXT_NAMES if (there := of_names(texts, names))), [])
    for candidates in ([texts[number] for number in usual], texts):
        if len(candidates) == 1:
            return candidates[0]
    raise TextError(f"it is a JSON object, and which value is the text cannot be told; {keys}: name one with --text-column")
