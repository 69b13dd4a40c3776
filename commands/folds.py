"""`main.py run` with `data.folds`: the whole run once a fold, and what follows from all of them together."""

import argparse
import contextlib
import copy
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from config import Config
from models.roster import Roster
from records.errors import DataError
from records.files import write_record, write_text
from records.folds import FOLDED, FOLDS

if TYPE_CHECKING:
    from records.folds import Folded
    from saver import RunFolder

DONE, INTERRUPTED = 0, 130


def configs(config: Config) -> list[Config]:
    """The config of each fold's run; all of them have the same buckets, so that their numbers can be compared.

    Where buckets are to fit the reviews, these are the most that some fold would cut and every fold can train on.

    Raises:
        DataError: the source cannot be used.
    """
    import data_preprocessing
    from data.fitting import is_auto
    from data.sources import locate
    from data.types import Lengths

    source = locate.load(config.data, config.run.seed)
    lengths = Lengths.of(data_preprocessing.lengths_of(source, config.data))

    def cut(each: Config) -> tuple[int, ...]:
        buckets = data_preprocessing.outline(source, lengths, each)[1].buckets
        return tuple(bucket.high for bucket in buckets if bucket.high is not None)

    folds = _each(config)
    if not is_auto(config):
        return _each(_with_edges(config, cut(folds[0])))
    for edges in sorted(set(map(cut, folds)), key=lambda edges: (-len(edges), edges)):
        same = _each(_with_edges(config, edges))
        with contextlib.suppress(DataError):  # a fold has too few reviews of a class in one of these
            for each in same:
                cut(each)
            return same
    return _each(_with_edges(config, ()))


def _each(config: Config) -> list[Config]:
    return [config.changed("data.fold", fold) for fold in range(1, config.data.folds + 1)]


def _with_edges(config: Config, edges: tuple[int, ...]) -> Config:
    return config.changed("compare.bucket_edges", edges).changed("compare.bucket_quantiles", 0)


def main(options: argparse.Namespace, config: Config, run_config: Callable[[argparse.Namespace, Config], int]) -> int:
    """Run every fold that has not ended, then write what they say together; returns the exit code.

    Args:
        options: of the command.
        config: with `data.folds`.
        run_config: runs one config.
    """
    import plotter
    from records.links import point
    from report import console

    if options.dry_run:
        code = run_config(options, config.changed("data.fold", 1))
        print(f"this is the first of {config.data.folds} folds; each takes about as long")
        return code
    parent = options.artifacts / _name(options, config)
    within, folders, worst = copy.copy(options), list["RunFolder"](), DONE
    within.artifacts = parent
    for fold, each in enumerate(configs(config), start=1):
        console.note(f"fold {fold} of {config.data.folds}")
        code = run_config(within, each)
        plotter.write_index(options.artifacts)
        if code == INTERRUPTED:
            return code
        worst = max(worst, code)
        folders.append(_newest(parent))
        point(options.artifacts / "latest", f"{parent.name}/{folders[-1].path.name}")
    folded = _together(options.profile, config, folders)
    write_record(parent / FOLDED, folded)
    _show(parent, folded, Roster.of(config))
    plotter.write_index(options.artifacts)
    return worst


def _name(options: argparse.Namespace, config: Config) -> str:
    """`quick-1a2b3c4d-folds`: the hash covers the config; each fold's own name covers the data too."""
    import saver

    return f"{saver.run_name(options.profile, config, '', {})}{FOLDS}"


def _newest(parent: Path) -> "RunFolder":
    """The run that has just ended."""
    from records.links import followed
    from saver import RunFolder

    return RunFolder(followed(parent / "latest"))


def _together(profile: str, config: Config, folders: "list[RunFolder]") -> "Folded":
    import pandas as pd

    from analysis import folds
    from records.folds import Folded

    results = [pd.read_csv(folder.final_stats("results.csv")) for folder in folders]
    found, summaries = folds.scores(results), [folder.summary() for folder in folders]
    names = tuple(folder.name for folder in folders)
    differences = folds.differences(found, Roster.of(config))
    return Folded(profile, summaries[0].title, names, folds.chances(summaries), found, differences)


def _show(parent: Path, folded: "Folded", roster: Roster) -> None:
    """Write the page and the tables, and print what matters."""
    import plotter
    from analysis import folds
    from report import console

    for name, table in folds.tables(folded).items():
        write_text(parent / f"{name}.csv", table.to_csv(index=False))
    plotter.write_folds(parent, folded, roster)
    console.print_folds(folded, parent, roster)
