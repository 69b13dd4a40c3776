"""Laws of what an export holds of evidence: the graph and the card's code make of a text what the run does."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.vocabulary import Vocabulary
from inference.export import Review, inputs, loading, savedmodel
from inference.export import evidence as exported_evidence
from inference.export import folder as exports
from inference.export.evidence import ngrams_by_length
from models.evidence import Counts
from tests.inference.test_export import TEXTS, VOCABULARY, a_checkpoint, a_trained
from tests.made_up_evidence import an_evidence


@pytest.fixture(scope="module")
def network_with_evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_checkpoint(tmp_path_factory.mktemp("network"), "gru", "max", 0, 3, 2)


@pytest.mark.parametrize("truncate", ["head", "tail", "both"])
@pytest.mark.parametrize("drops_unknown", [True, False])
def test_the_graph_makes_of_texts_what_the_run_does(truncate: str, drops_unknown: bool, network_with_evidence: Path) -> None:
    import tensorflow as tf

    vocabulary = Vocabulary(VOCABULARY.words, drops_unknown)
    _, trained = a_trained(network_with_evidence, truncate, max_length=11, order=3, sources=2, vocabulary=vocabulary)
    every_character = [f"word1{chr(code)}word2 {chr(code)}" for code in range(1, 0x180)]
    texts = [*TEXTS, *exports._ODD_TEXTS, *every_character]
    encode, _ = savedmodel.text_encoder(vocabulary)
    found = savedmodel.inputs_from_ids(trained)(encode(tf.constant(texts)))
    readings = trained.readings([vocabulary.encode(text) for text in texts])
    assert np.concatenate([reading.evidence for reading in readings]).any(axis=0).all()  # type: ignore[misc]
    for text, reading, ids, evidence, sums in zip(texts, readings, *(array.numpy() for array in found), strict=True):
        n = len(reading)
        assert ids[:n].tolist() == reading.ids.tolist() and not ids[n:].any() and not evidence[n:].any(), repr(text)
        np.testing.assert_array_equal(evidence[:n], reading.evidence, repr(text))
        np.testing.assert_allclose(sums, reading.sums, atol=1e-6, err_msg=repr(text))


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(("truncate", "drops_unknown", "sources"), [("head", True, 1), ("tail", False, 2), ("both", True, 2)])
def test_the_cards_code_makes_what_the_network_is_given_from_the_exported_ratios_alone(
    order: int,
    truncate: str,
    drops_unknown: bool,
    sources: int,
    network_with_evidence: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vocabulary = Vocabulary(VOCABULARY.words, drops_unknown)
    run, trained = a_trained(network_with_evidence, truncate, max_length=11, order=order, sources=sources, vocabulary=vocabulary)
    (tmp_path / "vocabulary.json").write_text(vocabulary.to_json(), encoding="utf-8")
    exported_evidence.write(trained, tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"np": np}
    exec(loading.encoding(run, trained), names)  # noqa: S102 - the code of a card
    for text in (*TEXTS, *exports._ODD_TEXTS):
        (reading,) = trained.readings([vocabulary.encode(text)])
        given, expected = names["inputs"](text), inputs([Review(text, reading)])
        assert {name: (array.dtype, array.shape) for name, array in given.items()} == {
            name: (array.dtype, array.shape) for name, array in expected.items()
        }
        for name, array in expected.items():
            np.testing.assert_allclose(given[name], array, atol=1e-6, err_msg=f"{name} of {text!r}")


def test_ngrams_that_say_nothing_are_left_out_unless_a_longer_one_begins_with_them() -> None:
    evidence = an_evidence(40)
    n_words, n_pairs, n_triples = evidence.ngrams.sizes
    held = evidence.counts[0].held.copy()
    held[n_words : n_words + n_pairs] = 5  # of both classes
    held[-n_triples // 2 :] = 0
    balanced = replace(evidence, counts=(Counts(held, np.array([40, 40])),))
    words, pairs, triples = ngrams_by_length(balanced, 3)
    assert 0 < len(triples.keys) - 1 <= n_triples // 2 and triples.ratios[:-1].all()
    assert not pairs.ratios.any() and 0 < len(pairs.keys) - 1 < n_pairs
    assert set(triples.keys[:-1] >> 32) == set(range(len(pairs.keys) - 1))
    for each in (words, pairs, triples):
        assert (np.diff(each.keys) > 0).all() and not each.ratios[-1].any() and each.ratios.dtype == np.float32
    ends_at_pairs = ngrams_by_length(balanced, 2)
    assert len(ends_at_pairs) == 2 and len(ends_at_pairs[1].keys) == 1
