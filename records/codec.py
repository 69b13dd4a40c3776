"""Records to JSON and back, without loss. Pydantic checks what is read; it is imported when the first record is read."""

import dataclasses
import functools
import json
import math
from typing import Any, ClassVar, Self

from records.errors import RecordError


class Record:
    """The base of frozen dataclasses that are kept as JSON.

    Reading is strict: a field that is missing, unknown, of another type, or not finite is refused, never converted.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"strict": True, "extra": "forbid", "allow_inf_nan": False}

    def to_json(self) -> str:
        """Pretty JSON, keys in field order.

        Raises:
            RecordError: a number is NaN or infinite; the message names its field.
        """
        values = dataclasses.asdict(self)  # type: ignore[call-overload]
        try:
            return json.dumps(values, indent=1, allow_nan=False) + "\n"
        except ValueError as error:
            raise RecordError(f"{type(self).__name__}{_not_finite(values)}, which JSON does not know") from error

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The record that `to_json` wrote.

        Raises:
            RecordError: the text is no JSON, or not this record; the message names the first field that is wrong.
        """
        from pydantic import ValidationError

        try:
            return _adapter(cls).validate_json(text)  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise RecordError(f"not a {cls.__name__} record: {where + ': ' if where else ''}{first['msg']}") from error


@functools.cache
def _adapter(cls: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(cls)


def _not_finite(value: Any) -> str:
    """The path of the first number in nested values that is NaN or infinite, and that number: `.scores.0.loss is nan`."""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f" is {value}"
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, each in items:
        if found := _not_finite(each):
            return f".{key}{found}"
    return ""
