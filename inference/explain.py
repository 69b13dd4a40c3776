"""Why a model says what it says of a text: which words push which way, and how the verdict develops as the text is read.

Integrated gradients share the verdict among the words, and say how exactly they do; occlusion leaves out one word after the
other and asks the model again; a model with attention has weights that say how much of it each word gets. Deletion curves
measure how much such an account is worth.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.batches import truncated
from data.ngrams import shared_out
from data.types import IdArray, Sequences
from engine.arrays import Array, class_probabilities, margins, predicted
from engine.layers import Lengths
from engine.linear import LinearModel
from engine.network import CELLS_OF_A_BATCH, Inputs, NumpyNetwork
from inference.run import Encoded
from inference.trained import Trained
from models.evidence import Reading
from records.codec import Record
from records.errors import InferenceError
from records.study import Study

FRACTIONS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)  # of the words, taken out one after the other
COMPLETE = 0.01  # of a logit: how far the shares' sum may be from what they share out before more steps are taken
_STEPS = (16, 64, 256)  # points of the integral: more are tried until its sum is complete
_SPANS = 128  # the most spans of words that are left out one after the other; of short texts each is one word
_POINTS = 200  # the most words after which the running verdict is asked for
_RANDOM_ORDERS = 8
START_WORD = "(start)"


@dataclass(frozen=True)
class Explanation(Record):
    """One model's account of one text, and of one class: what speaks for it and what against.

    Shares are parts of the class's margin, which is how far its logit is above the mean of the other classes' logits; of two
    classes the second one's margin is the logit. Above 0 a word speaks for the class, below against it.
    """

    study: Study
    words: tuple[str, ...]  # those that the model reads, in order; the first one is the start token
    label: int  # number of the class
    margin: float  # at the temperature
    probabilities: tuple[float, ...]  # of each class
    gradients: tuple[float, ...] | None  # integrated gradients, of a linear model its exact parts; None where Keras runs it
    base_margin: float | None  # the margin of a text of the same length without any meaning
    completeness_gap: float | None  # by how much the shares' sum misses the margin's distance from that
    occlusion: tuple[float, ...]  # by how much the margin falls when the word is left out
    attention: tuple[float, ...] | None  # what share of its attention each word gets, where it has attention
    running: tuple[tuple[int, tuple[float, ...]], ...]  # the probability of each class after so many words
    deletion: tuple["DeletionCurve", ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """Each word's share by the first method that there is: integrated gradients, or else occlusion."""
        return self.occlusion if self.gradients is None else self.gradients


@dataclass(frozen=True)
class DeletionCurve(Record):
    """The mean probability of the verdict over texts as words are taken out, the most important ones first.

    The further it falls below the curve of a random order, the better the order knows what the model goes by. Source: Samek et
    al. (2017), Evaluating the visualization of what a deep neural network has learned, IEEE TNNLS; DeYoung et al. (2020), ERASER,
    ACL, for texts.
    """

    method: str  # integrated gradients, occlusion, attention or random
    fractions: tuple[float, ...]  # of the words taken out
    probabilities: tuple[float, ...]  # of the verdict on the whole text, after each fraction

    @property
    def fall(self) -> float:
        """Mean fall over all fractions but 0."""
        return self.probabilities[0] - float(np.mean(self.probabilities[1:]))


def explain(model: Trained, encoded: Encoded, label: int | None = None) -> Explanation:
    """The model's account of a text; without integrated gradients where Keras runs the model.

    Args:
        model: to ask.
        encoded: the text.
        label: the class to account for; None for the second of two classes, and for the predicted one of more.

    Raises:
        DivergedError: the model gives a number that is not finite.
    """
    row, positions = model.row(encoded.ids), model.positions(encoded.ids)
    words = [START_WORD, *encoded.words]
    logits = model.logits_of_rows([row])[0]
    asked = Asked.of(logits) if label is None else Asked.about(label, logits)
    shares = _shares_by_method(model, row, asked)
    base = shares.base
    margin = float(margins(logits, asked.label))
    return Explanation(
        study=model.study,
        words=tuple(words[i].replace("\u2581", " ") for i in positions),
        label=asked.label,
        margin=margin,
        probabilities=tuple(class_probabilities(logits).tolist()),
        gradients=_numbers(shares.gradients),
        base_margin=base,
        completeness_gap=None if shares.gradients is None or base is None else abs(base + float(shares.gradients.sum()) - margin),
        occlusion=tuple(shares.occlusion.tolist()),
        attention=_numbers(shares.attention),
        running=running_verdict(model, encoded.ids),
        deletion=deletion_curves([(model, row, shares)]),
    )


@dataclass(frozen=True)
class Asked:
    """What a text is asked: how a class stands; and whose probability is watched as words are taken out."""

    label: int  # its margin is shared out among the words
    side: int  # 1 where the probability of this class is watched, -1 where it is that of the other one of two

    @classmethod
    def of(cls, logits: Array) -> "Asked":
        """About the second of two classes, or the predicted one of more, of a text with these logits `[classes - 1]`."""
        return cls.about(1 if len(logits) == 1 else int(predicted(class_probabilities(logits))), logits)

    @classmethod
    def about(cls, label: int, logits: Array) -> "Asked":
        """About this class. Of two classes the probability of the verdict is watched."""
        return cls(label, -1 if len(logits) == 1 and int(predicted(class_probabilities(logits))) != label else 1)

    @property
    def watched(self) -> int:
        """The number of the class whose probability is watched."""
        return self.label if self.side > 0 else 1 - self.label


@dataclass(frozen=True)
class Shares:
    """Each token's share of a class's margin by every method, `<float64>[time]`."""

    asked: Asked
    gradients: Array | None
    base: float | None  # the margin of no meaning, of integrated gradients
    occlusion: Array
    attention: Array | None  # without a side: what is attended to counts for the class that is watched

    @property
    def by_method(self) -> dict[str, Array]:
        """How much each token counts for the class that is watched, by every method that there is."""
        turned = {"integrated gradients": self.gradients, "occlusion": self.occlusion}
        signed = {method: self.asked.side * shares for method, shares in turned.items() if shares is not None}
        return signed | ({} if self.attention is None else {"attention": self.attention})


def _shares_by_method(model: Trained, row: IdArray, asked: Asked) -> Shares:
    gradients, base = integrated_gradients(model, row, asked.label) if has_gradients(model) else (None, None)
    return Shares(asked, gradients, base, occlusion(model, row, asked.label), _attention(model, row))


def _numbers(array: Array | None) -> tuple[float, ...] | None:
    return None if array is None else tuple(array.astype(float).tolist())


def has_gradients(model: Trained) -> bool:
    """Whether integrated gradients can be had: not of a network that Keras runs, since Keras is only asked for logits."""
    return isinstance(model.model, LinearModel | NumpyNetwork)


def integrated_gradients(model: Trained, row: IdArray, label: int) -> tuple[Array, float]:
    """Each token's share of a class's margin at the temperature, `<float64>[time]`, and the margin of the text without meaning.

    On the straight way from vectors of zeros to those of the words, the gradient is added up, times the way (Sundararajan et al.
    2017, Axiomatic attribution for deep networks, ICML): the shares sum up to the difference between both ends' margins
    ("completeness") as exactly as the steps of the integral allow; more are taken until it holds to `COMPLETE`. The integral is
    Gauss and Legendre's. A linear model's parts are known without.

    Raises:
        InferenceError: Keras runs the model.
        DivergedError: a share is not finite.
    """
    if isinstance(model.model, LinearModel):
        linear = model.model.towards(label)
        return linear.contributions(row), float(linear.intercepts[0])
    if not isinstance(model.model, NumpyNetwork):
        raise InferenceError(f"{model.study.id}: integrated gradients are not available, because Keras reads it; occlusion is")
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is checked
        network = model.model.towards(label)
        shares, base = _until_complete(network, model.readings([row])[0], COMPLETE * model.temperature)
        told = _told(model, network, row, shares)
    return model.finite(told / model.temperature), float(model.finite(np.array(base / model.temperature)))


def _until_complete(network: NumpyNetwork, reading: Reading, gap: float) -> tuple[Array, float]:
    """Shares of the logit before the temperature, `<float64>[time, width]`, and the logit of no meaning.

    The sum of the shares, with that of the sums of evidence, which the logit is linear in, misses the logit by at most `gap`
    more than the logit of no meaning, if that can be had.
    """
    inputs = network.embed([reading])
    nothing = Inputs(np.zeros_like(inputs.vectors), inputs.lengths, np.zeros_like(inputs.sums))
    base = float(network.read(nothing)[0, 0])
    whole = float(network.read(inputs)[0, 0]) - base - float(inputs.sums[0] @ network.of_sums)
    for steps in _STEPS:
        shares = _shares(network, inputs, steps)
        if abs(shares.sum() - whole) <= gap:
            break
    return shares, base


def _shares(network: NumpyNetwork, inputs: Inputs, steps: int) -> Array:
    """The integral at so many points, as many at a time as are read in a batch, `<float64>[time, width]`."""
    points, weights = _legendre(steps)
    at, weights = ((points + 1) / 2).astype(np.float32), weights / 2
    time, _, width = inputs.vectors.shape
    size = max(1, CELLS_OF_A_BATCH // time)
    mean = np.zeros((time, width))
    for start in range(0, steps, size):
        scale, weight = at[start : start + size], weights[start : start + size]
        lengths, sums = Lengths(np.full(len(scale), time)), np.repeat(inputs.sums, len(scale), axis=0)
        gradient = network.gradient(Inputs(inputs.vectors * scale[None, :, None], lengths, sums))
        mean += np.tensordot(weight, gradient.astype(np.float64), axes=(0, 1))
    return mean * inputs.vectors[:, 0]


def _told(model: Trained, network: NumpyNetwork, row: IdArray, shares: Array) -> Array:
    """What each token of a row has in the logit, `<float64>[time]`: by its vector, and by the evidence on its n-grams."""
    places = truncated(np.arange(len(row)), model.max_length, model.truncate)
    told = np.zeros(len(row))
    told[places] = shares[:, : shares.shape[1] - network.evidence].sum(axis=1)
    if model.evidence is None:
        return told
    evidence, _ = model.evidence.read(Sequences.from_lists([row]), model.order)
    parts = evidence * network.of_sums / np.sqrt(len(row))
    parts[places] += shares[:, shares.shape[1] - network.evidence :]
    return told + shared_out(parts, model.evidence.lengths(model.order))


@functools.cache
def _legendre(steps: int) -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(steps)


def occlusion(model: Trained, row: IdArray, label: int) -> Array:
    """By how much a class's margin at the temperature falls when a token is left out, `<float64>[time]`; 0 for the start token.

    Source: Li et al. (2016), Understanding neural networks through representation erasure, arXiv. Of texts of more than
    `_SPANS` words, neighbours are left out together and share what comes of it.
    """
    spans = np.array_split(np.arange(1, len(row)), min(_SPANS, len(row) - 1))
    without = [np.delete(row, span) for span in spans]
    whole, *others = margins(model.logits_of_rows([row, *without]), label)
    shares = np.zeros(len(row))
    for span, margin in zip(spans, others, strict=True):
        shares[span] = (whole - margin) / len(span)
    return shares


def running_verdict(model: Trained, ids: IdArray) -> tuple[tuple[int, tuple[float, ...]], ...]:
    """After so many words, the probability of each class: what the model would say if the text ended there.

    Of a network that reads in one direction this is the opinion that its state has at that word.
    """
    ends = np.unique(np.linspace(2, len(ids), min(_POINTS, len(ids) - 1)).round().astype(int))
    probabilities = model.probabilities([ids[:end] for end in ends])
    return tuple(zip((ends - 1).tolist(), map(tuple, probabilities.tolist()), strict=True))


def deletion_curves(texts: Sequence[tuple[Trained, IdArray, Shares]]) -> tuple[DeletionCurve, ...]:
    """What becomes of the verdicts on some texts when words are taken out, by every method and at random.

    Args:
        texts: the model, the tokens that it reads, and each token's shares.
    """
    rng, found = np.random.default_rng(0), dict[str, list[Array]]()
    for model, row, shares in texts:
        methods = shares.by_method
        orders = [np.argsort(-each[1:], kind="stable") for each in methods.values()]
        orders += [rng.permutation(len(row) - 1) for _ in range(_RANDOM_ORDERS)]
        counts = [round(fraction * (len(row) - 1)) for fraction in FRACTIONS]
        rows = [np.delete(row, order[:count] + 1) for order in orders for count in counts]
        watched = class_probabilities(model.logits_of_rows(rows))[:, shares.asked.watched].reshape(len(orders), len(counts))
        for method, probabilities in zip(methods, watched, strict=False):
            found.setdefault(method, []).append(probabilities)
        found.setdefault("random", []).append(watched[len(methods) :].mean(axis=0))
    return tuple(DeletionCurve(method, FRACTIONS, tuple(np.mean(each, axis=0).tolist())) for method, each in found.items())


def faithfulness(model: Trained, reviews: Sequence[IdArray]) -> tuple[DeletionCurve, ...]:
    """Deletion curves over whole reviews, by every method that the model has.

    Raises:
        DivergedError: the model gives a number that is not finite.
    """
    texts = []
    for ids in reviews:
        row = model.row(ids)
        texts.append((model, row, _shares_by_method(model, row, Asked.of(model.logits_of_rows([row])[0]))))
    return deletion_curves(texts)


def _attention(model: Trained, row: IdArray) -> Array | None:
    """The share of its attention that each token gets, `<float32>[time]`; None without attention, and where Keras runs it."""
    if not isinstance(model.model, NumpyNetwork):
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is checked
        weights = model.model.attention(model.readings([row])[0])
    if weights is None:
        return None
    of_row = np.zeros(len(row), weights.dtype)  # what is not read word by word has none
    of_row[truncated(np.arange(len(row)), model.max_length, model.truncate)] = model.finite(weights)
    return of_row
