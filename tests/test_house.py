"""Laws of the house: who may import whom, nothing at import time, locks and environments that agree."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from models.registry import ARCHITECTURES
from tests.conftest import ROOT

ROOMS = {
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    for path in [*ROOT.glob("*.py"), *ROOT.glob("models/*.py"), *ROOT.glob("sources/*.py"), *ROOT.glob("inference/*.py")]
}
SOURCES = {"sources.aclimdb", "sources.demo", "sources.imdb", "sources.locate", "sources.records", "sources.tables"}
MODELS = {
    "models.cells",
    "models.classifier",
    "models.adversarial",
    "models.dropout",
    "models.influence",
    "models.optimizer",
    "models.pooling",
    "models.recurrent",
    "models.registry",
    "models.transformer",
    "models.word_vectors",
}
PACKAGES = {"models.__init__", "sources.__init__", "inference.__init__"}
MAY_IMPORT: dict[str, set[str]] = {
    "config": set(),
    "config_rules": {"config"},
    "results": set(),
    "findings": {"results"},
    "logger": set(),
    "devices": {"config"},
    "program_cache": set(),
    "evaluation": set(),
    "calibration": {"evaluation"},
    "scores": {"calibration", "evaluation", "results"},
    "comparison": {"findings", "calibration", "evaluation", "results", "scores"},
    "importance": {"findings", "results"},
    "sources.records": set(),
    "sources.aclimdb": {"sources.records"},
    "sources.demo": {"sources.records"},
    "sources.imdb": {"sources.records"},
    "sources.tables": {"sources.records"},
    "sources.locate": {"config", *SOURCES},
    "text_encoding": {"sources.records"},
    "data_preprocessing": {"config", "results", "text_encoding", *SOURCES},
    "data_cache": {"config", "data_preprocessing", "results", "sources.locate", "sources.records", "text_encoding"},
    "models.registry": {"results", "models.recurrent", "models.transformer"},
    "models.adversarial": set(),
    "models.dropout": set(),
    "models.influence": set(),
    "models.optimizer": set(),
    "models.cells": set(),
    "models.recurrent": {"models.cells"},
    "models.pooling": set(),
    "models.transformer": set(),
    "models.word_vectors": {"config", "data_preprocessing", "sources.records", "text_encoding"},
    "models.classifier": {
        "results",
        "text_encoding",
        "models.adversarial",
        "models.dropout",
        "models.pooling",
        "models.registry",
    },
    "training": {
        "data_preprocessing",
        "evaluation",
        "models.classifier",
        "models.influence",
        "models.optimizer",
        "models.registry",
        "results",
        "sources.records",
    },
    "baseline": {"data_preprocessing", "text_encoding"},
    "budget": {"config", "data_preprocessing", "models.registry", "results"},
    "tuner": {"budget", "config", "results"},
    "saver": {"config", "results"},
    "study": {
        "baseline",
        "budget",
        "calibration",
        "config",
        "data_preprocessing",
        "devices",
        "evaluation",
        "results",
        "saver",
        "scores",
        "sources.records",
        "training",
        "tuner",
        *MODELS,
    },
    "sweep": {
        "budget",
        "config",
        "data_cache",
        "data_preprocessing",
        "devices",
        "logger",
        "models.registry",
        "program_cache",
        "results",
        "saver",
        "study",
    },
    "final_stats": {
        "findings",
        "calibration",
        "comparison",
        "data_preprocessing",
        "evaluation",
        "importance",
        "models.registry",
        "results",
        "saver",
    },
    "plot_protocol": {"findings", "models.registry", "plot_style", "results"},
    "plot_style": {"models.registry", "results"},
    "plot_panels": {"models.registry", "plot_style", "results"},
    "plot_controls": {"findings", "models.registry", "plot_style", "results"},
    "plot_influence": {"findings", "models.registry", "plot_style", "results"},
    "plotter": {
        "findings",
        "models.registry",
        "plot_controls",
        "plot_influence",
        "plot_panels",
        "plot_protocol",
        "plot_style",
        "results",
    },
    "report": {
        "config",
        "config_rules",
        "data_preprocessing",
        "final_stats",
        "findings",
        "inference.evaluate",
        "inference.evidence",
        "inference.explain",
        "inference.probes",
        "inference.run",
        "models.registry",
        "plot_evidence",
        "plot_explanation",
        "plot_style",
        "plotter",
        "results",
        "saver",
    },
    "console": {
        "budget",
        "config",
        "data_preprocessing",
        "findings",
        "inference.evaluate",
        "models.registry",
        "results",
        "saver",
    },
    "inference.cells": set(),
    "inference.errors": set(),
    "inference.evaluate": {
        "evaluation",
        "findings",
        "inference.errors",
        "inference.predictor",
        "inference.run",
        "models.registry",
        "results",
        "saver",
        "sources.records",
    },
    "inference.evidence": {
        "data_preprocessing",
        "inference.cells",
        "inference.explain",
        "inference.probes",
        "inference.run",
        "results",
        "saver",
        "sources.records",
    },
    "inference.explain": {
        "inference.cells",
        "inference.layers",
        "inference.linear",
        "inference.network",
        "inference.run",
        "results",
        "sources.records",
    },
    "inference.explain_text": {"inference.explain", "models.registry", "plot_explanation", "plot_style"},
    "inference.export": {
        "inference.cells",
        "inference.errors",
        "inference.model_card",
        "inference.onnx_graph",
        "inference.run",
        "inference.tensor_graph",
        "results",
        "sources.records",
        "text_encoding",
    },
    "inference.layers": {"inference.cells"},
    "inference.limits": {"inference.errors"},
    "inference.linear": {"inference.cells", "inference.errors", "sources.records", "text_encoding"},
    "inference.model_card": {"inference.run", "models.registry", "results", "text_encoding"},
    "inference.network": {"inference.cells", "inference.errors", "inference.layers", "inference.transformer", "sources.records"},
    "inference.onnx_graph": {"inference.cells", "inference.layers", "inference.network", "inference.transformer"},
    "inference.page": {
        "inference.errors",
        "inference.explain",
        "inference.limits",
        "inference.page_html",
        "inference.predictor",
        "inference.run",
        "models.registry",
        "plot_explanation",
        "plot_style",
    },
    "inference.page_html": {
        "inference.explain",
        "inference.predictor",
        "inference.run",
        "models.registry",
        "plot_explanation",
        "plot_style",
        "results",
    },
    "inference.predictor": {"inference.cells", "inference.errors", "inference.run", "results"},
    "inference.probes": {"inference.cells", "inference.run", "models.registry", "results"},
    "inference.run": {
        "config",
        "config_rules",
        "data_preprocessing",
        "findings",
        "inference.cells",
        "inference.errors",
        "inference.linear",
        "inference.network",
        "models.registry",
        "results",
        "saver",
        "sources.records",
        "text_encoding",
    },
    "inference.serve": {"inference.errors", "inference.limits", "inference.page", "inference.predictor"},
    "inference.table": {"inference.errors", "inference.predictor", "saver"},
    "inference.tensor_graph": {
        "inference.errors",
        "inference.model_card",
        "inference.run",
        "models.recurrent",
        "models.transformer",
        "text_encoding",
    },
    "inference.transformer": {"inference.cells", "inference.layers"},
    "plot_evidence": {"inference.probes", "models.registry", "plot_style"},
    "plot_explanation": {"inference.explain", "models.registry", "plot_style", "results"},
    "predict": {
        "inference.errors",
        "inference.explain",
        "inference.explain_text",
        "inference.export",
        "inference.predictor",
        "inference.probes",
        "inference.run",
        "inference.serve",
        "inference.table",
        "report",
        "saver",
    },
}


def imports(room: str) -> set[str]:
    tree = ast.parse((ROOT / (room.replace(".", "/") + ".py")).read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found & ROOMS


@pytest.mark.parametrize("room", sorted(ROOMS - {"main", *PACKAGES}))
def test_a_room_imports_only_what_it_may(room: str) -> None:
    assert imports(room) <= MAY_IMPORT[room]
    assert "main" not in imports(room)


def test_the_list_of_rooms_is_the_list_of_files() -> None:
    assert set(MAY_IMPORT) | {"main", *PACKAGES} == ROOMS


@pytest.mark.parametrize(
    "room", ["config", "main", "predict", "sweep", "saver", "report", "console", "data_preprocessing", "final_stats"]
)
def test_nothing_heavy_and_nothing_visible_happens_at_import(room: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {room}, logging;"
        "print(sorted({'tensorflow', 'keras', 'jax'} & set(sys.modules)), logging.getLogger().handlers)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "[] []"
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_is_read_without_keras_but_for_its_export() -> None:
    for room in ROOMS:
        if room.startswith("inference.") and room not in ("inference.export", "inference.tensor_graph"):
            text = (ROOT / (room.replace(".", "/") + ".py")).read_text()
            assert not re.search(r"^\s*(import|from) (keras|tensorflow|jax)", text, re.MULTILINE), room


def test_architectures_are_named_nowhere_outside_the_registry_and_the_config() -> None:
    names = rf"['\"]({'|'.join(ARCHITECTURES)})['\"]"
    for room in ROOMS - {"models.registry", "config"}:
        assert not re.search(names, (ROOT / (room.replace(".", "/") + ".py")).read_text()), room


# -- environments ------------------------------------------------------------------------------------------------------


def project() -> dict:  # type: ignore[type-arg]
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked(name: str) -> dict[str, set[str]]:
    """Package -> locked versions (one per Python where they differ)."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(
        r"^([a-z0-9._-]+)(?:\[[a-z-]+\])?==([^ \\;]+)",
        (ROOT / "requirements" / f"{name}.lock").read_text(),
        re.MULTILINE,
    ):
        found.setdefault(package, set()).add(version)
    return found


LOCKS = sorted(path.stem for path in (ROOT / "requirements").glob("*.lock"))


@pytest.mark.parametrize("name", LOCKS)
def test_locks_are_hashed_and_name_no_index(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    assert not re.search(r"index-url|https?://", text)
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries and all("--hash=sha256:" in entry for entry in entries)


def test_every_extra_and_the_development_group_have_a_lock_that_agrees_with_the_run_lock() -> None:
    assert set(LOCKS) == {"run", "dev", *project()["project"]["optional-dependencies"]}
    run = locked("run")
    for name in LOCKS:
        assert {package: versions for package, versions in locked(name).items() if package in run} == run, name


def test_every_direct_dependency_is_locked_and_bounded() -> None:
    for requirement in project()["project"]["dependencies"]:
        name = re.split(r"[<>=\[]", requirement)[0]
        assert name in locked("run"), name
        assert "<" in requirement or "==" in requirement, requirement


def test_conda_users_get_the_locked_versions() -> None:
    text = (ROOT / "environment.yml").read_text()
    pins = dict(re.findall(r"^\s+- ([a-z0-9-]+)==([^\s]+)", text, re.MULTILINE))
    direct = [re.split(r"[<>=\[]", requirement)[0] for requirement in project()["project"]["dependencies"]]
    assert set(pins) == set(direct)
    for package, version in pins.items():
        assert version in locked("run")[package], package
    python = re.search(r"- python=(\d+\.\d+)", text)
    assert python and python[1] in ("3.11", "3.12", "3.13")


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make run" in readme and "make test" in readme
