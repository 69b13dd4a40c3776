"""Laws of the comparisons: exact tests by hand, Holm by hand, and verdicts that need both reviews and seeds."""

import numpy as np
import pytest

from analysis.comparison import Predictions, Truth, compare, corrected, ensembles, exact_mcnemar, holm, judge
from config import Compare, Config
from models.roster import Roster
from records.findings import BucketVerdict
from records.study import YARDSTICKS, Study
from tests.made_up import ROSTER

LSTM, GRU, RNN = (Study(name, "0-9") for name in ("lstm", "gru", "simple_rnn"))


def test_mcnemar_is_the_binomial_test_of_the_differing_reviews() -> None:
    assert exact_mcnemar(0, 0) == 1.0
    assert exact_mcnemar(5, 5) == 1.0
    assert exact_mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 2**10)
    assert exact_mcnemar(9, 1) == exact_mcnemar(1, 9)


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1.0, 1.0])
    assert len(holm(np.zeros(0))) == 0


def test_holm_keeps_false_alarms_rare(rng: np.random.Generator) -> None:
    alarms = [(holm(rng.random(50)) < 0.05).any() for _ in range(2000)]
    assert 0.03 < np.mean(alarms) < 0.07
    assert np.mean([(rng.random(50) < 0.05).any() for _ in range(200)]) > 0.8  # what happens without it


def rights(*counts: int, n: int = 1000) -> np.ndarray:
    """`<bool>[repeats, n]`: each repeat gets the first of its count right."""
    return np.stack([np.arange(n) < count for count in counts])


def verdict_of(correct: dict[Study, np.ndarray], chosen: dict[Study, int] | None = None) -> BucketVerdict:
    pairs = compare("0-9", correct, chosen or dict.fromkeys(correct, 0), {})
    (verdict,) = corrected([BucketVerdict("0-9", 1000, 0, 0.5, None, (), pairs)])
    return verdict


def test_better_and_worse_are_two_sides_of_one_comparison() -> None:
    verdict = verdict_of({LSTM: rights(900, 900), GRU: rights(800, 800), RNN: rights(799, 801)})
    assert verdict.verdict_on(LSTM, GRU) == "better than" and verdict.verdict_on(GRU, LSTM) == "worse than"
    assert verdict.verdict_on(GRU, RNN) == verdict.verdict_on(RNN, GRU) == "cannot be told from"
    assert verdict.verdict_on(LSTM, Study("gru", "all")) is None
    first = verdict.comparisons[0]
    assert (first.only_first, first.only_second, first.difference) == (100, 0, pytest.approx(0.1))
    assert first.turned.turned == first and first.p_value < first.p_adjusted < 1e-20


def test_a_difference_that_depends_on_the_seed_is_not_sure() -> None:
    lucky, steady = rights(900, 700, 800), rights(800, 800, 800)
    verdict = verdict_of({LSTM: lucky, GRU: steady})
    assert verdict.comparisons[0].p_adjusted < 1e-9  # the lucky repeat against the steady one
    assert verdict.verdict_on(LSTM, GRU) == "cannot be told from"


def test_a_difference_is_not_sure_among_many_comparisons() -> None:
    few = {LSTM: rights(812), GRU: rights(800)}  # 12 reviews, all to one side: p = 0.0005
    assert verdict_of(few).verdict_on(LSTM, GRU) == "better than"
    many = few | {Study(f"other_{i}", "0-9"): rights(800) for i in range(20)}
    verdict = verdict_of(many)
    assert verdict.comparisons[0].p_value == verdict_of(few).comparisons[0].p_value
    assert verdict.verdict_on(LSTM, GRU) == "cannot be told from"


def test_compared_are_rivals_of_one_scope_scopes_of_one_rival_and_the_yardsticks_that_saw_the_same() -> None:
    tuned = Study("lstm", "0-9", is_fine_tuned=True)
    everything = [LSTM, GRU, Study("lstm", "all"), tuned]
    everything += [Study(name, scope) for scope in ("0-9", "all") for name in YARDSTICKS]
    pairs = compare("0-9", dict.fromkeys(everything, rights(900)), dict.fromkeys(everything, 0), {})
    assert [(c.first.id, c.second.id) for c in pairs] == [
        ("lstm/0-9", "gru/0-9"),
        ("lstm/0-9", "lstm/all"),
        ("lstm/0-9", "lstm/all-0-9"),
        ("lstm/0-9", "linear/0-9"),
        ("lstm/0-9", "nb_linear/0-9"),
        ("gru/0-9", "linear/0-9"),
        ("gru/0-9", "nb_linear/0-9"),
        ("lstm/all", "lstm/all-0-9"),
        ("lstm/all", "linear/all"),
        ("lstm/all", "nb_linear/all"),
        ("lstm/all-0-9", "linear/all"),
        ("lstm/all-0-9", "nb_linear/all"),
        ("linear/0-9", "nb_linear/0-9"),
        ("linear/0-9", "linear/all"),
        ("nb_linear/0-9", "nb_linear/all"),
        ("linear/all", "nb_linear/all"),
    ]


def test_an_ablation_is_compared_with_its_parent_only_among_networks() -> None:
    parents = {"no_pooling": "gru", "small": "gru", "everything": "gru"}
    names = ("lstm", "gru", "no_pooling", "small")
    everything = [*(Study(name, "0-9") for name in names), Study("everything", "all"), Study("lstm", "all")]
    everything += [Study(YARDSTICKS[0], "0-9"), Study(YARDSTICKS[0], "all")]
    pairs = compare("0-9", dict.fromkeys(everything, rights(900)), dict.fromkeys(everything, 0), parents)
    assert [(c.first.id, c.second.id) for c in pairs if not c.second.is_yardstick] == [
        ("lstm/0-9", "gru/0-9"),
        ("lstm/0-9", "lstm/all"),
        ("gru/0-9", "no_pooling/0-9"),
        ("gru/0-9", "small/0-9"),
        ("gru/0-9", "everything/all"),  # its parent has no generalist
    ]
    assert {c.first.id for c in pairs if c.second == Study(YARDSTICKS[0], "0-9")} == {f"{name}/0-9" for name in names}
    with_generalist = [*everything, Study("gru", "all")]
    pairs = compare("0-9", dict.fromkeys(with_generalist, rights(900)), dict.fromkeys(with_generalist, 0), parents)
    assert [c.second.id for c in pairs if c.first.id == "everything/all"] == ["linear/all", "gru/all"]
    assert ("gru/0-9", "everything/all") not in [(c.first.id, c.second.id) for c in pairs]


# -- verdicts ----------------------------------------------------------------------------------------------------------


def saying(labels: np.ndarray, right: int, repeats: int = 2) -> np.ndarray:
    """Logits that are right on the first `right` reviews and wrong on the others."""
    logits = np.where(labels == 1, 2.2, -2.2)
    logits[right:] *= -1
    return np.tile(logits[:, None], (repeats, 1, 1))


def predictions(truth: Truth, on_test: int, on_validation: int, repeats: int = 2) -> Predictions:
    return Predictions(saying(truth.test, on_test, repeats), saying(truth.validation, on_validation, repeats))


CONTROLLED = Roster.of(Config(compare=Compare(architectures=("lstm", "gru", "custom_gru"))))  # `gru` is a control
TRUTH = Truth(np.arange(1000) % 2, np.arange(1000) < 10, np.arange(200) % 2)


def test_validation_chooses_whatever_the_test_reviews_say() -> None:
    verdict = judge("0-9", TRUTH, {LSTM: predictions(TRUTH, 900, 150), GRU: predictions(TRUTH, 700, 160)}, ROSTER)
    assert verdict.leader == GRU
    control = judge("0-9", TRUTH, {LSTM: predictions(TRUTH, 900, 150), GRU: predictions(TRUTH, 700, 160)}, CONTROLLED)
    assert control.leader == LSTM and control.comparisons == ()


def test_verdicts_know_chance_leaks_and_the_yardstick() -> None:
    linear = Study(YARDSTICKS[0], "0-9")
    yardstick = Predictions(saying(TRUTH.test, 800, 1), np.zeros((1, 0, 1)))
    (verdict,) = corrected(
        [judge("0-9", TRUTH, {LSTM: predictions(TRUTH, 900, 150), RNN: predictions(TRUTH, 510, 100), linear: yardstick}, ROSTER)]
    )
    by_study = {s.study: s for s in verdict.standings}
    assert verdict.leader == LSTM and verdict.chance == 0.5 and verdict.n_leaked == 10
    assert [by_study[s].like_chance for s in (LSTM, RNN, linear)] == [False, True, False]
    assert by_study[LSTM].accuracy == 0.9 and by_study[LSTM].accuracy_without_leaked == pytest.approx(890 / 990)
    assert verdict.verdict_on(LSTM, linear) == "better than" and verdict.verdict_on(RNN, linear) == "worse than"
    assert by_study[linear].val_loss is None


def test_the_yardstick_never_leads() -> None:
    verdict = judge(
        "0-9", TRUTH, {Study(YARDSTICKS[0], "0-9"): Predictions(saying(TRUTH.test, 999, 1), np.zeros((1, 0, 1)))}, ROSTER
    )
    assert verdict.leader is None


def test_ensembles_are_means_of_repeats_and_of_what_validation_chose() -> None:
    names = ("a", "b", "c", "d")
    networks = {Study(n, "0-9"): predictions(TRUTH, 800, 150 + 10 * i) for i, n in enumerate(names)}
    a, b, c, d = networks
    split = np.where(np.arange(1000) < 500, 0.9, 0.2)  # two repeats that disagree: the surer one decides
    right = np.stack([split, 1 - split]) if TRUTH.test[0] else np.stack([1 - split, split])
    positive = np.where(TRUTH.test == 1, right, 1 - right)
    networks[a] = Predictions(np.log(positive / (1 - positive))[..., None], networks[a].validation)
    everything = networks | {Study(YARDSTICKS[0], "0-9"): Predictions(saying(TRUTH.test, 999, 1), np.zeros((1, 0, 1)))}
    verdict = judge("0-9", TRUTH, everything, ROSTER)
    found = ensembles(verdict, TRUTH, everything)
    assert [e.members for e in found] == [(a,), (b,), (c,), (d,), (d, c, b)]
    assert [e.n_models for e in found] == [2, 2, 2, 2, 6]
    by_hand = ((positive.mean(axis=0) >= 0.5) == TRUTH.test).mean()
    assert found[0].accuracy == pytest.approx(by_hand) and found[0].low <= by_hand <= found[0].high
    assert found[-1].accuracy == pytest.approx(0.8)
