"""What is known of a run as a whole: what made it, where and when, and how it ended."""

from dataclasses import dataclass
from typing import Literal

from records.codec import Record

RunStatus = Literal["running", "done", "some failed", "interrupted"]


@dataclass(frozen=True)
class About(Record):
    """One run. Times are UTC, in ISO format, to the second."""

    artefact_version: int
    profile: str
    run: str  # the folder's name
    status: RunStatus
    started: str
    last_started: str
    ended: str | None
    minutes: float  # of all sittings that ended by themselves
    seed: int
    data: str  # title of the reviews
    is_demo: bool
    python: str
    machine: str
    git_commit: str
    environment: dict[str, str]  # backend, kind of device, versions of the libraries that a number may depend on

    @property
    def rows(self) -> dict[str, object]:
        """Everything by name, for a table."""
        return {name: value for name, value in vars(self).items() if name != "environment"} | self.environment


@dataclass(frozen=True)
class ListedRun:
    """A line of the index: a run of this version, of an earlier one, or one whose files cannot be read."""

    folder: str
    data: str
    is_demo: bool
    status: str
    minutes: float
    last_started: str
    has_report: bool
    led: tuple[
        tuple[str, float], ...
    ]  # of each bucket, the contender that validation chose, by its title where it has one of its own, and its test accuracy
