"""`python -m benchmarks.table_growth`: what a table costs by the number of its reviews; seconds and peak memory.

Of made-up tables of 10,000 to 1,000,000 reviews (`benchmarks/made_up_table.py`): reading the file, encoding its texts with all
that comes before a network is trained, `inspect`, and a whole run, from the command to the report, of a small GRU and both linear
models on all reviews. Memory is that of the command and all processes that it starts together, each page once (PSS), looked at
every two seconds. A million needs 5 GB of disk for temporary files, and about an hour on two cores.
"""

import argparse
import dataclasses
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from benchmarks import machine, made_up_table
from benchmarks.process_cost import measure
from config import PROFILES, Config
from experiment.options import with_overrides
from records.links import followed
from records.study import StudyResult
from report.figures.style import styled

SIZES = (10_000, 100_000, 1_000_000)
SETTINGS = (  # one small network on all reviews, in one training of one epoch, beside both linear models
    *("compare.architectures=('custom_gru',)", "compare.scope=all", "compare.bucket_edges=auto", "space.learning_rate=0.01"),
    *("space.batch_size=256", "search.max_trials=1", "training.epochs=1"),
)
READ, ENCODED, INSPECTED, RUN = "reading the file", "reading and encoding", "inspect", "a whole run"


@dataclass(frozen=True)
class Step:
    """What one step took on a table of some size."""

    step: str
    reviews: int
    seconds: float
    cpu_seconds: float | None  # of all processes
    peak_gb: float | None  # None where the step is a part of another one
    about: dict[str, Any]


def main() -> None:
    """Measure, and after each size print it and write the file and the figure."""
    options = _options()
    if options.prepare:
        print(json.dumps(_prepare(options.prepare)))
        return
    head, steps = {"machine": machine.describe(), "settings": SETTINGS}, list[Step]()
    for size in options.sizes:
        with TemporaryDirectory(dir=options.folder) as name:
            steps += _measured(size, Path(name))
        for step in (step for step in steps if step.reviews == size):
            memory = f"{step.peak_gb:6.2f} GB" if step.peak_gb is not None else ""
            print(f"{size:10,} reviews  {step.step:22} {step.seconds:8.1f} s {memory}", flush=True)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        results = head | {"steps": [dataclasses.asdict(step) for step in steps]}
        options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        shown = {"responsive": True, "displaylogo": False}
        figure(steps).write_html(options.output.with_suffix(".html"), include_plotlyjs=True, config=shown)
    print(f"\nall numbers: {options.output}\nfigure: {options.output.with_suffix('.html')}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a table costs by the number of its reviews.")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="REVIEWS")
    parser.add_argument("--folder", type=Path, help="for temporary files, which a million reviews need 5 GB for")
    parser.add_argument(
        "--output", type=Path, default=Path("benchmarks/results/table_growth.json"), help="the figure goes beside"
    )
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)  # in a process of its own
    return parser.parse_args()


# -- measuring ---------------------------------------------------------------------------------------------------------


def _measured(size: int, folder: Path) -> list[Step]:
    """All steps on a table of so many reviews, which is written first."""
    table, log, steps = folder / "reviews.csv", folder / "log.txt", list[Step]()
    made_up_table.write(size, table)
    commands = {
        ENCODED: ["-m", "benchmarks.table_growth", "--prepare", str(table)],
        INSPECTED: ["main.py", "inspect", str(table)],
        RUN: ["main.py", "smoke", "--artifacts", str(folder / "runs"), "--set", f"data.source={table}", *SETTINGS],
    }
    for step, arguments in commands.items():
        cost, _ = measure([sys.executable, *arguments], step, log)
        about = {"table_mb": table.stat().st_size / 1e6}
        if step == ENCODED:
            told = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
            steps.append(Step(READ, size, told["reading"], None, None, {}))
            about |= told
        if step == RUN:
            about |= _outcome(followed(folder / "runs" / "latest"))
        steps.append(Step(step, size, cost.wall_s, cost.cpu_s, cost.peak_gib * 2**30 / 1e9, about))
    return steps


def _prepare(table: Path) -> dict[str, float]:
    """Seconds of reading a table, and of everything that makes a dataset of it."""
    import data_preprocessing
    from data.sources import locate

    config, started = config_of(table), time.perf_counter()
    source = locate.load(config.data, config.run.seed)
    read = time.perf_counter()
    dataset = data_preprocessing.prepare_reviews(source, config)
    return {"reading": read - started, "encoding": time.perf_counter() - read, "tokens": float(dataset.n_tokens)}


def config_of(table: Path) -> Config:
    """The config of the run."""
    return with_overrides(PROFILES["smoke"].config, [f"data.source={table}", *SETTINGS])


def _outcome(run: Path) -> dict[str, Any]:
    """What a finished run says: the size of its report, and the accuracy and the seconds of each study."""
    records = [StudyResult.from_json(path.read_text(encoding="utf-8")) for path in sorted((run / "studies").glob("*/*.json"))]
    about: dict[str, Any] = {"report_mb": (run / "report.html").stat().st_size / 1e6}
    for result in records:
        seconds = sum(dataclasses.astuple(result.spent))
        accuracy = np.mean([score.accuracy for repeat in result.repeats for score in repeat.scores])
        about[result.study.id] = {"status": result.status, "accuracy": float(accuracy), "seconds": seconds}
    return about


# -- showing -----------------------------------------------------------------------------------------------------------


def figure(steps: list[Step]) -> go.Figure:
    """Seconds and memory against the number of reviews, on logarithmic axes, where a straight line is a power."""
    shown = make_subplots(1, 2, subplot_titles=["Seconds", "Peak memory of all processes, GB"], horizontal_spacing=0.1)
    for step in dict.fromkeys(each.step for each in steps):
        mine = [each for each in steps if each.step == step]
        memory = [each.peak_gb for each in mine if each.peak_gb is not None]
        for column, values in enumerate(([each.seconds for each in mine], memory), start=1):
            if values:
                lines = {"mode": "lines+markers", "line": {"width": 2, "color": _COLOURS[step]}, "marker": {"size": 7}}
                trace = go.Scatter(x=[each.reviews for each in mine], y=values, name=step, legendgroup=step, **lines)
                shown.add_trace(trace.update(showlegend=column == 1), 1, column)
    sizes = sorted({step.reviews for step in steps})
    shown.update_xaxes(title="Reviews", type="log", tickvals=sizes, ticktext=[f"{size:,}" for size in sizes])
    shown.update_yaxes(type="log", dtick=1)
    shown.update_yaxes(type="linear", rangemode="tozero", dtick=0.5, col=2)
    return styled(shown, 420, legend={"orientation": "h", "y": 1.12, "yanchor": "bottom", "x": 0}, margin={"t": 90, "b": 56})


_COLOURS = {READ: "#56b4e9", ENCODED: "#0072b2", INSPECTED: "#009e73", RUN: "#d55e00"}  # Okabe and Ito's, for all eyes


if __name__ == "__main__":
    main()
