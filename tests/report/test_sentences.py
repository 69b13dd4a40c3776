"""Laws of the sentences: they follow from the records."""

from dataclasses import replace

import pytest

from config import Choice, Compare, Config, Contender
from models.roster import Roster
from records.classes import Classes
from records.findings import BucketVerdict, Comparison, Standing, Verdict
from records.study import Study
from report.sentences import bucket_sentence, chance_sentence, contender_sentences, evidence_sentences, overall_sentence
from tests.made_up import ROSTER, a_summary
from tests.report.test_figures import verdicts


def test_sentences_follow_from_the_verdicts() -> None:
    text = bucket_sentence(verdicts()[0], ROSTER)
    assert text.startswith("Validation chooses GRU from scratch: 70.0 % (")
    assert ", 69.4 % without the 2 texts that stand in the training part too. " in text
    assert "In one training each it is better than SimpleRNN, cannot be told from GRU. " in text  # 10 reviews, and 5
    assert "SimpleRNN cannot be told from chance (50.0 %)" in text
    linear = "The TF-IDF linear model reaches 75.0 % (65.4 to 81.7) and the naive-Bayes linear model 80.0 % (71.2 to 85.6): "
    own = "GRU from scratch is behind the naive-Bayes linear model and cannot be told from the TF-IDF linear model, "
    assert text.endswith(linear + own + "SimpleRNN and GRU are behind both.")
    gru = Study("gru", "b")
    lonely = BucketVerdict("b", 10, 0, 0.5, gru, (Standing(gru, 0.52, 0.45, 0.6, 3, 0.52, 0.7, 0.7, True),), ())
    assert (
        bucket_sentence(lonely, ROSTER)
        == "Validation chooses GRU: 52.0 % (45.0 to 60.0). GRU cannot be told from chance (50.0 %)."
    )
    everywhere = replace(lonely.standings[0], study=Study("gru", "all"), like_chance=False)
    assert (
        bucket_sentence(replace(lonely, leader=everywhere.study, standings=(everywhere,)), ROSTER)
        == "Validation chooses GRU: 52.0 % (45.0 to 60.0)."
    )
    both = bucket_sentence(replace(lonely, leader=everywhere.study, standings=(everywhere, *lonely.standings)), ROSTER)
    assert both.startswith("Validation chooses GRU (trained on all): 52.0 %") and "GRU cannot be told from chance" in both
    assert bucket_sentence(replace(lonely, leader=None), ROSTER) == "No network has a result here."


def test_accuracy_is_said_to_mislead_where_naming_one_class_goes_far() -> None:
    def warned(n_classes: int, chance: float) -> str:
        data = replace(a_summary(), classes=Classes(tuple(map(str, range(n_classes)))))
        return chance_sentence(data, [replace(verdicts()[0], chance=0.3), replace(verdicts()[0], bucket="b", chance=chance)])

    assert warned(2, 0.71).startswith("One class makes up 71 % of the test reviews of b tokens: ") and not warned(2, 0.69)
    assert warned(3, 0.48) and not warned(3, 0.46) and warned(5, 0.41)
    assert not warned(20, 0.3)  # six times its share, and whoever names it is mostly wrong


def test_every_other_network_means_those_that_were_not_compared_too() -> None:
    lstm, gru, rnn, generalist = (
        Study(name, scope) for name, scope in (("lstm", "b"), ("gru", "b"), ("simple_rnn", "b"), ("gru", "all"))
    )
    standings = tuple(Standing(study, 0.8, 0.7, 0.9, 3, 0.8, 0.5, 0.5, False) for study in (lstm, gru, rnn, generalist))
    pairs = [Comparison("b", lstm, other, 0.1, 0.05, 0.15, 20, 5, 0.001, 0.002, "better than") for other in (gru, rnn)]
    among_specialists = BucketVerdict("b", 100, 0, 0.5, lstm, standings[:3], tuple(pairs))
    assert "It is better than every other network." in bucket_sentence(among_specialists, ROSTER)
    beside_a_generalist = replace(among_specialists, standings=standings)
    assert "It is better than GRU and SimpleRNN." in bucket_sentence(beside_a_generalist, ROSTER)


def test_the_whole_is_said_in_a_sentence() -> None:
    beside = " Beside the linear models of the same reviews, what it chooses "
    text = "Validation chooses GRU from scratch." + beside + "is behind one and cannot be told from the other in every bucket."
    assert overall_sentence(verdicts(), ROSTER) == text
    assert overall_sentence((), ROSTER) == "No network has a result yet."


def beside_yardsticks(*hows: Verdict) -> BucketVerdict:
    """Two networks that stand alike to each yardstick there is."""
    networks, yardsticks = (Study("gru", "b"), Study("lstm", "b")), Study("gru", "b").yardsticks[: len(hows)]
    standings = tuple(Standing(study, 0.8, 0.7, 0.9, 3, 0.8, 0.5, 0.5, False) for study in (*networks, *yardsticks))
    pairs = [
        Comparison("b", network, yardstick, 0.1, 0.05, 0.15, 20, 5, 0.001, 0.002, how)
        for network in networks
        for yardstick, how in zip(yardsticks, hows, strict=True)
    ]
    return BucketVerdict("b", 100, 0, 0.5, networks[0], standings, tuple(pairs))


@pytest.mark.parametrize(
    ("hows", "each", "chosen"),
    [
        (("better than", "better than"), "all networks are ahead of both", "is ahead of both"),
        (("worse than", "worse than"), "all networks are behind both", "is behind both"),
        (("cannot be told from",) * 2, "all networks cannot be told from either", "cannot be told from either"),
        (
            ("worse than", "better than"),
            "all networks are ahead of the naive-Bayes linear model and behind the TF-IDF linear model",
            "is ahead of one and behind the other",
        ),
        (("better than",), "all networks are ahead of it", "is ahead of it"),
    ],
)
def test_ahead_means_ahead_of_both_yardsticks(hows: tuple[Verdict, ...], each: str, chosen: str) -> None:
    verdict = beside_yardsticks(*hows)
    assert bucket_sentence(verdict, ROSTER).endswith(f"80.0 % (70.0 to 90.0): {each}.")
    assert overall_sentence([verdict, replace(verdict, bucket="all")], ROSTER).endswith(
        f"what it chooses {chosen} in every bucket."
    )
    behind = replace(beside_yardsticks("worse than", "worse than"), bucket="c")
    if len(set(hows)) > 1:
        assert overall_sentence([verdict, behind], ROSTER).endswith(
            f"{chosen} in 1 of 2 buckets, is behind both in 1 of 2 buckets."
        )


def test_what_is_more_than_an_architecture_is_said_in_a_sentence() -> None:
    last = Contender("gru", "GRU, last state", set={"model.pooling": "last", "space.units": 64}, scope="all")
    listed = ("lstm", "gru", "custom_gru", last, Contender("lstm", "The same again", parent="gru"))
    assert contender_sentences(Roster.of(Config(compare=Compare(architectures=listed)))) == [
        "GRU, Keras's layer, is the control of GRU from scratch: its first training once more, with the same setting and seed, "
        "by Keras's own layer. It takes part in no comparison.",
        "GRU, last state is the architecture GRU; its model.pooling is last (the run's is mean), space.units is 64 (the run's is "
        "Choice(32, 64, 128)) and compare.scope is all (the run's is bucket). Among the networks it is compared with GRU from "
        "scratch only.",
        "The same again is the architecture LSTM. Among the networks it is compared with GRU from scratch only.",
    ]
    assert contender_sentences(ROSTER) == []


def test_a_report_says_what_evidence_is_and_who_has_none() -> None:
    config = Config(compare=Compare(architectures=("gru", Contender("gru", "GRU alone", set={"space.evidence": 0}))))
    assert evidence_sentences(Roster.of(config), a_summary()) == []
    told = replace(config, space=replace(config.space, evidence=Choice(0, 2)))
    what, fair, plain = evidence_sentences(Roster.of(told), a_summary())
    assert "the word and the pair of words that end there" in what and "the same labels" in fair
    assert plain == "Without evidence: GRU alone."
    guessing = Roster.of(replace(told, model=replace(told.model, pseudo_labels=True)))
    more = evidence_sentences(guessing, a_summary())
    assert len(more) == 4 and "more texts than the linear models, and no more labels" in more[2]
    alone = replace(a_summary(), buckets=a_summary().buckets[:1])
    assert "there is no text without a label" in evidence_sentences(guessing, alone)[2]
    assert evidence_sentences(guessing, replace(alone, n_unlabelled=9)) == more
