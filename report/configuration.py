"""Writes docs/configuration.md from config.py: each field's type, its default, and its comment as its meaning.

`make docs` calls this module, and a test compares the page with what it would write.
"""

import ast
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import get_type_hints

import config

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
RANGES = (config.Choice(32, 64), config.Range(0.1, 0.5, 0.1), config.LogRange(1e-4, 1e-2))  # one of each kind
INTRODUCTION = """# Configuration

This page is written by `make docs` from [config.py](../config.py), the file to edit; change the
comments there, not this page. On the command line, `--set SECTION.FIELD=VALUE` changes one field
of a profile: `python main.py quick --set space.units="Choice(32, 64)" model.pooling=max`. What
else the command line takes stands in [running.md](running.md).

The fields stand under three headings: what is *compared*, what is *tuned* for each contender, and
what is *fixed* for all of them. A *bucket* holds the reviews whose number of tokens lies in a
range; a *specialist* is trained on one bucket, a *generalist* on all reviews. A *contender* is an
architecture, or an architecture with settings of its own. A *study* is one contender trained on a
bucket or on all reviews; a *trial* is one setting that its search tries, a *repeat* one final
training of the setting that the search chose. The *yardsticks* are two linear models beside the
networks; *linear yardstick* in a profile's accuracy is the one of TF-IDF.

CONTENDER
A `Tunable` is a plain number, which is not searched, or one of these ranges:

"""
PROFILES = """## Profiles

A profile is a config with a name; `python main.py PROFILE` runs it. Minutes and accuracies were
measured on 2 cores with the real reviews, unless a row says otherwise; [results.md](results.md)
has the tables.

"""


@dataclass(frozen=True)
class Field:
    """One field of config.py, as its author wrote it."""

    name: str
    type: str
    default: str
    meaning: str


def page() -> str:
    """The whole page, as Markdown."""
    doc = f"`compare.architectures` takes names and contenders. {inspect.getdoc(config.Contender)} The name comes first, then:"
    contender = f"{textwrap.fill(doc, 100, break_on_hyphens=False)}\n\n{_fields(config.Contender)}"
    text = INTRODUCTION.replace("CONTENDER", contender) + "".join(f"- `{each}`: {type(each).__doc__}\n" for each in RANGES)
    for heading, sections in by_heading().items():
        text += f"\n## {heading.capitalize()}\n"
        for name, section in sections.items():
            text += f"\n### `{name}`\n\n{textwrap.fill(inspect.getdoc(section) or '', 100)}\n\n"
            text += _fields(section)
    profiles = [(f"`{name}`", each.note, each.minutes, each.accuracy) for name, each in config.PROFILES.items()]
    return f"{text}\n{PROFILES}{table(('profile', 'what it compares', 'minutes', 'test accuracy'), profiles)}"


def by_heading() -> dict[str, dict[str, type]]:
    """Heading -> name in `Config` -> class of the section; a heading is the comment `# -- heading ---` above the class."""
    source, found = inspect.getsource(config), dict[str, dict[str, type]]()
    for name, section in get_type_hints(config.Config).items():
        above = source[: source.index(f"\nclass {section.__name__}:")]
        found.setdefault(re.findall(r"^# -- (\w+) -+$", above, re.MULTILINE)[-1], {})[name] = section
    return found


def fields_of(section: type) -> list[Field]:
    """The fields of one section; the meaning is the comment behind a field, else the comment lines above it."""
    source, found, previous = inspect.getsource(section), [], 0
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AnnAssign) and node.value:
            name, kind, default = (
                ast.get_source_segment(source, part) or "" for part in (node.target, node.annotation, node.value)
            )
            above = " ".join(comments[line] for line in range(previous + 1, node.lineno) if line in comments)
            previous = node.end_lineno or node.lineno
            found.append(Field(name, kind, default, comments.get(previous, above)))
    return found


def _fields(section: type) -> str:
    """The fields of one section as a table."""
    rows = [(f"`{each.name}`", f"`{each.type}`", f"`{each.default}`", each.meaning) for each in fields_of(section)]
    return table(("field", "type", "default", "meaning"), rows)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown; a bar inside a cell is escaped."""
    lines = [head, ("---",) * len(head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
