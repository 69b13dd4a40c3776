"""Laws of a finished run that is asked: who answers, what the answer holds, and what cannot be answered."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from inference.predictor import LARGEST_TEXT, Prediction, Predictor
from inference.run import FinishedRun
from records.errors import CheckpointError, RunError, TextError
from records.study import Study
from saver import ARTEFACT_VERSION, READ_BY
from tests.conftest import SmokeRun

TEXT = "The film was not good . The story was dull and the acting was terrible , but the ending was wonderful ."


@pytest.fixture(scope="module")
def run(smoke_run: SmokeRun) -> FinishedRun:
    return FinishedRun.open(smoke_run.folder)


@pytest.fixture(scope="module")
def words(run: FinishedRun) -> list[str]:
    return list(run.vocabulary.words)


@pytest.fixture
def copy(smoke_run: SmokeRun, tmp_path: Path) -> Path:
    """A run folder to break."""
    return Path(shutil.copytree(smoke_run.folder, tmp_path / "run"))


def a_review(words: list[str], n: int) -> str:
    return " ".join((words * math.ceil(n / len(words)))[:n])


def test_an_answer_holds_what_it_promises_and_round_trips_through_json(run: FinishedRun) -> None:
    answer = Predictor(run)(TEXT)
    assert answer.label == ("positive" if answer.probability >= 0.5 else "negative")
    assert answer.probabilities == {"negative": pytest.approx(1 - answer.probability), "positive": answer.probability}
    assert answer.confidence == pytest.approx(max(answer.probability, 1 - answer.probability))
    assert 0 <= answer.intensity <= 1 and answer.milliseconds > 0
    assert answer.bucket == run.buckets[0].name and answer.study in {study.id for study in run.results}
    assert Prediction.from_json(answer.to_json()) == answer


def test_by_default_the_network_answers_that_validation_chose_for_the_texts_length(run: FinishedRun, words: list[str]) -> None:
    predictor = Predictor(run)
    for bucket in run.buckets:
        answer = predictor(a_review(words, bucket.low + 20))
        assert answer.bucket == bucket.name
        assert answer.study == run.leaders[bucket.name].id
    verdicts = json.loads(run.folder.final_stats("results.json").read_text())["verdicts"]
    assert {v["bucket"]: Study(**v["leader"]) for v in verdicts} == run.leaders


def test_what_a_run_said_of_its_test_reviews_it_says_again(run: FinishedRun, demo_file: pd.DataFrame) -> None:
    """The texts of the test part, read by NumPy, give the probabilities that the workers stored, at the temperature."""
    stored = pd.read_csv(run.folder.final_stats("predictions.csv.gz"))
    for study in run.results:
        mine = stored[stored["study"] == study.id].head(40)
        answers = Predictor(run, study.id)([demo_file["text"][row] for row in mine["row"]])
        temperature = run.trained(study).temperature
        positive = mine["probability_positive"].to_numpy().clip(1e-6, 1 - 1e-6)
        expected = 1 / (1 + ((1 - positive) / positive) ** (1 / temperature))
        np.testing.assert_allclose([answer.probability for answer in answers], expected, atol=2e-5)


@pytest.fixture(scope="module")
def demo_file(run: FinishedRun) -> pd.DataFrame:
    from data.sources import demo

    corpus = demo.generate(run.config.data.demo_reviews, run.config.run.seed)
    return pd.DataFrame({"text": corpus.texts, "label": corpus.labels})


def test_a_list_is_answered_in_order_as_each_text_is_alone(run: FinishedRun, words: list[str]) -> None:
    texts = [a_review(words[i:], 3 + 37 * i % 200) for i in range(30)]
    together, predictor = Predictor(run)(texts), Predictor(run)
    for text, answer in zip(texts, together, strict=True):
        assert answer.probability == pytest.approx(predictor(text).probability, abs=1e-6)


def test_an_ensemble_is_the_mean_of_the_networks_that_were_best_on_validation(run: FinishedRun) -> None:
    answer = Predictor(run, "ensemble")(TEXT)
    members = run.ranking[answer.bucket]
    assert len(members) > 1 and members[0] == run.leaders[answer.bucket]
    assert answer.study == " + ".join(study.id for study in members)
    each = [Predictor(run, study.id)(TEXT).probability for study in members]
    assert answer.probability == pytest.approx(np.mean(each), abs=1e-9)


def test_an_architecture_answers_by_its_study_for_the_length_and_the_yardstick_can_be_asked(
    run: FinishedRun, words: list[str]
) -> None:
    for name in run.contenders:
        for bucket in run.buckets:
            assert Predictor(run, name)(a_review(words, bucket.low + 20)).study == f"{name}/{bucket.name}"


def test_intensity_is_the_share_of_test_reviews_with_a_weaker_verdict(run: FinishedRun) -> None:
    answer = Predictor(run)(TEXT)
    study = run.leaders[answer.bucket]
    trained = run.trained(study)
    stored = run.folder.load_predictions(study, trained.repeat.number)["logits"]
    logit = math.log(answer.probability / (1 - answer.probability)) * trained.temperature
    weaker = np.mean(np.abs(stored[:, 0]) < abs(logit))
    assert answer.intensity == pytest.approx(weaker, abs=0.01)


def test_unknown_and_dropped_words_are_named(run: FinishedRun) -> None:
    answer = Predictor(run)("script zzzyx dull")
    assert answer.unknown_words == ("zzzyx",) and answer.dropped_words == ()


def test_a_longer_review_is_read_in_part_and_says_so(run: FinishedRun, words: list[str]) -> None:
    answer = Predictor(run)(a_review(words, 500))
    assert (answer.tokens, answer.tokens_read) == (501, run.config.data.max_length)


# -- what cannot be answered ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the text is empty"),
        (" \n\t ", "the text is empty"),
        ("!!! ... ???", "the text is empty"),
        ("😀 😀 🎬", "none of the text's 3 words is known to this run"),
        ("Отличный фильм", "none of the text's 2 words is known"),
        ("素晴らしい映画", "the text's one word is not known"),
        ("\x00\x01\x02", "the text's one word is not known"),
        ("a" * (LARGEST_TEXT + 1), "at most 5,000,000 are read"),
        ("dull \ud800 script", "no valid Unicode: half a character stands at 6"),
        (None, "expected a text, got NoneType"),
        (3.5, "expected a text, got float"),
    ],
)
def test_a_text_that_says_nothing_is_one_sentence(text: str, sentence: str, run: FinishedRun) -> None:
    with pytest.raises(TextError, match=sentence.replace("?", r"\?")):
        Predictor(run)([text])


@pytest.mark.parametrize(
    "text",
    [
        "dull script " * 50_000,  # 100,000 words
        "x" * 1_000_000 + " dull script",
        "<html><body onload='alert(1)'><b>dull</b> script<br /><br />music</body></html>",
        "dull\x00script\x1b[31m music \x07 the",
        "the script was dull 素晴らしい 😀 хорошо",
        "dull\u2028script\u00a0music the\ufeff script",
    ],
)
def test_odd_texts_with_a_known_word_are_answered(text: str, run: FinishedRun) -> None:
    for study in (None, "linear", "nb_linear", "ensemble"):
        assert 0 <= Predictor(run, study)(text).probability <= 1


def test_a_stream_says_why_in_the_place_of_a_bad_text(run: FinishedRun) -> None:
    answers = list(Predictor(run).stream(["dull script", "", "superb script"]))
    assert [type(answer) for answer in answers] == [Prediction, TextError, Prediction]


def test_a_stream_reads_no_further_than_it_must(run: FinishedRun) -> None:
    taken = 0

    def texts() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield "dull script"

    stream = Predictor(run).stream(texts())  # type: ignore[arg-type]
    next(stream)
    assert taken <= 256


@pytest.mark.parametrize("name", ["grru", "gru/9-10", "lstm"])
def test_an_unknown_study_is_named_with_those_that_exist(name: str, run: FinishedRun) -> None:
    with pytest.raises(RunError, match=r"no study is named .* gru"):
        Predictor(run, name)


# -- a folder that is no finished run, or no longer one ---------------------------------------------------------------


def edited(path: Path, change: Callable[[dict], object]) -> None:  # type: ignore[type-arg]
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def changed(name: str, change: Callable[[dict], object]) -> Callable[[Path], None]:  # type: ignore[type-arg]
    return lambda folder: edited(folder / name, change)


def cut(name: str) -> Callable[[Path], None]:
    def half(folder: Path) -> None:
        path = next(folder.glob(name))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return half


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: next(folder.glob(name)).unlink()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (without("environment.json"), "there is no run; python main.py makes one"),
        (
            changed("environment.json", lambda c: c.update(artefact_version=4)),
            "is of format 4, which is read by no version that can be asked; "
            f"this program is Lengthwise {READ_BY[ARTEFACT_VERSION]} and reads format {ARTEFACT_VERSION}",
        ),
        (changed("environment.json", lambda c: c.update(artefact_version=99)), "is of format 99, which is read by a later one"),
        (changed("environment.json", lambda c: c.pop("artefact_version")), "is of format unknown"),
        (lambda folder: [path.unlink() for path in folder.glob("studies/*/*.json")], "no study of the run has completed"),
        (without("final_stats/results.json"), "the run has not ended"),
        (without("vocabulary.json"), "vocabulary.json is missing"),
        (without("config.json"), "config.json is missing"),
        (cut("vocabulary.json"), "was changed or cut short"),
        (cut("config.json"), "was changed or cut short"),
        (cut("environment.json"), "environment.json was changed and cannot be read"),
        (cut("final_stats/results.json"), "was changed or cut short"),
        (cut("final_stats/data.json"), "was changed or cut short"),
        (cut("studies/gru/*.json"), "was changed"),
        (
            changed("config.json", lambda c: c["data"].update(max_length="long")),
            "data.max_length: expected an integer",
        ),
        (
            changed("final_stats/results.json", lambda c: c.update(verdicts=[{"x": 1}])),
            "was changed or cut short",
        ),
        (changed("vocabulary.json", lambda c: c.update(words=[])), "without a word index"),
        (changed("vocabulary.json", lambda c: c.update(words=[1, 2])), "not a vocabulary"),
    ],
)
def test_a_folder_that_is_no_finished_run_is_one_sentence(damage: Callable[[Path], None], sentence: str, copy: Path) -> None:
    damage(copy)
    with pytest.raises(RunError, match=sentence):
        Predictor.load(copy)


def without_probabilities(folder: Path) -> None:
    for path in folder.glob("studies/gru/*/0.predictions.npz"):
        np.savez(path, rows=np.arange(3))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (without("checkpoints/gru/*/0.keras"), "is missing"),
        (cut("checkpoints/gru/*/0.keras"), "is damaged or was changed"),
        (
            lambda folder: next(folder.glob("checkpoints/gru/*/0.keras")).write_text("<html>"),
            "is damaged",
        ),
        (cut("studies/gru/*/0.predictions.npz"), "are damaged or missing"),
        (without_probabilities, "are damaged or missing"),
    ],
)
def test_a_broken_model_is_one_sentence_when_it_is_asked(damage: Callable[[Path], None], sentence: str, copy: Path) -> None:
    damage(copy)
    predictor = Predictor.load(copy, f"gru/{next(copy.glob('checkpoints/gru/*')).name}")
    with pytest.raises(CheckpointError, match=sentence):
        predictor("dull script")


def test_a_study_whose_record_is_gone_is_one_sentence_when_it_is_asked(copy: Path) -> None:
    leader = FinishedRun.open(copy).leaders["0-150"]
    (copy / "studies" / f"{leader.id}.json").unlink()
    with pytest.raises(RunError, match="no network has completed for 0-150; choose one with --study"):
        Predictor.load(copy)("dull script")
    assert Predictor.load(copy, "linear")("dull script").study == "linear/0-150"


def test_a_checkpoint_of_another_run_is_refused(copy: Path) -> None:
    edited(copy / "final_stats" / "data.json", lambda content: content.update(vocabulary=99))
    with pytest.raises(CheckpointError, match="it is another run's checkpoint"):
        Predictor.load(copy)("dull script")
