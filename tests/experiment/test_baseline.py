"""The linear models: what they read, how their form is chosen, and the numbers they are known to give on the real reviews."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from analysis.evaluation import is_right
from config import PROFILES, Config
from data.batches import network_ids
from data.types import Dataset, Reviews, Sequences
from data.vocabulary import START
from data_preprocessing import prepare
from engine.arrays import class_probabilities
from engine.linear import LinearModel
from experiment import baseline
from experiment.network import Examples
from experiment.options import with_overrides
from records.errors import DataError
from records.study import YARDSTICKS, LinearForm
from tests.networks import a_network, fit_plan

FORM = LinearForm(n=3, min_df=2, C=1.0)


def texts(reviews: Reviews) -> list[str]:
    """Each review as its ids with spaces between, without the start token."""
    return [" ".join(map(str, reviews.sequences[i][reviews.sequences[i] != START])) for i in range(len(reviews))]


def accuracy(model: LinearModel, test: Reviews) -> float:
    return float(100 * is_right(test.labels, class_probabilities(baseline.predict(model, test))).mean())


def fit(kind: str, parts: list[Reviews], form: LinearForm, seed: int, n_classes: int = 2) -> LinearModel:
    return next(baseline.fitted(kind, baseline.count(parts, [form], n_classes), [form], seed))


@pytest.mark.parametrize("kind", YARDSTICKS)
def test_it_reads_words_outside_the_networks_vocabulary(kind: str, smoke_config: Config) -> None:
    small, large = prepare(with_overrides(smoke_config, ["data.vocab_size=10"])), prepare(smoke_config)
    a, b = (baseline.predict(fit(kind, [d.train, d.validation], FORM, 7), d.test) for d in (small, large))
    np.testing.assert_array_equal(a, b)


def test_models_that_are_fitted_beside_each_other_are_those_fitted_alone(demo_data: Dataset) -> None:
    def weights(strength: float) -> np.ndarray:
        return fit("nb_linear", [demo_data.train], replace(FORM, C=strength), 7).weights

    strengths = [0.1, 0.3, 1.0, 3.0] * 3
    with ThreadPoolExecutor(len(strengths)) as pool:
        beside = list(pool.map(weights, strengths))
    for strength, mine in zip(strengths, beside, strict=True):
        np.testing.assert_array_equal(mine, weights(strength))


def test_the_first_is_scikit_learns_tf_idf(demo_data: Dataset) -> None:
    (form,) = baseline.FORMS["linear"]
    reference = make_pipeline(
        TfidfVectorizer(
            tokenizer=str.split, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=2, sublinear_tf=True
        ),
        LogisticRegression(C=10.0, max_iter=200),
    ).fit(texts(demo_data.train), demo_data.train.labels)
    model = fit("linear", [demo_data.train], form, 7)
    assert len(model.ngrams) == len(reference[0].vocabulary_)
    expected = reference.predict_proba(texts(demo_data.test))[:, 1]
    said = class_probabilities(baseline.predict(model, demo_data.test))[:, 1]
    np.testing.assert_allclose(said, expected, atol=1e-6)


def test_the_second_is_scikit_learns_logistic_regression_on_weighted_presence(demo_data: Dataset) -> None:
    vectorizer = CountVectorizer(
        tokenizer=str.split, token_pattern=None, lowercase=False, ngram_range=(1, 3), min_df=3, binary=True
    )
    x, labels = vectorizer.fit_transform(texts(demo_data.train)).toarray(), demo_data.train.labels
    p, q = 1 + x[labels == 1].sum(axis=0), 1 + x[labels == 0].sum(axis=0)
    r = np.log(p / p.sum()) - np.log(q / q.sum())  # as Wang and Manning write it
    reference = LogisticRegression(solver="liblinear", dual=True, C=0.3, tol=1e-6, max_iter=10_000).fit(x * r, labels)
    expected = reference.predict_proba(vectorizer.transform(texts(demo_data.test)).toarray() * r)[:, 1]
    model = fit("nb_linear", [demo_data.train], LinearForm(n=3, min_df=3, C=0.3), 7)
    assert len(model.ngrams) == len(r)
    said = class_probabilities(baseline.predict(model, demo_data.test))[:, 1]
    np.testing.assert_allclose(said, expected, atol=0.01)  # as far as liblinear goes


@pytest.fixture
def of_three(demo_data: Dataset) -> tuple[Reviews, Reviews]:
    """The demo corpus with a third class: reviews that hold a word of which a third do; to learn from, and to ask about."""
    train = demo_data.train
    holders = [np.mean([word in train.sequences[i] for i in range(len(train))]) for word in range(4, 60)]
    chosen = 4 + int(np.argmin(np.abs(np.array(holders) - 1 / 3)))

    def relabelled(reviews: Reviews) -> Reviews:
        is_third = np.array([chosen in reviews.sequences[i] for i in range(len(reviews))])
        return replace(reviews, labels=np.where(is_third, 2, reviews.labels))

    return relabelled(demo_data.train), relabelled(demo_data.test)


def test_of_three_classes_the_first_is_scikit_learns_multinomial_one(of_three: tuple[Reviews, Reviews]) -> None:
    train, test = of_three
    (form,) = baseline.FORMS["linear"]
    vectorizer = TfidfVectorizer(
        tokenizer=str.split, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=2, sublinear_tf=True
    )
    reference = make_pipeline(vectorizer, LogisticRegression(C=10.0, max_iter=200)).fit(texts(train), train.labels)
    said = class_probabilities(baseline.predict(fit("linear", [train], form, 7, 3), test))
    np.testing.assert_allclose(said, reference.predict_proba(texts(test)), atol=1e-4)


def test_of_three_classes_the_second_is_one_against_the_rest(
    of_three: tuple[Reviews, Reviews],
) -> None:
    train, test = of_three
    form = LinearForm(n=2, min_df=2, C=1.0)
    said = baseline.predict(fit("nb_linear", [train], form, 7, 3), test)
    alone = [
        baseline.predict(fit("nb_linear", [replace(train, labels=(train.labels == label).astype(int))], form, 7), test)[:, 0]
        for label in range(3)
    ]
    np.testing.assert_allclose(said, np.stack(alone[1:], axis=1) - alone[0][:, None], atol=0.02)
    assert baseline.cross_validate("nb_linear", baseline.count([train], [form], 3), 7)[0].accuracy > 0.5


def test_balanced_weights_make_a_rare_class_heard(demo_data: Dataset) -> None:
    rare = np.flatnonzero(demo_data.train.labels == 1)[:20]
    few = demo_data.train.take(np.concatenate([np.flatnonzero(demo_data.train.labels == 0), rare]))
    found = []
    for alike in (False, True):
        counted = baseline.count([few], [FORM], 2, weigh_classes_alike=alike)
        model = next(baseline.fitted("nb_linear", counted, [replace(FORM, C=0.01)], 7))
        found.append(int((baseline.predict(model, demo_data.test) >= 0).sum()))
    assert found[0] < found[1]


def test_a_form_is_tried_on_reviews_that_were_not_counted(demo_data: Dataset) -> None:
    """With shuffled labels there is nothing to learn: whoever has counted a review's own label would still know it."""
    forms = baseline.FORMS["nb_linear"]
    counted = baseline.count([demo_data.train], forms, 2)
    shuffled = replace(counted, labels=np.random.default_rng(3).permutation(counted.labels))
    found = baseline.cross_validate("nb_linear", shuffled, 7)
    assert [each.form for each in found] == list(forms)
    assert all(0.4 < each.accuracy < 0.6 for each in found)
    assert found == baseline.cross_validate("nb_linear", shuffled, 7)


def test_a_fold_counts_only_what_it_learns_from(demo_data: Dataset) -> None:
    form = LinearForm(n=2, min_df=3, C=1.0)
    counted, is_first = baseline.count([demo_data.train], [form], 2), np.arange(len(demo_data.train)) < 300
    fold = next(baseline.fitted("nb_linear", counted.of_reviews(is_first), [form], 7))
    alone = fit("nb_linear", [demo_data.train.take(np.flatnonzero(is_first))], form, 7)
    np.testing.assert_allclose(baseline.predict(fold, demo_data.test), baseline.predict(alone, demo_data.test), atol=0.01)
    assert (fold.weights != 0).sum() <= len(alone.weights) < len(fold.weights)


def test_a_class_of_one_review_takes_the_first_form(demo_data: Dataset) -> None:
    keep = np.concatenate([np.flatnonzero(demo_data.train.labels == 0), np.flatnonzero(demo_data.train.labels == 1)[:1]])
    counted = baseline.count([demo_data.train.take(keep)], baseline.FORMS["nb_linear"], 2)
    assert baseline.cross_validate("nb_linear", counted, 7) == ()


def test_reviews_without_a_common_word_are_one_sentence() -> None:
    reviews = Reviews(Sequences.from_lists([[1, 4], [1, 5]]), np.array([0, 1]), np.arange(2))
    with pytest.raises(DataError, match="a word that stands in 2 reviews, and there is none in 2 reviews"):
        baseline.count([reviews], baseline.FORMS["linear"], 2)


def test_known_accuracies_on_the_real_reviews_are_reached(real_data: Path) -> None:
    """Each in a fixed form: on single buckets, and the strongest one on all reviews together."""
    data = prepare(with_overrides(PROFILES["study"].config, [f"data.source={real_data}"]))
    shortest, second, third, fourth, longest = (bucket.name for bucket in data.buckets)

    def reached(kind: str, scope: str, n: int, min_df: int, strength: float) -> float:
        part = data.scope(scope)
        model = fit(kind, [part.train, part.validation], LinearForm(n=n, min_df=min_df, C=strength), 7)
        return accuracy(model, part.test)

    assert reached("linear", second, 2, 2, 10.0) == pytest.approx(88.9, abs=0.3)
    assert reached("linear", longest, 2, 2, 10.0) == pytest.approx(85.3, abs=0.3)
    assert reached("nb_linear", third, 2, 2, 1.0) == pytest.approx(89.6, abs=0.3)
    assert reached("nb_linear", longest, 2, 1, 1.0) == pytest.approx(84.3, abs=0.3)
    assert reached("nb_linear", shortest, 3, 2, 0.1) == pytest.approx(90.1, abs=0.3)
    assert reached("nb_linear", fourth, 3, 1, 0.1) == pytest.approx(88.8, abs=0.3)
    assert reached("nb_linear", longest, 3, 1, 0.1) == pytest.approx(83.2, abs=0.3)
    assert reached("nb_linear", "all", 3, 2, 0.1) == pytest.approx(91.74, abs=0.3)


def test_on_the_demo_corpus_a_recurrent_network_beats_the_yardsticks_by_far(demo_data: Dataset) -> None:
    """Labels there depend on word order and distance; only a reader of sequences can know."""
    shown = [
        Examples(network_ids(part.sequences, demo_data.vocab_size, 100, "tail"), part.labels)
        for part in (demo_data.train, demo_data.validation, demo_data.test)
    ]
    reader = a_network((100,), architecture="custom_gru", vocab_size=demo_data.vocab_size, embedding_dim=16, units=16)
    plan = fit_plan(epochs=10, patience=10, reduce_patience=10)
    reader.start(plan)
    reader.fit(shown[0], shown[1], plan, lambda _: False)
    network = is_right(shown[2].labels, class_probabilities(reader.predict(shown[2]))).mean()
    for kind, forms in baseline.FORMS.items():
        model = fit(kind, [demo_data.train, demo_data.validation], forms[-1], 7)
        assert network > accuracy(model, demo_data.test) / 100 + 0.2
