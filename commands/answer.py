"""What `predict.py` does, a function a mode: a finished run is asked about texts, and what it says is shown."""

import argparse
import codecs
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from inference.lines import text_of_line
from inference.predictor import Prediction, Predictor
from inference.run import FinishedRun
from records.errors import RunError, TextError, closest
from records.files import unusable, user_path

DONE, SOME_UNREAD = 0, 1


def answer(options: argparse.Namespace) -> int:
    """Do what the command line of `predict.py` asks; returns the exit code."""
    if options.probe:
        return _probe(options)
    if options.export:
        return _export(options)
    predictor = Predictor.load(options.run, options.study)
    if predictor.note:
        print(predictor.note, file=sys.stderr)
    if options.serve:
        return _serve(predictor, options)
    if options.file:
        return _score_table(predictor, options)
    if options.explain:
        return _explain(predictor, options)
    return _answer_text(predictor, options) if options.text is not None else _answer_lines(predictor, options)


def sentence(prediction: Prediction) -> str:
    """A prediction in words."""
    read = f"{prediction.tokens} tokens"
    if prediction.tokens_read < prediction.tokens:
        read = f"{prediction.tokens_read} of {read}"
    lines = [
        f"{prediction.label}: {prediction.confidence:.1%} sure, {_compared(prediction.intensity)} of the test reviews",
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


def _compared(intensity: float) -> str:
    share = f"{intensity:.0%}"
    return "a weaker opinion than of nearly all" if share == "0%" else f"a stronger opinion than of {share}"


def _answer_text(predictor: Predictor, options: argparse.Namespace) -> int:
    prediction = predictor(options.text)
    print(json.dumps(asdict(prediction)) if options.json else sentence(prediction))
    return DONE


def _answer_lines(predictor: Predictor, options: argparse.Namespace) -> int:
    """Lines of standard input, each a review or a JSON object that has one; an answer a line, in their order, as they come."""
    if sys.stdin.isatty():
        print("a review a line; end with Ctrl-D", file=sys.stderr)
    unread = 0
    for number, line in enumerate(_lines(), 1):
        found = _answer_line(predictor, line, options.text_column)
        if isinstance(found, TextError):
            unread += 1
            print(f"line {number}: {found}", file=sys.stderr)
            print(json.dumps({"error": str(found)}) if options.json else "-", flush=True)
        elif options.json:
            print(json.dumps(asdict(found)), flush=True)
        else:
            print(f"{found.label}\t{found.confidence:.4f}\t{found.bucket}\t{found.study}", flush=True)
    return SOME_UNREAD if unread else DONE


def _answer_line(predictor: Predictor, line: str, key: str) -> Prediction | TextError:
    try:
        (found,) = predictor.stream([text_of_line(line, key)])
    except TextError as error:
        return error
    return found


def _lines() -> Iterator[str]:
    """The lines of standard input, without a byte-order mark, which also tells UTF-16 from UTF-8.

    Raises:
        TextError: it is neither.
    """
    start = sys.stdin.buffer.peek(4)[:4]  # type: ignore[attr-defined, union-attr]
    encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "UTF-8")
    sys.stdin.reconfigure(encoding=encoding, errors="strict")  # type: ignore[union-attr]
    try:
        for line in sys.stdin:
            if "\0" in line:
                raise TextError(f"standard input holds zeros, as UTF-16 without a byte-order mark does; {_CONVERT}")
            yield line.rstrip("\r\n")
    except UnicodeError as error:
        why = error.reason if isinstance(error, UnicodeDecodeError) else error
        raise TextError(f"standard input is not {encoding.removesuffix('-sig')} ({why}); {_CONVERT}") from error


_MARKS = {  # that a text may begin with, the longer ones first: those of two encodings begin alike
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    codecs.BOM_UTF8: "UTF-8-sig",
}
_CONVERT = "save it as UTF-8, or use iconv: iconv -f ENCODING -t UTF-8 FILE | python predict.py"


def _explain(predictor: Predictor, options: argparse.Namespace) -> int:
    from inference.explain import explain
    from report.explanation import print_explanation

    text = options.text if options.text is not None else "\n".join(_lines())
    prediction, encoded = predictor(text), predictor.encode(text)
    classes = predictor.run.data.classes
    label = classes.names.index(_known(options.of_class, classes.names)) if options.of_class else None
    explanation = explain(predictor.chosen(encoded)[0], encoded, label)
    if options.json:
        print(json.dumps(asdict(prediction) | {"explanation": asdict(explanation)}))
    elif options.output is None:
        print(sentence(prediction))
        print_explanation(explanation, predictor.run.roster, classes)
    if options.output is not None:
        import plotter

        plotter.write_explanation(options.output, sentence(prediction), explanation, encoded, predictor.run)
        print(options.output)
    return DONE


def _known(name: str, names: tuple[str, ...]) -> str:
    """The name of a class.

    Raises:
        RunError: there is no such class.
    """
    if name not in names:
        raise RunError(f"--class: no class is named {name!r}{closest(name, names)}")
    return name


def _score_table(predictor: Predictor, options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from data.tables.open import refuse_address
    from data.tables.table import Reading
    from inference.table import Job, score

    refuse_address(options.file)
    columns = tuple(options.columns.split(",")) if options.columns else ()
    reading = Reading(options.encoding, options.separator, options.quoting, columns)
    job = Job(user_path(options.file), options.output, options.text_column, reading)
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(f"scoring {job.source.name}", total=None)
        unread = score(predictor, options.study, job, lambda done, total: progress.update(bar, completed=done, total=total))
    print(f"{job.output}" + (f": {unread} row{'s' * (unread != 1)} could not be read, see the column problem" if unread else ""))
    return SOME_UNREAD if unread else DONE


def _probe(options: argparse.Namespace) -> int:
    from inference import probes
    from report import console

    run = FinishedRun.open(options.run)
    if why := probes.unfit(run):
        raise RunError(f"{options.run}: {why}")
    rates, left_out = probes.measure(run)
    for why in left_out:
        print(f"left out: {why}", file=sys.stderr)
    if not rates:
        raise RunError(f"{options.run}: no model of the run can be asked")
    console.print_probes(rates, run.roster)
    return DONE


def _serve(predictor: Predictor, options: argparse.Namespace) -> int:
    from report.serve import serve

    serve(predictor, options.port, open_browser=sys.stdout.isatty())
    return DONE


def _export(options: argparse.Namespace) -> int:
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes about the machine
    from inference.export import folder

    finished = FinishedRun.open(options.run)
    studies = [*dict.fromkeys(finished.leaders.values())]
    if options.study:
        studies = [study for bucket in finished.buckets for study in finished.choose(options.study, bucket.name)]
    try:
        exported = [folder.export(finished, study, options.export, options.to) for study in dict.fromkeys(studies)]
    except OSError as error:
        raise unusable(options.to, error, "--to") from error
    print(folder.table(exported))
    return DONE
