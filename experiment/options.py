"""The options of a run: how `--set` changes a config, how a run folder's is read, and which configs can be run."""

import ast
import contextlib
import dataclasses
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_type_hints

from analysis.search_size import largest, readers_of_evidence
from config import Choice, Config, Contender, LogRange, Range
from experiment.data_rules import problems_of
from experiment.field_types import describe, fits, type_of, type_problems
from experiment.ranges import setting_problems, unit_problems
from models.registry import resolve
from models.roster import Roster, architecture_of, id_of, names, resolved
from records.errors import ConfigError, closest
from records.study import ALL, YARDSTICKS

if TYPE_CHECKING:
    from saver import RunFolder  # which NumPy comes with: --help does not wait for that

RECORDS: dict[str, Any] = {cls.__name__: cls for cls in (Choice, Range, LogRange, Contender)}  # that a value may be written with
OWN = ("space", "search", "model", "training", "vectors")  # sections of which a contender may have settings of its own
RESERVED = {*YARDSTICKS, ALL, "ensemble", "chosen"}  # what commands call other things than contenders
LONGEST_ID = 100  # letters of a contender's id, which names files

# -- overrides: --set section.field=value ------------------------------------------------------------------------------


def with_overrides(config: Config, assignments: Collection[str]) -> Config:
    """A copy with `section.field=value` assignments applied; values are Python literals, bare words, ranges or contenders.

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
            value = _read_field(f"{section}.{key}", text.strip())
        except ValueError as error:
            problems.append(f"--set {assignment}: {error}")
            continue
        config = config.changed(f"{section}.{key}", value)
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
    given = {f"{section}.{key}": value for section, fields in sections.items() for key, value in fields.items()}
    known, config = _field_names(), Config()
    problems = [f"{name} is missing" for name in known if name not in given]
    problems += [f"{name}: there is no such field{closest(name, known)}" for name in given if name not in known]
    if problems:
        raise ConfigError("\n".join(problems))
    for name, value in given.items():
        try:
            config = config.changed(name, _of_json(name, value))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            problems.append(f"{name}: {value!r} cannot be read ({type(error).__name__}: {error})")
    if problems := problems or type_problems(config):
        raise ConfigError("\n".join(problems))
    return config


def _of_json(name: str, value: Any) -> Any:
    """The value of a field, `section.field`, from what `Config.plain` made of it."""
    if isinstance(value, list):
        return tuple(_of_json(name, each) for each in value)
    if isinstance(value, str) and name.startswith("space."):
        return _read_value(value)  # a range
    if isinstance(value, Mapping) and name == "compare.architectures":
        return Contender(**dict(value) | {"set": {own: _of_json(own, each) for own, each in value["set"].items()}})
    return value


def _field_names() -> list[str]:
    """`section.field` of every field."""
    config = Config()
    return [f"{s.name}.{f.name}" for s in dataclasses.fields(config) for f in dataclasses.fields(getattr(config, s.name))]


def _read_field(name: str, text: str) -> Any:
    """The value of a field, `section.field`, as `_read_value` reads it.

    A field of text takes what no quotation marks say is Python, such as `true` or `1,2`, as it stands; one of several numbers
    takes a single one. Quotation marks in `data.labels` are its own.
    """
    hint = type_of(name)
    if name == "data.labels":
        return text
    if hint is str:
        with contextlib.suppress(ValueError, SyntaxError):
            if isinstance(quoted := ast.literal_eval(text), str):
                return quoted
        return text
    value = _read_value(text)
    is_one = isinstance(value, int | float) and not fits(value, hint) and fits((value,), hint)
    return (value,) if is_one else value


def _read_value(text: str) -> Any:
    """A literal, a range or contender written as in config.py, or the bare text."""
    try:
        return _evaluated(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError):
        return {"true": True, "false": False}.get(text.lower(), text)
    except TypeError as error:
        raise ValueError(f"cannot be read: {error}") from error


def _evaluated(node: ast.expr) -> Any:
    """What an expression of literals, ranges and contenders means; nothing is run. Lists are tuples, as fields are."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in RECORDS:
            named = {str(keyword.arg): _evaluated(keyword.value) for keyword in node.keywords}
            return RECORDS[name](*map(_evaluated, node.args), **named)
        case ast.Tuple() | ast.List():
            return tuple(map(_evaluated, node.elts))
        case ast.Name(id="true" | "false" as name):
            return name == "true"
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {_evaluated(key): _evaluated(value) for key, value in zip(keys, values, strict=True) if key}
    return ast.literal_eval(node)


# -- validation --------------------------------------------------------------------------------------------------------


def validate(config: Config, architectures: Mapping[str, int]) -> None:
    """Check every field of the chosen config against its type and meaning.

    Args:
        config: the experiment about to run.
        architectures: the names that exist in the registry, and what each one's units must be a multiple of.

    Raises:
        ConfigError: lists every problem, one a line, as `section.field: expected ..., got ...`.
    """
    problems = type_problems(config)
    if not problems:  # meaning is only checked on values of the right type
        problems = _meaning_problems(config, architectures)
    if problems:
        raise ConfigError("\n".join(problems))


@dataclass(frozen=True)
class Rule:
    """What a field's value must be, beyond its type."""

    name: str  # section.field
    expected: str
    holds: Callable[[Any, Config], bool]  # of the value, and the config that it stands in

    def problem(self, config: Config) -> str:
        """A sentence where the rule is broken, else nothing."""
        value = config.value(self.name)
        return "" if self.holds(value, config) else f"{self.name}: expected {self.expected}, got {value!r}"


_POSITIVE = {
    "search": ("max_trials", "epochs", "patience"),
    "data": ("min_frequency", "max_length", "demo_reviews"),
    "vectors": ("window", "epochs"),
    "model": ("bigram_dim",),
    "training": ("epochs", "patience", "reduce_patience", "clip_norm", "fine_tuning_rate", "repeats"),
}
WIDEST = 100
RULES = (
    Rule("compare.architectures", "at least one", lambda listed, _: len(listed) > 0),
    Rule(
        "compare.bucket_edges",
        "ascending lengths above 0",
        lambda edges, _: edges == "auto" or (all(a < b for a, b in pairwise(edges)) and all(edge > 0 for edge in edges)),
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
    Rule("data.source", "auto, imdb, demo or a path", lambda source, _: bool(source.strip())),
    Rule("data.word_index", "'' unless tokens is auto or imdb", lambda path, c: c.data.tokens in ("auto", "imdb") or not path),
    Rule("data.vocab_size", "at least 10", lambda n, _: n >= 10),
    Rule("data.max_train_per_bucket", "0 or more", lambda n, _: n >= 0),
    Rule("training.min_steps", "0 or more", lambda n, _: n >= 0),
    Rule("model.bigrams", "0, or 2 and more", lambda n, _: n == 0 or n > 1),
    Rule("vectors.frozen_epochs", "0 or more", lambda n, _: n >= 0),
    Rule("vectors.window", f"at most {WIDEST} words", lambda n, _: n <= WIDEST),  # pairs of near words: memory grows with it
    Rule("data.test_fraction", "a share between 0 and 0.9", lambda share, _: 0 < share < 0.9),
    Rule("data.validation_fraction", "a share between 0 and 0.9", lambda share, _: 0 < share < 0.9),
    Rule("data.folds", "0, or 2 to 20", lambda n, _: n == 0 or 2 <= n <= 20),
    Rule("data.folds", "0 beside data.time_column, whose test part is the latest", lambda n, c: not (n and c.data.time_column)),
    Rule(
        "data.folds",
        "0 of standard input, which cannot be read once a fold",
        lambda n, c: not n or c.data.fold > 0 or c.data.source != "-",
    ),
    Rule("data.fold", "0 to data.folds", lambda n, c: 0 <= n <= c.data.folds),
    Rule("training.reduce_factor", "between 0 and 1", lambda factor, _: 0 < factor < 1),
    Rule("compare.fine_tune", "False where there is no generalist", lambda does, c: not does or c.compare.scopes != {"bucket"}),
    Rule(
        "run.checkpoints",
        "all where compare.fine_tune starts from them",
        lambda kept, c: kept == "all" or not c.compare.fine_tune,
    ),
    Rule("search.epochs", "at least 3 for hyperband", lambda n, c: n >= 3 or c.search.tuner != "hyperband"),
    Rule("run.seed", "a positive integer", lambda seed, _: seed > 0),
)


def _meaning_problems(config: Config, architectures: Mapping[str, int]) -> list[str]:
    listed = config.compare.architectures
    problems = [
        f"compare.architectures: no architecture is named {name!r}{closest(name, architectures)}"
        for name in map(architecture_of, listed)
        if name not in architectures
    ]
    problems += [problem for rule in RULES if (problem := rule.problem(config))] + setting_problems(config)
    problems += problems_of(config.data)
    for name in dict.fromkeys(each for each in listed if isinstance(each, str)):
        problems += unit_problems(config.space.units, name, architectures)
    if problems:
        return problems  # of contenders too, which would repeat them
    problems = [
        problem for each in listed if isinstance(each, Contender) for problem in _own_problems(config, each, architectures)
    ]
    if problems:
        return problems
    if config.model.pseudo_labels and not readers_of_evidence(Roster.of(config)):
        return ["model.pseudo_labels: expected False where no network reads evidence (space.evidence), got True"]
    return _name_problems(config, architectures)


# -- contenders --------------------------------------------------------------------------------------------------------


def _own_problems(config: Config, contender: Contender, architectures: Mapping[str, int]) -> list[str]:
    """What is wrong with a contender's own settings; each sentence begins with its title."""
    known = [name for name in _field_names() if name.partition(".")[0] in OWN and name != "search.objective"]
    problems, before = list[str](), f"compare.architectures: {contender.label}: "
    for name, value in contender.set.items():
        section, _, key = name.partition(".")
        if name == "search.objective":
            problems.append("search.objective is the same for all contenders, because a report shows their trials together")
        elif name not in known:
            there = " is the same for all contenders" if name in _field_names() else ": there is no such field"
            problems.append(f"set: {name}{there}{closest(name, known)}")
        elif not fits(value, hint := get_type_hints(type(getattr(config, section)))[key]):
            problems.append(f"{name}: expected {describe(hint)}, got {value!r}")
    if "model.pooling" in contender.set and (pooling := resolve(contender.architecture).pooling):
        problems.append(f"model.pooling: {contender.architecture} has a pooling of its own, {pooling}")
    if not problems:
        mine = resolved(config, contender)
        rules = [rule for rule in RULES if not rule.name.startswith("compare.")]
        problems = [problem for rule in rules if (problem := rule.problem(mine))] + setting_problems(mine)
        problems += unit_problems(mine.space.units, contender.architecture, architectures)
        if not problems and contender.set.get("model.pseudo_labels") and not largest(mine.space.evidence):
            problems.append("model.pseudo_labels: expected False, since it reads no evidence (space.evidence is 0)")
    return [before + problem for problem in problems]


def _name_problems(config: Config, architectures: Mapping[str, int]) -> list[str]:
    """What is wrong with the names of contenders, by which commands, folders and tables know them."""
    listed, roster = config.compare.architectures, Roster.of(config)
    problems, ids = list[str](), [id_of(each) for each in listed]
    titles = [names(each)[1].casefold() for each in listed]
    for each in listed:
        if isinstance(each, str):
            continue
        others = [other for other in listed if other is not each]
        if not each.title and not each.set and not each.scope:
            problem = f"has no settings and no title of its own; write {each.architecture!r} without Contender"
        elif not each.id:
            problem = "a title needs letters from a to z, or digits"
        elif len(each.id) > LONGEST_ID:
            problem = f"expected a title of at most {LONGEST_ID} letters, got {len(each.id)}"
        elif each.id in architectures or each.id in RESERVED:
            problem = f"its name in commands would be {each.id}, which stands for something else; give it another title"
        elif each.parent and not any(each.parent in names(other) for other in others):
            known = [name for other in others for name in names(other)]
            problem = f"parent: no other contender is called {each.parent!r}{closest(each.parent, known)}"
        elif roster.parents.get(roster.descent(each.id)[0]) == each.id:
            problem = f"parent: {each.parent!r} is itself made from {each.label!r}, directly or by others; one must come first"
        else:
            continue
        problems.append(f"compare.architectures: {each.label}: {problem}")
    doubles = [id for id in dict.fromkeys(ids) if ids.count(id) > 1]
    doubles += [title for title in dict.fromkeys(titles) if titles.count(title) > 1 and not doubles]
    return problems + [f"compare.architectures: two contenders are called {name}; give one another title" for name in doubles]
