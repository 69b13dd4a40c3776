"""`main.py evaluate RUN --on TABLE`: a finished run on other labelled reviews, which its report then shows too."""

import argparse

from records.errors import DataError
from records.files import locked, user_path

DONE = 0
HELP = "score a finished run on other labelled reviews; its report shows them too"
EPILOG = "Exit codes: 0 done, 2 bad input or usage, 130 interrupted."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    parser.add_argument("run", type=user_path, metavar="RUN", help="a run folder: artifacts/latest")
    parser.add_argument(
        "--on", type=user_path, required=True, metavar="TABLE", help="CSV, TSV or Parquet: a column of texts, one of labels"
    )
    parser.add_argument("--text-column", default="text", metavar="NAME")
    parser.add_argument("--label-column", default="label", metavar="NAME", help="0/1, neg/pos, negative/positive or false/true")


def main(options: argparse.Namespace) -> int:
    """Score, store what comes of it and draw the report again; returns the exit code.

    Raises:
        DataError: the table is missing or cannot be read.
        RunError: the run cannot be asked.
    """
    from data.sources import tables
    from inference.run import FinishedRun

    finished, columns = FinishedRun.open(options.run), (options.text_column, options.label_column)
    if not options.on.is_file():
        raise DataError(f"--on: there is no file {options.on}")
    source = tables.read(options.on, text=columns[0], label=columns[1], split="")

    import plotter  # takes a second: what is wrong with the input has been said
    from inference import evaluate
    from report import console

    with locked(finished.folder.path):
        found, said = evaluate.evaluate(finished, source, options.on, columns, note=print)
        evaluate.store(finished.folder, found, said, source.labels)
        plotter.write_report(finished.folder)
    console.print_other_reviews(found, finished.folder, finished.roster)
    return DONE
