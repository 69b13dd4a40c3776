"""The door to a finished run: `Predictor` in Python, `python predict.py` on the command line.

A run is read by NumPy alone; TensorFlow is imported by --export, and for networks that the NumPy engine does not reproduce.
"""

import argparse
import sys

from commands import config_file, output, signals
from records.errors import LengthwiseError
from records.files import user_path

with config_file.told(ends=__name__ == "__main__"):
    from commands.answer import answer
    from inference.predictor import Prediction, Predictor

__all__ = ["Prediction", "Predictor"]

DONE, BAD_INPUT, INTERRUPTED = 0, 2, 130
EXAMPLES = """examples:
  python predict.py "Great cast, dull story"
  python predict.py --explain "Great cast, dull story"
  python predict.py --file reviews.csv --output scored.csv
  python predict.py --json < lines.txt
Exit codes: 0 done, 1 some lines or rows could not be read (they say why), 2 bad input or usage, 130 interrupted.
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="predict.py",
        description="Ask a finished run about texts of your own.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_arguments(parser)
    options = parser.parse_args(arguments)
    asked = [name for name in ("file", "probe", "serve", "export") if getattr(options, name)]
    if len(asked) > 1 or (asked and options.text is not None):
        parser.error(f"--{asked[0]} stands alone: it goes with neither a text nor --{asked[-1] if len(asked) > 1 else 'explain'}")
    if options.file and not options.output:
        parser.error("--file needs --output FILE.csv")
    if options.of_class and not options.explain:
        parser.error("--class goes with --explain")
    if options.output and not (options.file or options.explain):
        parser.error("--output goes with --file or --explain")
    return options


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", help="a review; without one, lines are read from standard input")
    parser.add_argument("--run", type=user_path, default="artifacts/latest", metavar="DIR", help="default: artifacts/latest")
    parser.add_argument(
        "--study",
        metavar="NAME",
        help="who answers: a study (gru/0-129), a contender (gru, gru_last_state), or ensemble; default: validation's choice",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--explain", action="store_true", help="show which words pushed which way; --output FILE.html for a page")
    parser.add_argument(
        "--class", dest="of_class", metavar="NAME", help="of --explain: the class to account for (default: the one it says)"
    )
    parser.add_argument(
        "--file",
        metavar="TABLE",
        help="score a table of any size (CSV, TSV, JSON lines, Parquet, Excel, a folder, - for standard input) into --output, a "
        "CSV; resumable, but for pipes",
    )
    parser.add_argument("--output", type=user_path, metavar="FILE", help="of --file and --explain")
    parser.add_argument("--text-column", default="auto", metavar="NAME", help="of --file, or key of JSON lines (default: found)")
    parser.add_argument(
        "--columns", default="", metavar="A,B", help="of --file: names by place for a file without names, - for none"
    )
    parser.add_argument("--encoding", default="auto", metavar="NAME", help="of --file (default: found)")
    parser.add_argument("--separator", default="auto", metavar="CHARACTER", help="of --file, or tab (default: found)")
    parser.add_argument("--quoting", default="auto", metavar="none", help="of --file: none where quotes are plain characters")
    parser.add_argument("--probe", action="store_true", help="behavioural tests: negation, contrast, typos and others")
    parser.add_argument("--serve", action="store_true", help="a page and POST /predict on this machine (EXTRAS=page)")
    parser.add_argument("--port", type=int, default=7860, metavar="N", help="of --serve (default: 7860)")
    parser.add_argument(
        "--export", metavar="FORMAT", help="keras, savedmodel, onnx or litert: files for other systems, into --to"
    )
    parser.add_argument("--to", type=user_path, default="exports", metavar="DIR", help="of --export (default: exports)")


def main(arguments: list[str] | None = None) -> int:
    """Answer, and turn what a person can mend into one sentence and an exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    signals.end_as_interrupted()
    try:
        code = answer(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        goes_on = "; the same command goes on (a table from a pipe begins anew)" if options.file else ""
        print(f"interrupted{goes_on}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone
        sys.stderr.close()
        return DONE
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        if (problem := output.problem(error)) is None:
            raise
        print(f"error: {problem}", file=sys.stderr)
        return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
