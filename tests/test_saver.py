"""Laws of the run folder: atomic writes, one sweep at a time, a name that changes with whatever could change a number."""

import json
import stat
from pathlib import Path

import numpy as np
import pytest

import saver
from config import PROFILES
from experiment.options import with_overrides
from records.errors import ArtifactsError, RunError
from records.findings import BucketVerdict, Findings, Standing
from records.study import Study, Trial
from report.runs import list_runs
from saver import RunFolder
from tests.made_up import a_result, a_summary

ENVIRONMENT = {"backend": "tensorflow", "keras": "3"}


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    saver.write_text(tmp_path / "a.json", "old")
    with pytest.raises(FileNotFoundError), saver.atomic(tmp_path / "a.json") as temporary:
        temporary.write_text((tmp_path / "missing").read_text())
    assert (tmp_path / "a.json").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_files_get_the_permissions_others_expect(tmp_path: Path) -> None:
    saver.write_text(tmp_path / "a.json", "x")
    (tmp_path / "b").write_text("x")
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == stat.S_IMODE((tmp_path / "b").stat().st_mode)


def test_the_run_name_changes_with_config_data_and_versions_and_nothing_else() -> None:
    quick = PROFILES["quick"].config
    name = saver.run_name("quick", quick, "data", ENVIRONMENT)
    assert name == saver.run_name("quick", quick, "data", dict(reversed(ENVIRONMENT.items())))
    others = [
        saver.run_name("quick", with_overrides(quick, ["space.dropout=0.31"]), "data", ENVIRONMENT),
        saver.run_name("quick", quick, "other", ENVIRONMENT),
        saver.run_name("quick", quick, "data", ENVIRONMENT | {"keras": "4"}),
    ]
    assert len({name, *others}) == 4 and name.startswith("quick-") and len(name) == len("quick-") + 8


def test_records_round_trip_through_the_folder(tmp_path: Path) -> None:
    folder, result = RunFolder(tmp_path), a_result("gru", "0-129", 0.8)
    study, repeat, trial = result.study, result.repeats[0], result.trials[0]
    assert folder.load_result(study) is None and folder.load_repeat(study, 0, {}) is None
    predictions = {
        "rows": np.arange(3),
        "labels": np.ones(3),
        "logits": np.zeros((3, 1)),
        "lengths": np.arange(3),
    }
    folder.save_trial(study, trial)
    folder.save_repeat(study, repeat, predictions)
    folder.save_result(result)
    assert folder.load_result(study) == result
    assert folder.load_repeat(study, 0, repeat.hyperparameters) == repeat
    assert folder.load_repeat(study, 0, {"units": 8}) is None  # another setting's repeat is not this one's
    assert folder.load_trial(study, 0, trial.hyperparameters) == trial
    np.testing.assert_array_equal(folder.load_predictions(study, 0)["rows"], np.arange(3))
    history = (tmp_path / "history" / "gru" / "0-129" / "0.csv").read_text().splitlines()
    assert (
        history[0] == "epoch,loss,accuracy,val_loss,val_accuracy,val_macro_f1,learning_rate,gradient_norm,seconds"
        and len(history) == 3
    )


def test_predictions_that_are_missing_or_damaged_are_one_sentence(tmp_path: Path) -> None:
    folder, result = RunFolder(tmp_path), a_result("gru", "0-129", 0.8)
    folder.save_repeat(result.study, result.repeats[0], {"rows": np.arange(3)})
    path = tmp_path / "studies" / "gru" / "0-129" / "0.predictions.npz"
    for content in (path.read_bytes()[:60], b"[]", b""):
        path.write_bytes(content)
        with pytest.raises(ArtifactsError, match=r"0\.predictions\.npz is damaged or was changed .*; remove the record and"):
            folder.load_predictions(result.study, 0)
    path.unlink()
    with pytest.raises(ArtifactsError, match=r"0\.predictions\.npz is missing; remove the record and the folder of its study"):
        folder.load_predictions(result.study, 0)


def test_a_failed_trial_is_tried_again(tmp_path: Path) -> None:
    folder, study = RunFolder(tmp_path), Study("gru", "0-129")
    folder.save_trial(study, Trial(0, {}, "failed", None, 0, 1.0, 1, "out of memory", ()))
    assert folder.load_trial(study, 0, {}) is None


def test_a_record_that_someone_edited_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    folder, result = RunFolder(tmp_path), a_result("gru", "0-129", 0.8)
    folder.save_result(result)
    path = tmp_path / "studies" / "gru" / "0-129.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(ArtifactsError, match=r"was changed and cannot be read .*--fresh"):
        folder.load_result(result.study)


def test_two_sweeps_in_one_folder_are_refused(tmp_path: Path) -> None:
    with saver.open_run(tmp_path, "a-1", fresh=False):
        with (
            pytest.raises(ArtifactsError, match="another sweep is running in this folder"),
            saver.open_run(tmp_path, "a-1", fresh=False),
        ):
            pass
        with saver.open_run(tmp_path, "b-2", fresh=False):
            pass
    with saver.open_run(tmp_path, "a-1", fresh=False) as folder:
        assert folder.path.name == "a-1"


def test_fresh_moves_the_old_run_aside_and_latest_points_to_the_new(tmp_path: Path) -> None:
    with saver.open_run(tmp_path, "a-1", fresh=False) as folder:
        saver.write_text(folder.path / "x", "old")
    with saver.open_run(tmp_path, "a-1", fresh=True) as folder:
        assert not (folder.path / "x").exists()
    assert [(p / "x").read_text() for p in tmp_path.glob("a-1.*.aside")] == ["old"]
    assert str((tmp_path / "latest").readlink()) == "a-1"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ArtifactsError, match=r"cannot be used: .*choose another --artifacts folder"),
        saver.open_run(tmp_path / "file" / "artifacts", "a-1", fresh=False),
    ):
        pass


def test_a_disk_that_fills_up_is_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(ArtifactsError, match=r"No space left on device.*free space"),
        saver.open_run(tmp_path, "a-1", fresh=False),
    ):
        raise OSError(28, "No space left on device")


def test_config_json_reads_like_config_py() -> None:
    plain = PROFILES["quick"].config.plain()
    assert plain["space"]["learning_rate"] == repr(PROFILES["quick"].config.space.learning_rate)
    assert plain["compare"]["architectures"][:4] == ["simple_rnn", "lstm", "custom_gru", "gru"]


# -- the run as a whole ------------------------------------------------------------------------------------------------


def begun(folder: RunFolder) -> RunFolder:
    folder.begin("quick", PROFILES["quick"].config, ENVIRONMENT, a_summary())
    return folder


def test_what_is_known_of_a_run_is_read_as_it_was_written_and_an_earlier_start_stays_noted(tmp_path: Path) -> None:
    folder = begun(RunFolder(tmp_path / "quick-1"))
    first = folder.about()
    assert (first.status, first.ended, first.minutes, first.environment) == ("running", None, 0.0, ENVIRONMENT)
    assert json.loads((folder.path / "environment.json").read_text())["keras"] == "3"  # beside the rest, as people look for it
    ended = folder.end("interrupted")
    assert ended == folder.about() and ended.status == "interrupted" and ended.ended
    begun(folder)
    again = folder.about()
    assert (again.started, again.minutes, again.status) == (first.started, ended.minutes, "running")


def test_findings_round_trip_and_are_missing_until_the_run_has_ended(
    tmp_path: Path,
) -> None:
    folder, study = RunFolder(tmp_path), Study("gru", "0-129")
    standing = Standing(study, 0.8, 0.7, 0.9, 1, 0.8, 0.5, 0.4, False)
    findings = Findings(verdicts=(BucketVerdict("0-129", 100, 0, 0.5, study, (standing,), (), (study,)),))
    begun(folder)
    assert folder.summary() == a_summary() and not folder.has_ended
    with pytest.raises(FileNotFoundError):
        folder.findings()
    folder.write_findings(findings)
    assert folder.has_ended and folder.findings() == findings


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (5, "is of format 5, which is read by Lengthwise 0.4"),
        (3, "is of format 3, which is read by no version that can be asked"),
    ],
)
def test_a_run_of_another_version_is_refused_with_the_name_of_the_version_that_reads_it(
    tmp_path: Path, version: int, sentence: str
) -> None:
    (tmp_path / "environment.json").write_text(json.dumps({"artefact_version": version}))
    with pytest.raises(RunError, match=sentence):
        RunFolder(tmp_path).about()


def test_a_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("")
    with pytest.raises(RunError, match="there is no run"):
        RunFolder(tmp_path / "report.html").about()


@pytest.mark.parametrize("text", ["", "[]", "{", json.dumps({"artefact_version": saver.ARTEFACT_VERSION, "profile": 3})])
def test_what_is_known_of_a_run_is_not_read_where_someone_changed_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "environment.json").write_text(text)
    with pytest.raises(RunError, match=r"was changed and cannot be read|is of format unknown"):
        RunFolder(tmp_path).about()


def test_the_list_of_runs_holds_those_of_earlier_versions_and_those_that_cannot_be_read(tmp_path: Path) -> None:
    begun(RunFolder(tmp_path / "quick-new"))
    old = tmp_path / "study-old"
    (old / "final_stats").mkdir(parents=True)
    about = {"artefact_version": 4, "data": "old reviews", "is_demo": False, "status": "done", "minutes": 2.5}
    (old / "environment.json").write_text(json.dumps(about | {"last_started": "2020-01-01T00:00:00+00:00"}))
    gru = {"architecture": "gru", "bucket": "0-129"}
    verdict = {"bucket": "0-129", "leader": gru, "standings": [{"study": gru, "accuracy": 0.75}]}
    (old / "final_stats" / "results.json").write_text(json.dumps({"verdicts": [verdict]}))
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "environment.json").write_text("{")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "environment.json").write_text(json.dumps(about | {"last_started": 5, "minutes": "long"}))
    (tmp_path / "latest").symlink_to("quick-new")
    new, earlier, *others = list_runs(tmp_path)
    cut, odd = sorted(others, key=lambda run: run.folder)
    assert "cannot be read" in odd.status
    assert (new.folder, new.status, new.led) == ("quick-new", "running", ())
    assert (earlier.folder, earlier.minutes, earlier.led) == ("study-old", 2.5, (("gru", 0.75),))
    assert cut.folder == "cut" and "cannot be read" in cut.status
