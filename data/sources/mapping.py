"""`data.labels` in one line: `1,2=negative 4,5=positive 3=-`, or the order of classes alone: `bad ok good`."""

import re
import shlex
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
    rules: dict[str, str]  # the key of a label, a range `1-2` or `*` -> a class, or `-`
    is_order: bool  # nothing is renamed: the line only says which classes there are, in their order

    @classmethod
    def parse(cls, line: str) -> "LabelMapping":
        """The mapping that a line means.

        Raises:
            ValueError: it means none; the message says why.
        """
        rules, names, is_order = dict[str, str](), dict[str, str](), True
        for part in shlex.split(line):
            values, equals, name = part.rpartition("=")
            values, name = (values, name) if equals else (part, part)
            is_order = is_order and not equals
            if not name or not values:
                raise ValueError(f"expected labels=class, got {part!r}")
            if name != LEFT_OUT:
                name = names.setdefault(key_of(plain(name)), plain(name))
            for value in map(plain, values.split(",")):
                if rules.setdefault(key_of(value), name) != name:
                    raise ValueError(f"the label {value!r} is named twice, as {rules[key_of(value)]!r} and as {name!r}")
        if not rules:
            raise ValueError("expected labels=class")
        return cls(tuple(names.values()), rules, is_order)

    def of(self, value: str) -> str | None:
        """The class of a plain label, `-` where its rows are left out, None where the line does not name it."""
        return self.named(value) or self.rules.get(REST)

    def named(self, value: str) -> str | None:
        """The same, but None also where only `*` names it."""
        if (found := self.rules.get(key_of(value))) is not None:
            return found
        number = number_of(value)
        if number is not None:
            for rule, name in self.rules.items():
                ends = _RANGE.fullmatch(rule)
                if ends and float(ends[1]) <= number <= float(ends[2]):
                    return name
        return None


def written(line: str, values: Iterable[str], name: str = LEFT_OUT) -> str:
    """The line with a rule more: these labels are of this class, or left out."""
    quoted = [shlex.quote(value) if re.search(r"[\s'\"]", value) else value for value in values]
    return f"{line} {','.join(quoted)}={name}".strip()


def leaving_out(line: str, classes: Classes, rare: Collection[str]) -> str:
    """The line with which the rows of some classes are left out, where this one (or none) has led to these classes."""
    if line:
        parts = [part.rpartition("=") for part in shlex.split(line)]
        kept = [(values or name, LEFT_OUT if name in rare else name) for values, _, name in parts]
    else:
        values = [f"{value:.15g}" for value in classes.values] or list(classes.names)
        kept = [(value, LEFT_OUT if name in rare else name) for value, name in zip(values, classes.names, strict=True)]
    return " ".join(shlex.quote(value) if value == name else f"{shlex.quote(value)}={shlex.quote(name)}" for value, name in kept)
