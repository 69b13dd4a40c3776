"""`data.labels` in one line: `1,2=negative 4,5=positive 3=-`, or the order of classes alone: `bad ok good`.

Between quotation marks every character stands for itself: `"drama,comedy"=both "a=b"=other`.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from data.sources.plain import number_of, plain
from records.classes import Classes

LEFT_OUT, REST = "-", "*"  # written in place of a class: its rows are left out; in place of a value: all others
_RANGE = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")


def key_of(value: str) -> str:
    """What makes two plain labels the same: neither capitals nor an underscore for a blank make a difference."""
    return value.casefold().replace("_", " ")


@dataclass(frozen=True)
class LabelMapping:
    """Which class each label is of."""

    names: tuple[str, ...]  # the classes, in the order of their first mention
    rules: dict[str, str]  # the key of a label -> a class, or `-`
    wide: dict[str, str]  # a range `1-2` or `*`, outside of quotation marks -> a class, or `-`
    is_order: bool  # nothing is renamed: the line only says which classes there are, in their order

    @classmethod
    def parse(cls, line: str) -> "LabelMapping":
        """The mapping that a line means.

        Raises:
            ValueError: it means none; the message says why.
        """
        rules, wide, names, is_order = dict[str, str](), dict[str, str](), dict[str, str](), True
        for values, named in _parts(line):
            is_order = is_order and named is None
            name = called = ",".join(values) if named is None else named
            if called != LEFT_OUT:
                name = names.setdefault(key_of(plain(_bare(called))), plain(_bare(called)))
                if name == LEFT_OUT:
                    raise ValueError(f"no class can be called {LEFT_OUT}")
            for value in values:
                key = key_of(plain(_bare(value)))
                if rules.setdefault(key, name) != name:
                    raise ValueError(f"the label {plain(_bare(value))!r} is named twice, as {rules[key]!r} and as {name!r}")
                if value == REST or _RANGE.fullmatch(value):
                    wide[value] = name
        if not rules:
            raise ValueError("expected labels=class")
        return cls(tuple(names.values()), rules, wide, is_order)

    def of(self, value: str) -> str | None:
        """The class of a plain label, `-` where its rows are left out, None where the line does not name it."""
        return self.named(value) or self.wide.get(REST)

    def names_all(self, values: Iterable[str]) -> bool:
        """Whether the line names every one of these labels, and not only with `*`."""
        return all(self.named(value) is not None for value in values)

    def named(self, value: str) -> str | None:
        """The same, but None also where only `*` names it."""
        if (found := self.rules.get(key_of(value))) is not None:
            return found
        number = number_of(value)
        if number is not None:
            for rule, name in self.wide.items():
                ends = _RANGE.fullmatch(rule)
                if ends and float(ends[1]) <= number <= float(ends[2]):
                    return name
        return None


# One character of a line that stands for itself (behind a backslash), or what stands between quotation marks.
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|\\(.)', re.DOTALL)
_MARKED = {character: chr(0xE000 + number) for number, character in enumerate(" \t\r\n,=*-")}  # quoted: it has no meaning
_BARE = str.maketrans({marked: character for character, marked in _MARKED.items()})
_MARK = str.maketrans(_MARKED)


def _parts(line: str) -> list[tuple[list[str], str | None]]:
    """The labels and the class of each part of a line; None for the class of a part that is a single name.

    What stood between quotation marks has characters of private use where it had some that mean something; see `_bare`.

    Raises:
        ValueError: a quotation mark is not closed, or a part has no label or no class.
    """
    bare = _QUOTED.sub(lambda found: _unquoted(found).translate(_MARK) or "\uf8ff", line)
    if '"' in _QUOTED.sub("", line) or "'" in _QUOTED.sub("", line):
        raise ValueError("No closing quotation")
    found = list[tuple[list[str], str | None]]()
    for part in bare.split():
        values, equals, name = part.rpartition("=")
        if equals and not (values and name):
            raise ValueError(f"expected labels=class, got {_bare(part)!r}")
        found.append((values.split(","), name) if equals else (part.split(","), None))
    return found


def _unquoted(found: re.Match[str]) -> str:
    double, single, escaped = found.groups()
    return re.sub(r'\\(["\\])', r"\1", double) if double is not None else single if single is not None else escaped


def _bare(text: str) -> str:
    """The text as it stood between its quotation marks."""
    return text.translate(_BARE).replace("\uf8ff", "")


def quoted(value: str) -> str:
    """A label as it stands in a line: between quotation marks where it has what a line gives a meaning to."""
    if not re.search(r"[\s,='\"\\]", value) and value not in ("", REST, LEFT_OUT) and not _RANGE.fullmatch(value):
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def written(line: str, values: Iterable[str], name: str = LEFT_OUT) -> str:
    """The line with a rule more: these labels are of this class, or left out; `REST` stands for all others."""
    return f"{line} {','.join(value if value == REST else quoted(value) for value in values)}={name}".strip()


def leaving_out(line: str, classes: Classes, rare: Collection[str]) -> str:
    """The line with which the rows of some classes are left out, where this one (or none) has led to these classes."""
    keys = set(map(key_of, rare))
    if line:
        parts = []
        for values, name in _parts(line):
            is_rare = key_of(plain(_bare(name or ",".join(values)))) in keys
            labels = ",".join(value if value == REST or _RANGE.fullmatch(value) else quoted(_bare(value)) for value in values)
            called = None if name is None else LEFT_OUT if name == LEFT_OUT else quoted(_bare(name))
            parts.append(f"{labels}={LEFT_OUT}" if is_rare else labels if called is None else f"{labels}={called}")
        return " ".join(parts)
    are_signs = classes.names == ("negative", "neutral", "positive") and classes.values == (-1.0, 0.0, 1.0)
    values = [f"{value:.15g}" for value in classes.values] if are_signs else list(classes.names)
    parts = []
    for value, name in zip(values, classes.names, strict=True):
        called = LEFT_OUT if name in rare else quoted(f"the label {name}" if name == LEFT_OUT else name)
        parts.append(quoted(value) if called == quoted(value) else f"{quoted(value)}={called}")
    return " ".join(parts)
