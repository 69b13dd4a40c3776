"""`main.py evaluate RUN --on TABLE`: a finished run on other labelled reviews, which its report then shows too."""

import argparse
from typing import TYPE_CHECKING

from config import Data
from records.errors import DataError
from records.files import locked, user_path

if TYPE_CHECKING:
    from inference.other_texts import OtherTexts
    from inference.run import FinishedRun

DONE = 0
HELP = "score a finished run on other labelled reviews; its report shows them too"
EPILOG = "Exit codes: 0 done, 2 bad input or usage, 130 interrupted."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the subcommand; those of the table mean what the settings of `config.Data` of these names mean."""
    default = Data()
    parser.add_argument("run", type=user_path, metavar="RUN", help="a run folder: artifacts/latest")
    parser.add_argument(
        "--on", required=True, metavar="TABLE", help="any table that main.py reads, with texts and labels; - for standard input"
    )
    parser.add_argument("--text-column", default=default.text_column, metavar="NAME", help="found where it is not named")
    parser.add_argument("--label-column", default=default.label_column, metavar="NAME", help="found where it is not named")
    parser.add_argument(
        "--labels", default="", metavar="LINE", help="1,2=negative 4,5=positive 3=-; as the run's where not given"
    )
    parser.add_argument("--encoding", default=default.encoding, metavar="NAME", help="found where it is not named")
    parser.add_argument("--separator", default=default.separator, metavar="CHARACTER", help="between cells; or tab")
    parser.add_argument(
        "--quoting", default=default.quoting, choices=("auto", "none"), help="none: quotes are characters like others"
    )
    parser.add_argument("--columns", default="", metavar="NAMES", help="of a table without a first row of names: label,-,text")
    parser.add_argument("--max-bad-rows", type=float, default=default.max_bad_rows, metavar="SHARE", help="rows that may not fit")


def main(options: argparse.Namespace) -> int:
    """Score, store what comes of it and draw the report again; returns the exit code.

    Raises:
        DataError: the table is missing or cannot be read.
        RunError: the run cannot be asked.
    """
    from inference.run import FinishedRun

    finished = FinishedRun.open(options.run)
    texts = _texts(finished, options)
    for note in texts.notes:
        print(note)

    import plotter  # takes a second: what is wrong with the input has been said
    from inference import evaluate
    from report import console

    with locked(finished.folder.path):
        found, said = evaluate.evaluate(finished, texts, note=print)
        evaluate.store(finished.folder, found, said, texts.labels)
        plotter.write_report(finished.folder)
    console.print_other_reviews(found, finished.folder, finished.roster)
    return DONE


def _texts(finished: "FinishedRun", options: argparse.Namespace) -> "OtherTexts":
    """The labelled texts that the options name.

    Raises:
        DataError: the table is missing or cannot be read; what there is to type is an option of this command.
    """
    from data.sources.wanted import Wanted, reading
    from data.tables.open import open_table, refuse_address
    from experiment.data_rules import reading_problems
    from inference import other_texts
    from inference.rows import in_flags

    if problems := reading_problems(options):
        raise DataError("; ".join(f"--{problem.replace('_', '-')}" for problem in problems))
    refuse_address(options.on)
    path = user_path(options.on)
    if not path.exists() and options.on != "-":
        raise DataError(f"--on: there is no file or folder {options.on}")
    names = ("text_column", "label_column", "labels", "max_bad_rows")
    wanted = Wanted(**{name: getattr(options, name) for name in names}, are_options=True)
    try:
        table = open_table(path, reading(options.encoding, options.separator, options.quoting, options.columns))
        return other_texts.read(finished, table, path, wanted)
    except DataError as error:  # of a reader of tables, which knows the settings of a run only
        raise DataError(in_flags(str(error))) from error
