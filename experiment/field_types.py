"""Whether the values of a config are of the types that config.py declares, and what these types are called in a sentence."""

import dataclasses
import sys
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from config import Config, Contender, Profile, Tunable


def profile_problems(profiles: Mapping[str, Profile]) -> list[str]:
    """A sentence for every profile that is none, and for every field of one whose value has not its type."""
    problems = list[str]()
    for name, each in profiles.items():
        is_profile = isinstance(each, Profile)
        problems += unfit(each, f"PROFILES[{name!r}]: ") if is_profile else [f"PROFILES[{name!r}]: expected Profile(...)"]
    return problems


def type_problems(config: Config) -> list[str]:
    """A sentence for every field of a config, and of its contenders, whose value has not its type."""
    if problems := unfit(config, ""):  # a section is of another kind
        return problems
    for section in dataclasses.fields(config):
        problems += unfit(getattr(config, section.name), f"{section.name}.")
    if not problems:
        for each in config.compare.architectures:
            if isinstance(each, Contender):
                problems += unfit(each, f"compare.architectures: Contender({each.architecture!r}, {each.title!r}): ")
    return problems


def type_of(name: str) -> Any:
    """The type that config.py declares for a field, `section.field`."""
    section, _, key = name.partition(".")
    return get_type_hints(type(getattr(Config(), section)))[key]


def unfit(record: Any, prefix: str) -> list[str]:
    """A sentence for every field of a record whose value has not its type."""
    hints = get_type_hints(type(record))
    values = {item.name: getattr(record, item.name) for item in dataclasses.fields(record)}
    return [
        f"{prefix}{name}: expected {describe(hints[name])}, got {value!r}"
        for name, value in values.items()
        if not fits(value, hints[name])
    ]


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type as config.py writes them; numbers are finite, and True is no number."""
    if hint is Any:
        return True
    if isinstance(hint, types.UnionType) or get_origin(hint) is Union:  # the second where one of the options is a Literal
        return any(fits(value, option) for option in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(fits(item, get_args(hint)[0]) for item in value)
    if get_origin(hint) is Mapping:
        return isinstance(value, Mapping) and all(
            fits(part, kind) for item in value.items() for part, kind in zip(item, get_args(hint), strict=True)
        )
    if hint is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and abs(value) <= sys.float_info.max  # neither nan, nor inf, nor an integer beyond all real numbers
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def describe(hint: Any) -> str:
    """A type in words, for a sentence on what was expected."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(str(each) or "nothing" for each in get_args(hint))
    if get_origin(hint) is Mapping:
        return "names with their values, such as {'space.units': 64}"
    if hint == Tunable:
        return "a number or Choice(...), Range(low, high, step), LogRange(low, high)"
    words: dict[Any, str]
    if isinstance(hint, types.UnionType) or get_origin(hint) is Union:
        return " or ".join(describe(option).removeprefix("one of ") for option in get_args(hint))
    if get_origin(hint) is tuple:
        of = get_args(hint)[0]
        words = {
            str | Contender: "names and Contender(...)",
            int: "int",
            float: "numbers",
            Mapping[str, float | int]: "settings ({'units': 64},)",
        }
        return f"a tuple of {words[of]}"
    words = {int: "an integer", float: "a number", str: "a text", bool: "True or False"}
    return words.get(hint) or f"{getattr(hint, '__name__', hint)}(...)"
