"""Made-up records, for tests of what reads them."""

from config import Compare, Config
from models.roster import Roster
from records.about import About
from records.classes import SENTIMENT
from records.study import (
    YARDSTICKS,
    CrossValidated,
    Epoch,
    LayerSize,
    LinearForm,
    Repeat,
    Score,
    Seconds,
    Status,
    Study,
    StudyResult,
    Trial,
)
from records.summary import BucketSummary, DataSummary
from saver import ARTEFACT_VERSION

ROSTER = Roster.of(Config(compare=Compare(architectures=("simple_rnn", "lstm", "gru"))))


def a_score(bucket: str, accuracy: float, n_test: int = 100) -> Score:
    right = round(n_test * accuracy / 2)
    wrong = n_test // 2 - right
    return Score(
        bucket=bucket,
        n_test=n_test,
        accuracy=accuracy,
        accuracy_low=accuracy - 0.05,
        accuracy_high=accuracy + 0.05,
        accuracy_without_leaked=accuracy - 0.01,
        loss=0.5,
        brier=0.12,
        calibration_error=0.08,
        temperature=1.5,
        loss_at_temperature=0.4,
        brier_at_temperature=0.11,
        calibration_error_at_temperature=0.02,
        macro_f1=accuracy,
        precision=(accuracy, accuracy),
        recall=(accuracy, accuracy),
        f1=(accuracy, accuracy),
        roc_auc=(0.9, 0.9),
        average_precision=(0.9, 0.9),
        confusion=((right, wrong), (wrong, right)),
        mean_absolute_error=None,
        within_one=None,
    )


def epochs(n: int) -> tuple[Epoch, ...]:
    return tuple(Epoch(i + 1, 0.7 / (i + 1), 0.6, 0.65, 0.62, 0.61, 1e-3, 2.0, 1.5) for i in range(n))


def a_result(architecture: str, bucket: str, accuracy: float, *, status: Status = "completed", repeats: int = 2) -> StudyResult:
    setting: dict[str, float | int] = {"units": 32, "learning_rate": 1e-3, "batch_size": 32}
    return StudyResult(
        study=Study(architecture, bucket),
        status=status,
        message="" if status == "completed" else "ValueError: <b>broken</b>",
        device="cpu",
        n_train=900,
        n_validation=100,
        padding_share=0.08,
        hyperparameters=setting,
        layers=(LayerSize("embedding", "Embedding", 12_000), LayerSize("logit", "Dense", 345)),
        trials=(
            Trial(0, setting, "completed", 0.5, 2, 3.0, 12_345, "", epochs(2)),
            Trial(1, setting | {"learning_rate": 1e-2}, "failed", None, 0, 1.0, 12_345, "the training loss became nan", ()),
            Trial(2, setting | {"learning_rate": 2e-2}, "pruned", 0.6, 2, 3.0, 12_345, "worse than the median", epochs(2)),
        ),
        repeats=tuple(
            Repeat(
                n,
                7 + n,
                setting,
                2,
                12_345,
                0.9,
                0.8,
                0.5,
                10.0,
                epochs(2 if architecture not in YARDSTICKS else 0),
                (a_score(bucket, accuracy),),
                Seconds(1.0, 2.0, 6.0, 1.5),
                influence=((0, 1.9), (1, 1.0), (2, 0.0)) if architecture not in YARDSTICKS else (),
            )
            for n in range(repeats)
        )
        if status == "completed"
        else (),
        search_seconds=4.0,
        forms=(CrossValidated(LinearForm(n=2, min_df=2, C=1.0), accuracy),) if architecture in YARDSTICKS else (),
    )


def a_summary(*, is_demo: bool = False) -> DataSummary:
    return DataSummary(
        title="made-up reviews",
        fingerprint="f" * 64,
        is_demo=is_demo,
        classes=SENTIMENT,
        class_counts={"train": (900, 900), "validation": (100, 100), "test": (100, 100)},
        buckets=(
            BucketSummary("0-129", 0, 129, 900, 100, 100, (0.5, 0.5), 0.0),
            BucketSummary("130-end", 130, None, 900, 100, 100, (0.5, 0.5), 0.2),
        ),
        n_train=1800,
        n_validation=200,
        n_test=200,
        n_unused=0,
        n_unlabelled=0,
        unlabelled_dropped=0,
        vocabulary=1000,
        words_in_source=5000,
        oov_share=0.05,
        validation_known_share=0.93,
        duplicates_train=1,
        duplicates_test=2,
        leaked=3,
        leaked_dropped=0,
        length_quantiles={"0%": 11, "50%": 178, "100%": 900},
        histogram_edges=(0, 25, 50, 901),
        histograms=((10, 20, 5), (12, 18, 6)),
        notes=(),
    )


def an_about() -> About:
    return About(
        artefact_version=ARTEFACT_VERSION,
        profile="quick",
        run="quick-12345678",
        status="some failed",
        started="2026-01-02T03:02:00+00:00",
        last_started="2026-01-02T03:02:00+00:00",
        ended="2026-01-02T03:04:05+00:00",
        minutes=1.5,
        seed=7,
        data="made-up reviews",
        is_demo=False,
        python="3.11.0",
        machine="a machine",
        git_commit="unknown",
        environment={"backend": "tensorflow"},
    )
