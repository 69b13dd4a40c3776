"""The card that goes with an exported network, as the Hugging Face Hub reads it: what it is, what it scores, how to load it.

Every number comes from the run's own records. Mitchell et al. (2019), Model cards for model reporting, FAT*.
"""

from dataclasses import dataclass
from typing import Any

import yaml

from data.vocabulary import OOV
from inference.export.loading import how_to_load
from inference.run import FinishedRun, Trained
from models.registry import title
from records.study import ALL, Score, Study, StudyResult, strongest_yardstick

MARK = "<!-- exported by Lengthwise -->"  # a folder with it may be replaced by a newer export
LIBRARIES = {"keras": "keras", "savedmodel": "tf", "onnx": "onnx", "litert": "litert"}
_VERSIONS = ("python", "tensorflow", "keras", "jax", "numpy", "scikit-learn", "backend", "device", "machine")


@dataclass(frozen=True)
class Measured:
    """What was found when the exported file was tried."""

    files: str  # names and sizes
    takes: str
    latency_ms: float
    parity: float
    texts: int  # that parity was measured on


def card(run: FinishedRun, study: Study, format: str, measured: Measured) -> str:
    """Markdown with the Hub's header.

    Args:
        run: a finished one.
        study: one of its networks; its best repeat by validation is described.
        format: one of `LIBRARIES`.
        measured: see there.
    """
    trained = run.trained(study)
    parts = (
        _header(run, trained, format),
        MARK,
        _what(run, trained),
        _data(run, trained),
        _scores(run, trained),
        _calibration(trained),
        _limits(run, trained),
        how_to_load(run, trained, format),
        _export(format, measured),
        _origin(run, trained),
    )
    return "\n\n".join(parts) + "\n"


def _header(run: FinishedRun, trained: Trained, format: str) -> str:
    """The metadata that the Hub reads: YAML between two lines of dashes, scores with four digits."""
    is_imdb = not run.data.is_demo and ("Keras IMDB" in run.data.title or "Large Movie Review" in run.data.title)
    dataset = {"type": "imdb" if is_imdb else "text", "name": run.data.title, "split": "test"}
    task = {"type": "text-classification", "name": f"Class of a text: {', '.join(run.data.classes.names)}"}
    results = [
        {
            "task": task,
            "dataset": dataset,
            "metrics": [{"type": "accuracy", "value": score.accuracy, "name": f"accuracy on {_reviews(score.bucket)}"}],
        }
        for score in trained.repeat.scores
    ]
    sentiment = ["sentiment-analysis"] if "positive" in run.data.classes.names else []
    head = {
        **({"language": "en"} if is_imdb or run.data.is_demo else {}),
        "license": "mit",
        "library_name": LIBRARIES[format],
        "pipeline_tag": "text-classification",
        "tags": [
            *sentiment,
            run.roster.architecture(trained.study.contender).replace("_", "-"),
            "lengthwise",
        ],
        **({"datasets": ["imdb"]} if is_imdb else {}),
        "model-index": [{"name": f"{run.name} {trained.study.id}", "results": results}],
    }
    return f"---\n{yaml.dump(head, Dumper=_Dumper, sort_keys=False, allow_unicode=True)}---"


class _Dumper(yaml.SafeDumper):
    """PyYAML's, with scores as the card's text has them, and without references from one result to another."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(float, lambda dumper, score: dumper.represent_scalar("tag:yaml.org,2002:float", f"{score:.4f}"))


def _reviews(bucket: str) -> str:
    low, _, high = bucket.partition("-")
    return (
        "all reviews" if bucket == ALL else f"reviews of {low} tokens or more" if high == "end" else f"reviews of {bucket} tokens"
    )


def _what(run: FinishedRun, trained: Trained) -> str:
    study, result = trained.study, run.results[trained.study]
    scope = {
        "bucket": f"a specialist: it has learned from {_reviews(study.bucket)} only",
        "all": "a generalist: it has learned from reviews of all lengths",
        "fine-tuned": f"a generalist that was trained on with {_reviews(study.bucket)}",
    }[study.scope]
    setting = ", ".join(f"{name} {value:g}" for name, value in trained.repeat.hyperparameters.items())
    own = run.roster[study.contender].changes
    settings = f" Of the run's settings it has its own {', '.join(map(str, own))}." if own else ""
    reads = f"It reads at most {trained.max_length:,} tokens of a review ({trained.truncate} of longer ones)"
    names = ", ".join(f"`{name}`" for name in run.data.classes.names)  # as code: a name may be HTML or Markdown
    return (
        f"# {run.roster.title(study.contender)}, {_reviews(study.bucket)}\n\n"
        f"The probability of each class of a text: {names}. "
        f"This network is {scope}. {reads} and knows {trained.vocab_size:,} ids. It has {result.parameters:,} trained numbers "
        f"({result.body_parameters:,} outside the tables of vectors).{settings}{_evidence(trained)}\n\n"
        f"Hyperparameters: {setting}."
    )


def _evidence(trained: Trained) -> str:
    """What a network is told beside the words, as a paragraph; nothing of one that is told nothing."""
    if trained.evidence is None:
        return ""
    labelled, *others = (int(counts.reviews.sum()) for counts in trained.evidence.counts)
    ngrams = ("the word", "the word and the pair of words", "the word, the pair and the triple of words")[trained.order - 1]
    pseudo = f" It is told the same of a linear model's opinion of {sum(others):,} other texts." if others else ""
    return (
        f"\n\nAt each word it is also told what the labels of its {labelled:,} training reviews say of {ngrams} that end there: "
        f"the logarithm of how much more often {_whose(trained)} hold the n-gram (Wang and Manning 2012, Baselines and bigrams, "
        f"ACL), 0 where it is not known.{pseudo} Beside the pooled features it is given the sums of these numbers "
        "over the whole review, divided by the root of its number of tokens. These numbers are of all words of the data's index."
    )


def _whose(trained: Trained) -> str:
    evidence = trained.evidence
    many = evidence is not None and len(evidence.counts[0].reviews) > 2
    return "reviews of each class than all others" if many else "reviews of the second class than of the first"


def _data(run: FinishedRun, trained: Trained) -> str:
    data, result = run.data, run.results[trained.study]
    demo = " They are generated: this network is of no use on real reviews." if data.is_demo else ""
    n_tested = sum(score.n_test for score in trained.repeat.scores if score.bucket != ALL)
    return (
        f"## Data and protocol\n\n{data.title}, fingerprint `{data.fingerprint}`.{demo} Trained on {result.n_train:,} reviews, "
        f"validated on {result.n_validation:,}, tested on {n_tested or trained.repeat.scores[0].n_test:,}. "
        f"{data.leaked:,} training texts also stand in the whole test part ({data.leaked_dropped:,} of them were left out); "
        f"{data.oov_share:.1%} of the training tokens are words that the network does not know, and it knows "
        f"{data.validation_known_share:.1%} of the validation tokens. {_tokens(run)}\n\n"
        "Hyperparameters, the epoch to keep and the repeat to export were chosen on validation reviews. The test reviews were "
        f"read once for each of the final trainings ({len(result.repeats)}), after everything was chosen."
    )


def _tokens(run: FinishedRun) -> str:
    """How a text is divided, for people."""
    tokenizer = run.vocabulary.tokenizer
    masked = " Addresses are the token `http`, mentions `@user`." if tokenizer.mask_links and tokenizer.rule != "imdb" else ""
    return {
        "imdb": "Tokens are words as in Keras IMDB: ASCII letters in lower case, without punctuation.",
        "words": f"Tokens are case-folded words (NFKC), emoji and emoticons, without HTML and punctuation.{masked}",
        "characters": f"Tokens are the characters of scripts without spaces, and case-folded words of all others.{masked}",
        "subwords": f"Tokens are pieces of case-folded words, found by SentencePiece in texts without HTML.{masked}",
    }[tokenizer.rule]


def _scores(run: FinishedRun, trained: Trained) -> str:
    """A row for each bucket, beside the stronger of the linear models of the same reviews."""
    yardstick = strongest_yardstick(trained.study, run.results)
    linear = {score.bucket: score for score in yardstick.repeats[0].scores} if yardstick else {}
    means = _means(run, trained.study)
    rows = [
        f"| {_reviews(s.bucket)} | {s.n_test:,} | {_accuracy(s)} | {means.get(s.bucket, '-')} "
        f"| {_accuracy(linear.get(s.bucket))} | {'-' if s.mean_roc_auc is None else f'{s.mean_roc_auc:.4f}'} | {s.macro_f1:.4f} "
        f"| {s.accuracy_without_leaked:.4f} |"
        for s in trained.repeat.scores
    ]
    n = len(run.results[trained.study].repeats)
    columns = (
        "test reviews",
        "how many",
        "accuracy",
        f"mean of {n} repeat{'s' * (n > 1)}",
        "linear model",
        "ROC AUC",
        "macro-F1",
    )
    head = f"| {' | '.join((*columns, 'without leaked'))} |\n|---|---|---|---|---|---|---|---|"
    return (
        "## Scores\n\nIn brackets: 95 % intervals, for other test reviews; the mean's also for other seeds, where there are "
        "several repeats. The linear model has learned from the same reviews; it is "
        f"{_yardstick(yardstick)}.\n\n" + "\n".join([head, *rows])
    )


def _yardstick(result: StudyResult | None) -> str:
    """Which linear model stands in the table, and why."""
    if result is None:
        return "missing in this run"  # it failed
    kind = title(result.study.contender)
    return kind if result.cv_accuracy is None else f"the {kind}, the stronger one by cross-validation ({result.cv_accuracy:.4f})"


def _accuracy(score: Score | None) -> str:
    return "-" if score is None else f"{score.accuracy:.4f} [{score.accuracy_low:.4f}, {score.accuracy_high:.4f}]"


def _means(run: FinishedRun, study: Study) -> dict[str, str]:
    """Bucket -> mean accuracy over repeats, of the verdicts that the run's report shows."""
    return {
        verdict.bucket: f"{s.accuracy:.4f} [{s.low:.4f}, {s.high:.4f}]"
        for verdict in run.folder.findings().verdicts
        for s in verdict.standings
        if s.study == study
    }


def _calibration(trained: Trained) -> str:
    lines = [
        f"- {_reviews(s.bucket)}: calibration error {s.calibration_error:.4f} before, "
        f"{s.calibration_error_at_temperature:.4f} after; log loss {s.loss:.4f} before, {s.loss_at_temperature:.4f} after"
        for s in trained.repeat.scores
        if s.calibration_error_at_temperature is not None and s.loss_at_temperature is not None
    ]
    return (
        f"## Calibration\n\nLogits are divided by {trained.temperature:.6g}, a temperature fitted on validation reviews (Guo et "
        "al. 2017, On calibration of modern neural networks, ICML). On the test reviews:\n\n" + "\n".join(lines)
    )


def _limits(run: FinishedRun, trained: Trained) -> str:
    unknown = "dropped" if run.vocabulary.drops_unknown else f"read as id {OOV}"
    scope = "of any length" if trained.study.bucket == ALL else f"of {trained.study.bucket} tokens"
    return (
        "## Limits\n\n"
        f"- It was trained and tested on {run.data.title}, reviews {scope}. "
        "Nothing is known of other lengths, subjects or languages.\n"
        f"- Words that the data's index does not have are {unknown}; known ones outside the first {trained.vocab_size:,} ids are "
        f"read as id {OOV}. A text without any known word still gives a number, that of the start token: it means nothing.\n"
        "- Irony, quotations and reviews that weigh several things were not tested by themselves.\n"
        "- It says which class a text is put into, not why, and nothing of its author. It is no basis for decisions about people."
    )


def _export(format: str, measured: Measured) -> str:
    return (
        f"## This export\n\nFormat {format}: {measured.files}. Over {measured.texts} texts of different lengths its "
        f"probabilities differ from the checkpoint's, as Keras runs it, by at most {measured.parity:.1e}. One review of about "
        f"178 tokens took {measured.latency_ms:.2f} ms from {measured.takes} to probability, on the machine that exported it."
    )


def _origin(run: FinishedRun, trained: Trained) -> str:
    about = run.about
    versions = ", ".join(f"{name} {about.rows[name]}" for name in _VERSIONS if about.rows.get(name))
    return (
        f"## Where it comes from\n\nRun `{run.name}` (profile {about.profile}, commit {about.git_commit}, ended {about.ended}), "
        f"study `{trained.study.id}`, repeat {trained.repeat.number + 1} of {len(run.results[trained.study].repeats)}, the one "
        f"with the lowest validation loss, seed {trained.repeat.seed}. Trained with {versions}."
    )
