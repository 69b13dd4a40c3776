"""Laws of the house: who may import whom, nothing at import time, locks and environments that agree."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from models.registry import ARCHITECTURES
from tests.conftest import ROOT

LAYERS = (  # each may import those before it, and rooms of its own package
    ("records", "logger"),
    ("config",),
    ("saver",),
    ("data",),
    ("data_preprocessing",),
    ("models",),
    ("engine",),
    ("analysis",),
    ("tuner",),
    ("experiment",),
    ("inference",),
    ("report",),
    ("plotter",),
    ("commands",),
    ("predict", "main"),
)
LEVEL = {package: level for level, packages in enumerate(LAYERS) for package in packages}
ROOMS = {
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path
    for package in LEVEL
    for path in ([ROOT / f"{package}.py"] if (ROOT / f"{package}.py").exists() else sorted((ROOT / package).rglob("*.py")))
}
WITH_KERAS = re.compile(r"models|tuner|experiment\.(network|study)|inference\.export")
LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS = 400, 40, 6


def imports(room: str) -> set[str]:
    """The rooms that a room imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(ROOMS[room].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name in ROOMS or f"{name}.__init__" in ROOMS}


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_only_from_its_own_package_and_the_layers_below(room: str) -> None:
    mine = room.split(".")[0]
    for other in imports(room):
        package = other.split(".")[0]
        assert package == mine or LEVEL[package] < LEVEL[mine], f"{room} imports {other}"


def test_every_room_stands_in_a_layer() -> None:
    outside = {"tests", "benchmarks"}
    files = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in ROOT.rglob("*.py") if ".venv" not in path.parts}
    assert files - outside - {"artifacts"} == set(LEVEL)
    assert len(list(ROOT.glob("*.py"))) <= 8


def test_rooms_do_not_import_each_other_in_a_circle() -> None:
    graph = {room: {f"{name}.__init__" if name not in ROOMS else name for name in imports(room)} - {room} for room in ROOMS}
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_keras_is_imported_only_where_networks_are_trained_or_exported(room: str) -> None:
    keras = re.search(r"^\s*(import|from) (keras|tensorflow|jax)\b", ROOMS[room].read_text(), re.MULTILINE)
    assert not keras or WITH_KERAS.match(room), room


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_files_and_functions_can_be_read_in_one_sitting(room: str) -> None:
    """A longer function has its reason beside it, in a comment on its first line that begins with `long:`."""
    text = ROOMS[room].read_text()
    lines = text.splitlines()
    assert len(lines) <= LONGEST_FILE or room == "config"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = len([each for each in own if each.arg not in ("self", "cls")])
            assert count <= MOST_PARAMETERS, f"{node.name} takes {count} parameters"
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            reason = any("# long:" in line for line in lines[node.lineno - 1 : node.body[0].lineno])
            assert length <= LONGEST_FUNCTION or reason, f"{node.name} has {length} lines"


@pytest.mark.parametrize(
    "room",
    ["config", "main", "predict", "saver", "plotter", "data_preprocessing", "experiment.workers", "analysis.tables"],
)
def test_nothing_heavy_and_nothing_visible_happens_at_import(room: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {room}, logging;"
        "print(sorted({'tensorflow', 'keras', 'jax'} & set(sys.modules)), logging.getLogger().handlers)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "[] []"
    assert list(tmp_path.iterdir()) == []


def test_architectures_are_named_nowhere_outside_the_registry_and_the_config() -> None:
    names = rf"['\"]({'|'.join(ARCHITECTURES)})['\"]"
    for room in ROOMS.keys() - {"models.registry", "config"}:
        assert not re.search(names, ROOMS[room].read_text()), room


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
