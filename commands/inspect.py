"""`main.py inspect FILE`: what stands in a table, and what a run would make of it. Nothing is trained."""

import argparse
import shlex

from config import PROFILES, Config
from experiment.options import validate, with_overrides
from models.registry import selectable
from records.errors import ConfigError, DataError, closest

DONE = 0
HELP = "say what stands in a table, and what a run would make of it"
EPILOG = "Exit codes: 0 a run can use it, 2 it cannot, or bad usage, 130 interrupted. Nothing is trained."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    parser.add_argument("file", metavar="FILE", help="a table, a folder of tables or of texts, or - for standard input")
    parser.add_argument("profile", nargs="?", default="quick", metavar="PROFILE", help="of the run (default: quick)")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="SECTION.FIELD=VALUE", help="change the config")


def main(options: argparse.Namespace) -> int:
    """Look, and say what was found; returns the exit code.

    Raises:
        ConfigError: the config cannot be run.
        DataError: the table cannot be read, or a run would refuse it.
    """
    config = _config(options)

    from analysis import inspection
    from data.sources import columns, locate, reviews
    from data.sources.wanted import Wanted
    from report import inspection as shown

    path = locate.place(config.data)
    if path is None or (not locate.is_table(path)):
        raise DataError(
            f"{options.file}: inspect looks at tables; python main.py --dry-run shows what a run makes of other sources"
        )
    table, wanted = locate.table_at(path, config.data), Wanted.of(config.data)
    try:
        found_columns = columns.find(table, wanted)
    except DataError:
        shown.print_table(table, None)  # so that a person sees which columns there are
        raise
    shown.print_table(table, found_columns)
    source = reviews.read(table, wanted, unlabelled=config.data.unlabelled)
    found = inspection.inspect(source, config.data, config.run.seed)
    shown.print_inspection(found)
    labelled, fitted, notes = inspection.outline(found, config)
    shown.print_outline(found, labelled, fitted, notes, _command(options))
    return DONE


def _config(options: argparse.Namespace) -> Config:
    """The profile that looks at this file, with its overrides, checked.

    Raises:
        ConfigError: every problem found.
    """
    if options.profile not in PROFILES:
        raise ConfigError(f"no profile is named {options.profile!r}{closest(options.profile, PROFILES)}")
    config = with_overrides(PROFILES[options.profile].config, options.set).changed("data.source", options.file)
    validate(config, selectable())
    return config


def _command(options: argparse.Namespace) -> str:
    """What starts a run on the same reviews."""
    from report.console import python

    file = "FILE" if options.file == "-" else options.file
    settings = " ".join(shlex.quote(setting) for setting in (f"data.source={file}", *options.set))
    return f"{shlex.quote(python())} main.py {options.profile} --set {settings}"
