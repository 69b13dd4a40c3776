"""The door to a finished run: `Predictor` in Python, `python predict.py` on the command line.

A run is read by NumPy alone; TensorFlow is imported by --export only.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from inference.predictor import Prediction, Predictor
from inference.run import FinishedRun
from records.errors import ArtifactsError, InferenceError, TextError
from records.files import unusable

DONE, SOME_UNREAD, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
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
    parser.add_argument("text", nargs="?", help="a review; without one, lines are read from standard input")
    parser.add_argument("--run", type=Path, default=Path("artifacts/latest"), metavar="DIR", help="default: artifacts/latest")
    parser.add_argument(
        "--study",
        metavar="NAME",
        help="who answers: a study (gru/0-129), an architecture, or ensemble; default: validation's choice",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--explain", action="store_true", help="show which words pushed which way; --output FILE.html for a page")
    parser.add_argument("--file", type=Path, metavar="TABLE", help="score a CSV or TSV of any size into --output; resumable")
    parser.add_argument("--output", type=Path, metavar="FILE", help="of --file and --explain")
    parser.add_argument("--text-column", default="text", metavar="NAME", help="of --file (default: text)")
    parser.add_argument("--encoding", default="utf-8-sig", metavar="NAME", help="of --file (default: UTF-8)")
    parser.add_argument("--probe", action="store_true", help="behavioural tests: negation, contrast, typos and others")
    parser.add_argument("--serve", action="store_true", help="a page and POST /predict on this machine (EXTRAS=page)")
    parser.add_argument("--port", type=int, default=7860, metavar="N", help="of --serve (default: 7860)")
    parser.add_argument(
        "--export", metavar="FORMAT", help="keras, savedmodel, onnx or litert: files for other systems, into --to"
    )
    parser.add_argument("--to", type=Path, default=Path("exports"), metavar="DIR", help="of --export (default: exports)")
    options = parser.parse_args(arguments)
    asked = [name for name in ("file", "probe", "serve", "export") if getattr(options, name)]
    if len(asked) > 1 or (asked and options.text is not None):
        parser.error(f"--{asked[0]} stands alone: it goes with neither a text nor --{asked[-1] if len(asked) > 1 else 'explain'}")
    if options.file and not options.output:
        parser.error("--file needs --output FILE.csv")
    return options


def run(options: argparse.Namespace) -> int:
    """Answer what the command line asks; returns the exit code."""
    if options.probe:
        from inference import probes

        probes.show(probes.measure(FinishedRun.open(options.run)))
        return DONE
    if options.export:
        return _export(options)
    predictor = Predictor.load(options.run, options.study)
    if options.serve:
        from report.serve import serve

        serve(predictor, options.port, open_browser=sys.stdout.isatty())
        return DONE
    if options.file:
        return _score_file(predictor, options)
    if options.explain:
        return _explain(predictor, options)
    if options.text is not None:
        prediction = predictor(options.text)
        print(json.dumps(asdict(prediction)) if options.json else sentence(prediction))
        return DONE
    return _answer_lines(predictor, options)


def sentence(prediction: Prediction) -> str:
    """A prediction in words."""
    read = f"{prediction.tokens} tokens"
    if prediction.tokens_read < prediction.tokens:
        read = f"{prediction.tokens_read} of {read}"
    lines = [
        f"{prediction.sentiment}: {prediction.confidence:.1%} sure, "
        f"a stronger opinion than of {prediction.intensity:.0%} of the test reviews",
        f"by {prediction.study}, for reviews of {prediction.bucket}; {read} read in {prediction.milliseconds:.1f} ms",
    ]
    for words, what in (
        (prediction.unknown_words, "unknown to the networks"),
        (prediction.dropped_words, "in no vocabulary, dropped"),
    ):
        if words:
            shown = ", ".join(dict.fromkeys(words[:20])) + (" ..." if len(words) > 20 else "")
            lines.append(f"{len(words)} word{'s' if len(words) > 1 else ''} {what}: {shown}")
    return "\n".join(lines)


def _answer_lines(predictor: Predictor, options: argparse.Namespace) -> int:
    """Lines of standard input, each a review; an answer a line, in their order, as they come."""
    if sys.stdin.isatty():
        print("a review a line; end with Ctrl-D", file=sys.stderr)
    unread = 0
    for number, line in enumerate(_lines(), 1):
        (answer,) = predictor.stream([line])
        if isinstance(answer, TextError):
            unread += 1
            print(f"line {number}: {answer}", file=sys.stderr)
            print(json.dumps({"error": str(answer)}) if options.json else "-", flush=True)
        elif options.json:
            print(json.dumps(asdict(answer)), flush=True)
        else:
            print(f"{answer.sentiment}\t{answer.probability:.4f}\t{answer.bucket}\t{answer.study}", flush=True)
    return SOME_UNREAD if unread else DONE


def _lines() -> Iterable[str]:
    sys.stdin.reconfigure(encoding="utf-8", errors="strict")  # type: ignore[union-attr]
    try:
        for line in sys.stdin:
            yield line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise TextError(f"standard input is not UTF-8 ({error.reason})") from error


def _score_file(predictor: Predictor, options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from inference.table import Job, score

    job = Job(options.file, options.output, options.text_column, options.encoding)
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"scoring {job.source.name}", total=None)
        unread = score(predictor, options.study, job, lambda done, total: progress.update(bar, completed=done, total=total))
    print(f"{job.output}" + (f": {unread} rows could not be read, see their column problem" if unread else ""))
    return SOME_UNREAD if unread else DONE


def _explain(predictor: Predictor, options: argparse.Namespace) -> int:
    from inference.explain import explain
    from report.explain_text import show

    text = options.text if options.text is not None else "\n".join(_lines())
    prediction, encoded = predictor(text), predictor.encode(text)
    explanation = explain(predictor.chosen(encoded)[0], encoded)
    if options.json:
        print(json.dumps(asdict(prediction) | {"explanation": asdict(explanation)}))
    elif options.output is None:
        print(sentence(prediction))
        show(explanation)
    if options.output is not None:
        import plotter as report

        report.write_explanation(options.output, sentence(prediction), explanation, encoded, predictor.run.name)
        print(options.output)
    return DONE


def _export(options: argparse.Namespace) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes about the machine
    from inference.export import folder as export

    finished = FinishedRun.open(options.run)
    studies = [*dict.fromkeys(finished.leaders.values())]
    if options.study:
        studies = [study for bucket in finished.buckets for study in finished.choose(options.study, bucket.name)]
    try:
        exported = [export.export(finished, study, options.export, options.to) for study in dict.fromkeys(studies)]
    except OSError as error:
        raise unusable(options.to, error, "--to") from error
    print(export.table(exported))
    return DONE


def main(arguments: list[str] | None = None) -> int:
    """Answer, and turn what a person can mend into one sentence and an exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run(options)
    except KeyboardInterrupt:
        print("interrupted" + ("; the same command goes on" if options.file else ""), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone
        sys.stderr.close()
        return DONE
    except (InferenceError, ArtifactsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
