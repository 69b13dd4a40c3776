"""Who takes part in a run: each contender's id, architecture, title, colour and own config, resolved from the run's config.

A study, a record and a table name a contender by its id alone; what the id stands for is looked up here. Nothing is kept
between runs: the config that a run folder holds gives the roster of that run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from config import Config, Contender
from models import registry
from records.study import ALL, YARDSTICKS, StudyResult, bucket_order

# For contenders beyond the first of an architecture: Tol's palettes for colour-blind readers (Paul Tol, Colour schemes, SRON
# technical note SRON/EPS/TN/09-002, 2021), and darker and lighter companions of Okabe and Ito's.
PALETTE = (
    "#EE7733", "#0077BB", "#33BBEE", "#EE3377", "#CC3311", "#009988", "#DDAA33", "#BB5566", "#004488",
    "#AA3377", "#66CCEE", "#228833", "#CCBB44", "#4477AA", "#EE6677", "#661100", "#999900", "#5D3A9B", "#40B0A6",
)  # fmt: skip


SHORTEST_LADDER = 3  # rungs


@dataclass(frozen=True)
class Change:
    """A setting of a contender's own."""

    name: str  # section.field
    value: str  # as it is written
    of_run: str  # what the run's config says

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


@dataclass(frozen=True)
class Entry:
    """One contender of a run."""

    id: str  # of its studies, in commands, folders and tables
    architecture: str  # its name in the registry
    title: str  # for people
    colour: str
    config: Config  # the run's, with the contender's own settings and its scope
    changes: tuple[Change, ...]  # its own settings; none: the run's
    control_of: str | None  # the id of the contender whose setting and seeds this one repeats with Keras's own layer
    parent: str | None  # the id of the contender that this one is an ablation of, the only network it is compared with

    @property
    def registered(self) -> registry.Architecture:
        """Its architecture in the registry."""
        return registry.resolve(self.architecture)

    def scopes(self, buckets: Sequence[str]) -> tuple[str, ...]:
        """What it trains on: `all` for a generalist, and the names of the buckets for specialists."""
        scope = self.config.compare.scope
        return ((ALL,) if scope != "bucket" else ()) + (tuple(buckets) if scope != "all" else ())


@dataclass(frozen=True)
class Roster:
    """The contenders of a run, in the order of its config, which is the order of every table and figure."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, config: Config) -> "Roster":
        """The roster of a config that `experiment.options.validate` accepts."""
        listed, colours = config.compare.architectures, _colours(config.compare.architectures)
        controls = _controls(listed)
        return cls(
            tuple(
                Entry(
                    id=id_of(each),
                    architecture=architecture_of(each),
                    title=_title(each, is_control=id_of(each) in controls),
                    colour=colour,
                    config=resolved(config, each),
                    changes=_changes(config, each),
                    control_of=controls.get(id_of(each)),
                    parent=_parent(each, listed, controls),
                )
                for each, colour in zip(listed, colours, strict=True)
            )
        )

    @cached_property
    def _by_id(self) -> dict[str, Entry]:
        return {entry.id: entry for entry in self.entries}

    def __getitem__(self, id: str) -> Entry:
        """The contender of this id; a yardstick is none."""
        return self._by_id[id]

    @property
    def ids(self) -> tuple[str, ...]:
        """Of all contenders, and the names of the yardsticks at the end."""
        return (*self._by_id, *YARDSTICKS)

    @property
    def controls(self) -> frozenset[str]:
        """The ids of those that never compete, because they repeat another's setting and seeds."""
        return frozenset(entry.id for entry in self.entries if entry.control_of)

    @property
    def parents(self) -> dict[str, str]:
        """The id of each ablation, with that of the contender that it is compared with."""
        return {entry.id: entry.parent for entry in self.entries if entry.parent}

    @property
    def ladder(self) -> tuple[str, ...]:
        """The ids of the longest chain of ablations, each made from the one before it; none where no chain has three rungs."""
        longest = max(map(self.descent, self._by_id), key=len, default=())
        return longest if len(longest) >= SHORTEST_LADDER else ()

    def descent(self, id: str) -> tuple[str, ...]:
        """A contender, and before it what it was made from, and what that was made from; in a circle each once."""
        found = [id]
        while (parent := self._by_id[found[-1]].parent) and parent not in found:
            found.append(parent)
        return tuple(reversed(found))

    def architecture(self, id: str) -> str:
        """The name in the registry of a contender's architecture; a yardstick's own name."""
        return self._by_id[id].architecture if id in self._by_id else id

    def title(self, id: str) -> str:
        """What a contender, or a yardstick, is called in tables and figures."""
        return self._by_id[id].title if id in self._by_id else registry.title(id)

    def colour(self, id: str) -> str:
        """The one colour of a contender, or of a yardstick, in every figure."""
        return self._by_id[id].colour if id in self._by_id else registry.colour(id)

    def in_order(self, results: Iterable[StudyResult]) -> list[StudyResult]:
        """Results in the order of every table: by contender, the yardsticks last, and then by length."""
        order = {id: number for number, id in enumerate(self.ids)}

        def place(result: StudyResult) -> tuple[int, bool, int, int]:
            study = result.study
            return order[study.contender], study.is_fine_tuned, bucket_order(study.bucket), study.n_reviews

        return sorted(results, key=place)


def id_of(listed: str | Contender) -> str:
    """The id of what a config lists: a plain name is its own."""
    return listed if isinstance(listed, str) else listed.id


def names(listed: str | Contender) -> tuple[str, str]:
    """What the `parent` of an ablation may call it: its id and its title."""
    return id_of(listed), _title(listed, is_control=False)


def architecture_of(listed: str | Contender) -> str:
    """The name in the registry of what a config lists."""
    return listed if isinstance(listed, str) else listed.architecture


def resolved(config: Config, listed: str | Contender) -> Config:
    """The config of a run as one contender sees it: with its own settings, and its scope as `compare.scope`.

    Raises:
        AttributeError, TypeError: a setting names no field; `experiment.options.validate` lists such names.
    """
    if isinstance(listed, str):
        return config
    own = {name.removeprefix("space.") for name in listed.set}
    kept = ({name: value for name, value in setting.items() if name not in own} for setting in config.search.first)
    config = config.changed("search.first", tuple(setting for setting in kept if setting))  # its own settings come before these
    for name, value in listed.set.items():
        config = config.changed(name, value)
    return config.changed("compare.scope", listed.scope or config.compare.scope)


def _changes(config: Config, listed: str | Contender) -> tuple[Change, ...]:
    """What a contender sets; a scope is a setting too."""
    if isinstance(listed, str):
        return ()
    own = dict(listed.set) | ({"compare.scope": listed.scope} if listed.scope else {})
    return tuple(Change(name, str(value), str(config.value(name))) for name, value in own.items())


def _controls(listed: Sequence[str | Contender]) -> dict[str, str]:
    """The id of each control in these, with the id of what it controls: only plain names of both make one."""
    plain = [name for name in listed if isinstance(name, str)]
    return {control: name for name in plain if (control := registry.resolve(name).control) in plain and control}


def _title(listed: str | Contender, *, is_control: bool) -> str:
    if isinstance(listed, Contender):
        return listed.label
    return registry.title(listed) + (", Keras's layer" if is_control else "")


def _parent(listed: str | Contender, everybody: Sequence[str | Contender], controls: dict[str, str]) -> str | None:
    """The id of what this one is an ablation of: of what a control controls, since that competes."""
    if isinstance(listed, str):
        return None
    named = listed.parent or listed.architecture
    found = next((id_of(each) for each in everybody if named in names(each) and each is not listed), None)
    return controls.get(found, found) if found else None


def _colours(listed: Sequence[str | Contender]) -> list[str]:
    """A colour each: the registry's for the plain entry of an architecture, else for its first; then the palette's.

    Each further one gets the colour of the palette that is farthest from all that are in use before it.
    """
    firsts = dict[str, int]()
    for number, each in sorted(enumerate(listed), key=lambda pair: not isinstance(pair[1], str)):  # plain names first
        firsts.setdefault(architecture_of(each), number)
    colours = [registry.colour(architecture_of(each)) if number in firsts.values() else "" for number, each in enumerate(listed)]
    used = [colour for colour in colours if colour] + [registry.colour(name) for name in YARDSTICKS]
    for number, colour in enumerate(colours):
        if not colour:
            farthest = max(PALETTE, key=lambda one: min(_distance(one, other) for other in used))
            colours[number] = farthest
            used.append(farthest)
    return colours


def _distance(one: str, other: str) -> float:
    """How different two colours look, roughly: red, green and blue weighted as the eye weights them."""
    first, second = bytes.fromhex(one[1:]), bytes.fromhex(other[1:])
    mean_red = (first[0] + second[0]) / 512
    weights = (2 + mean_red, 4, 3 - mean_red)
    return sum(weight * (a - b) ** 2 for weight, a, b in zip(weights, first, second, strict=True))
