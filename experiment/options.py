"""The options of a run: how `--set` changes a config, how a run folder's is read, and which configs can be run."""

import ast
import dataclasses
import json
import math
import types
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from config import Choice, Config, LogRange, Range, Tunable
from records.errors import ConfigError, closest

if TYPE_CHECKING:
    from saver import RunFolder  # which NumPy comes with: --help does not wait for that

RANGES: dict[str, Any] = {cls.__name__: cls for cls in (Choice, Range, LogRange)}

# -- overrides: --set section.field=value ------------------------------------------------------------------------------


def with_overrides(config: Config, assignments: Collection[str]) -> Config:
    """A copy with `section.field=value` assignments applied; values are Python literals, bare words or ranges.

    Raises:
        ConfigError: an assignment names no field or cannot be read; all of them are listed.
    """
    problems, known = list[str](), _field_names()
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        section, _, key = name.strip().partition(".")
        if not equals or f"{section}.{key}" not in known:
            problems.append(f"--set {assignment}: expected section.field=value{closest(name.strip(), known)}")
            continue
        try:
            value = _read_value(text.strip())
        except ValueError as error:
            problems.append(f"--set {assignment}: {error}")
            continue
        changed = dataclasses.replace(getattr(config, section), **{key: value})
        config = dataclasses.replace(config, **{section: changed})
    if problems:
        raise ConfigError("\n".join(problems))
    return config


def config_of(folder: "RunFolder") -> Config:
    """The config of a run.

    Raises:
        ConfigError: a field is unknown or of the wrong type; all of them are listed.
        OSError, ValueError: the file cannot be read, or is no JSON.
    """
    return from_dict(json.loads(folder.config.read_text(encoding="utf-8")))


def from_dict(sections: Mapping[str, Mapping[str, Any]]) -> Config:
    """The config that a run folder's config.json holds.

    Raises:
        ConfigError: a field is missing, unknown or of the wrong type; all of them are listed.
    """
    assignments = [
        f"{section}.{key}={value if section == 'space' and isinstance(value, str) else repr(value)}"  # ranges are texts
        for section, fields in sections.items()
        for key, value in fields.items()
    ]
    given = {f"{section}.{key}" for section, fields in sections.items() for key in fields}
    if missing := [f"{name} is missing" for name in _field_names() if name not in given]:
        raise ConfigError("\n".join(missing))
    config = with_overrides(Config(), assignments)
    if problems := _type_problems(config):
        raise ConfigError("\n".join(problems))
    return config


def _field_names() -> list[str]:
    """`section.field` of every field."""
    config = Config()
    return [f"{s.name}.{f.name}" for s in dataclasses.fields(config) for f in dataclasses.fields(getattr(config, s.name))]


def _read_value(text: str) -> Any:
    """A literal, a range written as in this file, or the bare text."""
    try:
        node = ast.parse(text, mode="eval").body
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RANGES:
            named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
            return RANGES[node.func.id](*map(ast.literal_eval, node.args), **named)
        value = ast.literal_eval(node)
    except (SyntaxError, ValueError):
        return {"true": True, "false": False}.get(text.lower(), text)
    except TypeError as error:
        raise ValueError(f"cannot be read: {error}") from error
    return tuple(value) if isinstance(value, list) else value


# -- validation --------------------------------------------------------------------------------------------------------


def validate(config: Config, architectures: Mapping[str, int]) -> None:
    """Check every field of the chosen config against its type and meaning.

    Args:
        config: the experiment about to run.
        architectures: the names that exist in the registry, and what each one's units must be a multiple of.

    Raises:
        ConfigError: lists every problem, one a line, as `section.field: expected ..., got ...`.
    """
    problems = _type_problems(config)
    if not problems:  # meaning is only checked on values of the right type
        problems = _meaning_problems(config, architectures)
    if problems:
        raise ConfigError("\n".join(problems))


def _type_problems(config: Config) -> list[str]:
    problems = []
    for section in dataclasses.fields(config):
        record = getattr(config, section.name)
        hints = get_type_hints(type(record))
        for item in dataclasses.fields(record):
            value = getattr(record, item.name)
            if not _fits(value, hints[item.name]):
                problems.append(f"{section.name}.{item.name}: expected {_describe(hints[item.name])}, got {value!r}")
    return problems


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(hint, types.UnionType):
        return any(_fits(value, option) for option in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(item, get_args(hint)[0]) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and (isinstance(value, int) or math.isfinite(value))
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


def _describe(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    if get_origin(hint) is tuple:
        return f"a tuple of {get_args(hint)[0].__name__}"
    if hint == Tunable:
        return "a number or Choice(...), Range(low, high, step), LogRange(low, high)"
    return {int: "an integer", float: "a number", str: "a text", bool: "True or False"}[hint]


@dataclass(frozen=True)
class Rule:
    """What a field's value must be, beyond its type."""

    name: str  # section.field
    expected: str
    holds: Callable[[Any, Config], bool]  # of the value, and the config that it stands in

    def problem(self, config: Config) -> str:
        """A sentence where the rule is broken, else nothing."""
        section, _, key = self.name.partition(".")
        value = getattr(getattr(config, section), key)
        return "" if self.holds(value, config) else f"{self.name}: expected {self.expected}, got {value!r}"


_POSITIVE = {
    "search": ("max_trials", "epochs", "patience"),
    "data": ("min_frequency", "max_length", "demo_reviews"),
    "vectors": ("window", "epochs"),
    "model": ("bigram_dim",),
    "training": ("epochs", "patience", "reduce_patience", "clip_norm", "fine_tuning_rate", "repeats"),
}
RULES = (
    Rule("compare.architectures", "at least one, each once", lambda names, _: names and len(set(names)) == len(names)),
    Rule(
        "compare.bucket_edges",
        "ascending lengths above 0",
        lambda edges, _: all(a < b for a, b in pairwise(edges)) and all(edge > 0 for edge in edges),
    ),
    Rule(
        "compare.learning_curve",
        "different numbers from 20 on",
        lambda sizes, _: all(n >= 20 for n in sizes) and len(set(sizes)) == len(sizes),
    ),
    Rule("compare.bucket_quantiles", "0 to 100", lambda n, _: 0 <= n <= 100),
    *(
        Rule(f"{section}.{key}", "a positive number", lambda number, _: number > 0)
        for section, keys in _POSITIVE.items()
        for key in keys
    ),
    Rule("data.word_index", "an empty text with subwords", lambda path, c: c.data.tokens == "words" or not path),
    Rule("data.vocab_size", "at least 10", lambda n, _: n >= 10),
    Rule("data.max_train_per_bucket", "0 or more", lambda n, _: n >= 0),
    Rule("training.min_steps", "0 or more", lambda n, _: n >= 0),
    Rule("model.bigrams", "0, or 2 and more", lambda n, _: n == 0 or n > 1),
    Rule("vectors.frozen_epochs", "0 or more", lambda n, _: n >= 0),
    Rule("data.test_fraction", "a share between 0 and 0.9", lambda share, _: 0 < share < 0.9),
    Rule("data.validation_fraction", "a share between 0 and 0.9", lambda share, _: 0 < share < 0.9),
    Rule("training.reduce_factor", "between 0 and 1", lambda factor, _: 0 < factor < 1),
    Rule("compare.fine_tune", "False where there is no generalist", lambda does, c: not does or c.compare.scope != "bucket"),
    Rule(
        "run.checkpoints",
        "all where compare.fine_tune starts from them",
        lambda kept, c: kept == "all" or not c.compare.fine_tune,
    ),
    Rule("search.epochs", "at least 3 for hyperband", lambda n, c: n >= 3 or c.search.tuner != "hyperband"),
    Rule("run.seed", "a positive integer", lambda seed, _: seed > 0),
)


def _meaning_problems(config: Config, architectures: Mapping[str, int]) -> list[str]:
    problems = [
        f"compare.architectures: no architecture is named {name!r}{closest(name, architectures)}"
        for name in config.compare.architectures
        if name not in architectures
    ]
    problems += [problem for rule in RULES if (problem := rule.problem(config))]
    for item in dataclasses.fields(config.space):
        problems += _range_problems(f"space.{item.name}", getattr(config.space, item.name))
    units = config.space.units
    for name in config.compare.architectures:
        multiple = architectures.get(name, 1)
        if not _are_multiples(units, multiple):
            problems.append(f"space.units: expected multiples of {multiple} for {name}, got {units!r}")
    return problems


def _are_multiples(tunable: Tunable, of: int) -> bool:
    match tunable:
        case Choice(values=numbers):
            pass
        case Range(low=low, step=step):
            numbers = (low, step)
        case LogRange():
            numbers = ()
        case number:
            numbers = (number,)
    return all(n % of == 0 for n in numbers if isinstance(n, int))  # what is no integer is refused elsewhere


def _range_problems(name: str, tunable: Tunable) -> list[str]:
    match tunable:
        case Choice(values=values):
            numbers, ordered = values, len(values) > 0
        case Range(low=low, high=high, step=step):
            numbers, ordered = (low, high), low < high and step > 0
        case LogRange(low=low, high=high):
            numbers, ordered = (low, high), 0 < low < high
        case _:
            numbers, ordered = (tunable,), True
    if not all(_fits(n, float) for n in numbers):
        return [f"{name}: expected numbers, got {tunable}"]
    if not ordered:
        return [f"{name}: expected low < high (above 0 for LogRange), a positive step, at least one value; got {tunable}"]
    if name in ("space.dropout", "space.spatial_dropout"):
        return [] if all(0 <= n < 1 for n in numbers) else [f"{name}: expected shares from 0 to below 1, got {tunable}"]
    if name == "space.evidence":
        are_orders = all(isinstance(n, int) and 0 <= n <= 3 for n in numbers) and not isinstance(tunable, LogRange)
        return [] if are_orders else [f"{name}: expected 0, 1, 2 or 3, the words of the longest n-grams, got {tunable}"]
    if name == "space.adversarial":
        return [] if all(n >= 0 for n in numbers) else [f"{name}: expected numbers from 0 on, got {tunable}"]
    if name != "space.learning_rate" and (isinstance(tunable, LogRange) or not all(isinstance(n, int) for n in numbers)):
        return [f"{name}: expected integers, got {tunable}"]
    return [] if all(n > 0 for n in numbers) else [f"{name}: expected numbers above 0, got {tunable}"]
