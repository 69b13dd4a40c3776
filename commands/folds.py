"""`main.py run` with `data.folds`: the whole run once a fold, and what follows from all of them together."""

import argparse
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from config import Config
from models.roster import Roster
from records.files import write_record, write_text

if TYPE_CHECKING:
    from records.folds import Folded
    from saver import RunFolder

DONE, INTERRUPTED = 0, 130
FOLDER = "folds"  # what the name of their common folder ends with


def configs(config: Config, cache: Path) -> Iterator[Config]:
    """The config of each fold's run; all of them have the buckets of the first one, so that their numbers can be compared."""
    import data_preprocessing

    first = config.changed("data.fold", 1)
    buckets = data_preprocessing.load_or_prepare(first, cache)[0].buckets
    edges = tuple(bucket.high for bucket in buckets if bucket.high is not None)
    yield first
    for fold in range(2, config.data.folds + 1):
        same = config.changed("compare.bucket_edges", edges).changed("compare.bucket_quantiles", 0)
        yield same.changed("data.fold", fold)


def main(options: argparse.Namespace, config: Config, run_config: Callable[[argparse.Namespace, Config], int]) -> int:
    """Run every fold that has not ended, then write what they say together; returns the exit code.

    Args:
        options: of the command.
        config: with `data.folds`.
        run_config: runs one config.
    """
    from records.links import point
    from report import console

    if options.dry_run:
        code = run_config(options, config.changed("data.fold", 1))
        print(f"this is the first of {config.data.folds} folds; each takes about as long")
        return code
    parent = options.artifacts / _name(options, config)
    within, folders, worst = copy.copy(options), list["RunFolder"](), DONE
    within.artifacts = parent
    for fold, each in enumerate(configs(config, options.cache), start=1):
        console.note(f"fold {fold} of {config.data.folds}")
        code = run_config(within, each)
        if code == INTERRUPTED:
            return code
        worst = max(worst, code)
        folders.append(_newest(parent))
        point(options.artifacts / "latest", f"{parent.name}/{folders[-1].path.name}")
    folded = _together(options.profile, config, folders)
    write_record(parent / "folds.json", folded)
    _show(parent, folded, Roster.of(config))
    return worst


def _name(options: argparse.Namespace, config: Config) -> str:
    """`quick-1a2b3c4d-folds`: the hash covers the config; each fold's own name covers the data too."""
    import saver

    return f"{saver.run_name(options.profile, config, '', {})}-{FOLDER}"


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
