"""What is wrong with config.py, the file that people edit: one sentence with its line, where Python would give a traceback."""

import ast
import contextlib
import dataclasses
import re
import sys
import traceback
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from records.errors import ConfigError, closest

FILE = Path(__file__).parents[1] / "config.py"
BAD_INPUT = 2


@contextlib.contextmanager
def told(*, ends: bool) -> Iterator[None]:
    """Says in a sentence why the rooms that are imported in this block cannot be, where config.py is at fault.

    Args:
        ends: whether this process ends with the sentence, as a command line does.

    Raises:
        ConfigError: config.py cannot be read, and the process is to go on.
    """
    try:
        yield
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        if not ends:
            raise ConfigError(sentence) from error
        print(f"configuration error:\n{sentence}", file=sys.stderr)
        sys.exit(BAD_INPUT)


def _sentence(error: Exception) -> str | None:
    """What is wrong and in which line; None of an error that is not config.py's."""
    if isinstance(error, SyntaxError) and error.filename == str(FILE):
        return f"{FILE.name}, line {error.lineno}: {error.msg}: {(error.text or '').strip()}"
    reached = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == str(FILE)]
    if reached:
        frame, line = reached[-1]
        return f"{FILE.name}, line {line}: {_problem(error, frame.f_globals)}"
    if isinstance(error, ImportError) and error.name == FILE.stem:
        return f"{FILE}: {error.msg}; the file must stand there and define what it did when it came"
    return None


def _problem(error: Exception, names: Mapping[str, Any]) -> str:
    """An error in words, with the closest name that the file has."""
    unknown = re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error))
    if unknown and dataclasses.is_dataclass(names.get(unknown[1])):
        known = [item.name for item in dataclasses.fields(names[unknown[1]])]
        return f"{unknown[1]} has no field {unknown[2]!r}{closest(unknown[2], known)}"
    if isinstance(error, NameError) and error.name:
        own = [name for name, value in names.items() if getattr(value, "__module__", "") == FILE.stem]
        return f"there is no name {error.name!r}{closest(error.name, [*own, 'True', 'False', 'None'])}"
    return f"{type(error).__name__}: {str(error).replace('.__init__()', '')}"


def with_lines(error: ConfigError, profile: str, changes: Collection[str]) -> ConfigError:
    """The error with the line of every value that stands in the file.

    Args:
        error: of a profile with some changes; its message begins each line with `section.field: `.
        profile: its name.
        changes: `section.field=value`; what they are about does not stand in the file.
    """
    changed, found = {change.partition("=")[0].strip() for change in changes}, _lines(profile)
    told = []
    for problem in str(error).split("\n"):
        line = found.get(name) if (name := problem.partition(":")[0]) not in changed else None
        told.append(f"{problem} ({FILE.name}, line {line})" if line else problem)
    return ConfigError("\n".join(told))


def _lines(profile: str) -> dict[str, int]:
    """`section.field` -> line of its value in a profile, or else of its default."""
    tree = ast.parse(FILE.read_text(encoding="utf-8"))
    classes = {node.name: _annotated(node) for node in tree.body if isinstance(node, ast.ClassDef)}
    sections = {name: ast.unparse(node.annotation) for name, node in classes.get("Config", {}).items()}
    found = {f"{name}.{key}": of.lineno for name, kind in sections.items() for key, of in classes.get(kind, {}).items()}
    for section, values in _arguments(_arguments(_profiles(tree).get(profile)).get("config")).items():
        found |= {f"{section}.{key}": value.lineno for key, value in _arguments(values).items()}
    return found


def _annotated(node: ast.ClassDef) -> dict[str, ast.AnnAssign]:
    return {each.target.id: each for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)}


def _profiles(tree: ast.Module) -> dict[str, ast.expr]:
    for node in tree.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id="PROFILES"), value=ast.Dict() as table):
                named = zip(table.keys, table.values, strict=True)
                return {str(key.value): of for key, of in named if isinstance(key, ast.Constant)}
    return {}


def _arguments(node: ast.expr | None) -> dict[str, ast.expr]:
    """The keyword arguments of a call."""
    return {each.arg: each.value for each in node.keywords if each.arg} if isinstance(node, ast.Call) else {}
