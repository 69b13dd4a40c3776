"""What runs there are in a folder, in a line each."""

import json
from pathlib import Path

from config import Contender
from records.about import ListedRun
from records.folds import FOLDED, FOLDS
from records.study import ALL


def list_runs(artifacts: Path) -> list[ListedRun]:
    """Every run under the artifacts folder, of earlier versions too, the newest first; a cross-validation is one."""
    runs = [*map(_listed, _runs_in(artifacts)), *map(_cross_validation, artifacts.glob(f"*{FOLDS}"))]
    return sorted(runs, key=lambda run: run.last_started, reverse=True)


def _runs_in(folder: Path) -> list[Path]:
    return [path.parent for path in folder.glob("*/environment.json") if not path.parent.is_symlink()]  # not `latest`


def _cross_validation(folder: Path) -> ListedRun:
    """The runs of all folds as one; they have an index of their own."""
    folds = [_listed(each) for each in _runs_in(folder)]
    is_done, has_report = (folder / FOLDED).is_file(), (folder / "report.html").is_file()
    return ListedRun(
        folder=folder.name,
        data=next((fold.data for fold in folds), "-"),
        is_demo=any(fold.is_demo for fold in folds),
        status="done" if is_done else f"{len(folds)} folds so far",
        minutes=sum(fold.minutes for fold in folds),
        last_started=max((fold.last_started for fold in folds), default=""),
        has_report=has_report,
        led=(),
    )


_LISTED = {"data": str, "is_demo": bool, "status": str, "minutes": float, "last_started": str}


def _listed(folder: Path) -> ListedRun:
    """What the files of any version say; a run whose files were changed is listed as such."""
    has_report = (folder / "report.html").is_file()
    try:
        about = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
        named = {key: kind(about[key]) for key, kind in _LISTED.items()}
        return ListedRun(folder=folder.name, **named, has_report=has_report, led=_led(folder))
    except (OSError, ValueError, KeyError, TypeError):
        return ListedRun(folder.name, "-", False, "its files were changed and cannot be read", 0.0, "", has_report, ())


def _led(folder: Path) -> tuple[tuple[str, float], ...]:
    path, titles, found = folder / "final_stats" / "results.json", _titles(folder), list[tuple[str, float]]()
    verdicts = json.loads(path.read_text(encoding="utf-8"))["verdicts"] if path.is_file() else []
    for verdict in (each for each in verdicts if each["leader"] and each["bucket"] != ALL):
        id = verdict["leader"].get("contender") or verdict["leader"]["architecture"]  # earlier versions had these alone
        found += [(titles.get(id, id), s["accuracy"]) for s in verdict["standings"] if s["study"] == verdict["leader"]]
    return tuple(found)


def _titles(folder: Path) -> dict[str, str]:
    """The titles of the contenders that have one of their own, by id."""
    path = folder / "config.json"
    listed = json.loads(path.read_text(encoding="utf-8"))["compare"]["architectures"] if path.is_file() else []
    contenders = [Contender(**each) for each in listed if isinstance(each, dict)]
    return {contender.id: contender.label for contender in contenders}
