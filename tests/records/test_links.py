"""Laws of the name for the newest folder: it can be followed on every file system, and whoever asks the run understands it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import main as main_line
import predict as predict_line
from records.errors import ArtifactsError
from records.links import followed, point
from report.runs import list_runs
from saver import open_run
from tests.conftest import Finished, SmokeRun


def refuse(*_: object, **__: object) -> None:
    raise OSError(1, "Operation not permitted")


@pytest.fixture(params=[OSError(1, "Operation not permitted"), NotImplementedError("no symlink"), None], ids=str)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Exception | None:
    """A file system without symbolic links, as Windows without developer mode and some network folders are; or one with them."""

    def refuse_so(*_: object, **__: object) -> None:
        raise request.param

    if request.param:
        monkeypatch.setattr(os, "symlink", refuse_so)
    return request.param  # type: ignore[no-any-return]


def test_the_newest_folder_is_found_again_and_again(system: Exception | None, tmp_path: Path) -> None:
    for name in ("one", "zwei, drei é"):
        (tmp_path / name).mkdir()
        point(tmp_path / "latest", name)
        assert followed(tmp_path / "latest") == tmp_path / name == followed(tmp_path / name)
        assert (tmp_path / "latest").is_symlink() == (system is None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "one", "zwei, drei é"]


def test_a_folder_within_a_folder_beside_the_link_is_found(system: Exception | None, tmp_path: Path) -> None:
    (tmp_path / "folds" / "run").mkdir(parents=True)
    point(tmp_path / "latest", "folds/run")
    assert followed(tmp_path / "latest") == tmp_path / "folds" / "run"


def test_a_link_takes_the_place_of_a_file_and_a_file_that_of_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An artifacts folder may be moved from one file system to another."""
    (tmp_path / "run").mkdir()
    (tmp_path / "latest").write_text("gone\n")
    point(tmp_path / "latest", "run")
    assert (tmp_path / "latest").is_symlink()
    with monkeypatch.context() as patch:
        patch.setattr(os, "symlink", refuse)
        point(tmp_path / "latest", "run")
    assert not (tmp_path / "latest").is_symlink() and followed(tmp_path / "latest") == tmp_path / "run"


@pytest.mark.parametrize("content", ["", "..", "../elsewhere", "gone", "a long text " * 100, "\udcff"])
def test_a_file_that_names_no_folder_beside_it_stays_a_file(content: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in" / "here").mkdir(parents=True)
    (tmp_path / "in" / "latest").write_bytes(content.encode(errors="surrogateescape"))
    assert followed(tmp_path / "in" / "latest") == tmp_path / "in" / "latest"


def test_a_folder_in_the_place_of_the_link_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(ArtifactsError, match="latest is a folder, where this program keeps a link to the newest run"):
        point(tmp_path / "latest", "run")


def test_a_run_is_asked_by_the_name_of_the_newest(
    own_smoke_run: SmokeRun, in_process: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "symlink", refuse)
    latest = own_smoke_run.artifacts / "latest"
    with open_run(own_smoke_run.artifacts, own_smoke_run.folder.name, fresh=False):
        assert latest.is_file() and not latest.is_symlink()
    text = "a dull story and a superb cast"
    run = own_smoke_run.artifacts / latest.read_text().strip()
    by_latest, by_name = (in_process(predict_line.main, "--run", str(path), "--json", text) for path in (latest, run))
    assert by_latest.code == 0 and by_latest.out.split('"milliseconds"')[0] == by_name.out.split('"milliseconds"')[0]
    assert [run.folder for run in list_runs(own_smoke_run.artifacts)] == [latest.read_text().strip()]
    table = own_smoke_run.artifacts / "others.csv"
    table.write_text(f"text,label\n{text},0\na superb story,1\n")
    assert in_process(main_line.main, "evaluate", str(latest), "--on", str(table)).code == 0
