"""Laws of the notebook: it runs, it is stored without outputs, its list of sections is true."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

NOTEBOOK = ROOT / "demo.ipynb"
SECONDS_OF_A_CELL = 400  # the longest, the sweep, takes half a minute on two free cores


def cells(kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def prose() -> str:
    return "\n".join("".join(cell["source"]) for cell in cells("markdown"))


def test_it_runs_from_top_to_bottom_in_an_empty_folder_and_leaves_it_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbclient = pytest.importorskip("nbclient", reason="the notebook is not executed: nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="the notebook is not executed: nbformat is not installed")
    kernelspec = pytest.importorskip("ipykernel.kernelspec", reason="the notebook is not executed: ipykernel is not installed")
    work = tmp_path / "work"
    work.mkdir()
    kernelspec.write_kernel_spec(tmp_path / "jupyter" / "kernels" / "python3")  # this interpreter, whatever else is installed
    for name, value in {
        "JUPYTER_PATH": tmp_path / "jupyter",
        "JUPYTER_CONFIG_DIR": tmp_path / "config",
        "JUPYTER_RUNTIME_DIR": tmp_path / "runtime",
        "IPYTHONDIR": tmp_path / "ipython",
        "PYTHONPATH": ROOT,
    }.items():
        monkeypatch.setenv(name, str(value))
    for name in ("LENGTHWISE_DATA", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(work)}}
    nbclient.NotebookClient(notebook, timeout=SECONDS_OF_A_CELL, kernel_name="python3", resources=resources).execute()

    executed = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in executed)
    assert sum("application/vnd.plotly.v1+json" in output.get("data", {}) for cell in executed for output in cell.outputs) == 4
    assert list(work.iterdir()) == []


def test_it_is_stored_without_outputs_and_counts() -> None:
    assert cells("code")
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells("code"))


def test_its_list_of_sections_is_the_list_of_its_headings() -> None:
    listed = re.findall(r"^(\d)\. (.+)$", prose(), re.MULTILINE)
    headings = re.findall(r"^## (\d)\. (.+)$", prose(), re.MULTILINE)
    assert listed == headings and len(headings) == 6
