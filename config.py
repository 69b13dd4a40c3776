"""What to run: the file to edit. Profiles stand at the end; `python main.py PROFILE` runs one.

Three headings, after Google's tuning playbook: what is *compared* (the scientific question), what is *tuned* for each
contender (the nuisance hyperparameters), and what is *fixed* for all of them. Standard library only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

# -- ranges: plain records; only tuner.py knows Keras Tuner ------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """One of the given values, without order."""

    values: tuple[int | float, ...]

    def __init__(self, *values: int | float) -> None:
        object.__setattr__(self, "values", values)

    def __repr__(self) -> str:
        return f"Choice({', '.join(map(repr, self.values))})"  # as it is written in this file


@dataclass(frozen=True)
class Range:
    """A number from low to high, both included, in steps."""

    low: int | float
    high: int | float
    step: int | float


@dataclass(frozen=True)
class LogRange:
    """A real number from low to high, uniform in its logarithm."""

    low: float
    high: float


Tunable = Choice | Range | LogRange | int | float  # a plain number is not searched


# -- compared ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contender:
    """An architecture with settings of its own: `Contender("gru", "GRU, last state", set={"model.pooling": "last"})`."""

    architecture: str  # a name in models/registry.py
    title: str = ""  # what it is called in tables and figures; "" = made of the architecture and the settings
    set: Mapping[str, Any] = field(default_factory=dict)  # `section.field` of space, search, model, training, vectors -> value
    scope: Literal["", "bucket", "all", "both"] = ""  # in place of compare.scope
    parent: str = ""  # id or title of what it is an ablation of; "" = the architecture's plain entry, if there is one

    @property
    def label(self) -> str:
        """Its title, or else its architecture and what is its own: `gru, pooling=last`."""
        own = dict(self.set) | ({"compare.scope": self.scope} if self.scope else {})
        return self.title or ", ".join([self.architecture, *(f"{name.partition('.')[2]}={own[name]}" for name in own)])

    @property
    def id(self) -> str:
        """Its name in commands, folders and tables, the label in letters, digits and underscores: `gru_last_state`."""
        return re.sub(r"[^a-z0-9]+", "_", self.label.lower()).strip("_")


@dataclass(frozen=True, kw_only=True)
class Compare:
    """The question: which architectures, on which lengths, trained on what."""

    # Names in models/registry.py, or Contender(...)s. Where both stand plainly, `gru` is trained once with Keras's own layer, as
    # the control of `custom_gru`: with its settings and seeds, outside all comparisons.
    architectures: tuple[str | Contender, ...] = ("simple_rnn", "lstm", "gru", "custom_gru")
    # Last length of each bucket but the open last one, in tokens, () for one bucket; auto: (129, 175, 284, 597) for lengths like
    # IMDB's, for others up to five quantiles of the training lengths, merged until every bucket can be trained on.
    bucket_edges: tuple[int, ...] | Literal["auto"] = "auto"
    bucket_quantiles: int = 0  # n > 0: n buckets of equal size instead of the edges, from the training lengths
    scope: Literal["bucket", "all", "both"] = "bucket"  # a specialist per bucket, one generalist, or both
    cross_lengths: bool = False  # also test every bucket's specialist on the other buckets' test reviews
    fine_tune: bool = False  # also train each generalist on with each bucket's own reviews
    learning_curve: tuple[int, ...] = ()  # also train the chosen setting on so many reviews (with validation) of larger scopes

    @property
    def scopes(self) -> frozenset[str]:
        """What the contenders train on, each by its own scope or by `scope`."""
        return frozenset((each.scope if isinstance(each, Contender) else "") or self.scope for each in self.architectures)


def rungs(*steps: tuple[str, str, Mapping[str, Any]]) -> tuple[Contender, ...]:
    """A ladder of contenders: each has the settings of all before it beside its own, and the one before it for its parent.

    Args:
        steps: the architecture, the title and the own settings of each.
    """
    ladder: list[Contender] = []
    settings: Mapping[str, Any] = {}
    for architecture, title, own in steps:
        settings = {**settings, **own}
        ladder.append(Contender(architecture, title, set=settings, parent=ladder[-1].title if ladder else ""))
    return tuple(ladder)


# -- tuned -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Space:
    """The ranges of the hyperparameters that every study tunes for itself."""

    units: Tunable = Choice(32, 64, 128)  # width of the recurrent state
    embedding_dim: Tunable = Choice(32, 64, 128)  # width of a word's vector
    dropout: Tunable = Range(0.1, 0.5, 0.1)  # share of pooled features dropped
    spatial_dropout: Tunable = 0.0  # share of embedding channels dropped for a whole review
    adversarial: Tunable = 0.0  # distance that vectors are moved against the network, in their root mean square; 2 x the time
    # What training labels say about the n-grams of up to so many words that end at each word, beside its vector; 0 (none) to 3.
    evidence: Tunable = 0
    learning_rate: Tunable = LogRange(1e-4, 1e-2)  # Adam's initial step size
    batch_size: Tunable = 32  # reviews per training step


@dataclass(frozen=True, kw_only=True)
class Search:
    """How the space is searched: one Keras Tuner search per study, on validation reviews only."""

    tuner: Literal["random", "bayesian", "hyperband"] = "random"  # Keras Tuner's oracles
    max_trials: int = 10  # settings tried per study; hyperband derives its own number from `epochs`
    epochs: int = 15  # at most, per trial
    patience: int = 3  # training.keep=best: epochs without a better validation loss before a trial stops
    # What decides between trials; macro-F1 is the mean over the classes of F1, where accuracy is that of the frequent ones.
    objective: Literal["val_loss", "val_accuracy", "val_macro_f1"] = "val_loss"
    pruning: Literal["median", "none"] = "median"  # stop a trial that does worse than the median of those before it
    # Settings to try before the tuner's own, in whole or in part, such as ({"units": 64},); they count among max_trials, and the
    # tuner draws what they leave open. Not for hyperband.
    first: tuple[Mapping[str, float | int], ...] = ()


# -- fixed -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which reviews, and how they become sequences."""

    source: str = "auto"  # auto (imdb, else demo) | imdb | demo | a path: imdb.npz or its folder, any table, a folder of texts
    encoding: str = "auto"  # of a table: auto finds it out | a name that Python knows, such as utf-8 or cp1252
    separator: str = "auto"  # of a table's cells: auto finds it out | one character | tab | space
    quoting: Literal["auto", "none"] = "auto"  # none: quotation marks in a table are characters like others
    columns: str = ""  # names for a table without a first row of names, by position: label,id,-,text (- is not read)
    text_column: str = "auto"  # of a table: auto finds it by name or content | its name | several are joined: title+body
    label_column: str = "auto"  # of a table: auto finds it by name or content | its name
    split_column: str = "auto"  # of a table, train/validation/test: auto takes one of such words | its name | "" draws the parts
    group_column: str = ""  # of a table: reviews of one film or user, say, are drawn into one part
    time_column: str = ""  # of a table: the latest reviews are the test part, the latest of the rest validation
    # Classes of a table's labels in one line: 1,2=negative 4,5=positive 3=- (- leaves out, * is every other label, 1-3 a range),
    # or their order: bad ok good. Between quotation marks all characters stand for themselves: "drama,comedy"=x.
    # "" = every label is a class, in the order of known pairs, else of numbers or the alphabet.
    labels: str = ""
    label_edges: tuple[float, ...] = ()  # cut a table's numbers into classes: (2.5,) gives two, up to 2.5 and over it
    max_bad_rows: float = 0.01  # share of a table's rows that may be left out because they do not fit; more are an error
    # What a token is (docs/data.md): words of any language; characters, where it is written without spaces; subwords, vocab_size
    # pieces learned on the training texts (EXTRAS=subwords); imdb: words as in Keras IMDB. auto: whichever the texts need.
    tokens: Literal["auto", "imdb", "words", "subwords", "characters"] = "auto"
    mask_links: bool = True  # every web address is the token http and every mention the token @user; not with tokens=imdb
    word_index: str = ""  # path of a word -> rank JSON for sources of texts; "" = vocabulary from the training part
    vocab_size: int = 20_000  # ids below this are kept, rarer words become out-of-vocabulary; linear sees all words
    min_frequency: int = 1  # rarer words of a vocabulary built from the training part are out-of-vocabulary
    max_length: int = 2_500  # tokens a network reads of a longer review; buckets go by the whole length
    unlabelled: bool = False  # learn words, their vectors and pseudo-labels from unlabelled reviews too (aclImdb; split unsup)
    truncate: Literal["head", "tail", "both"] = "tail"  # which part of a longer review is kept
    test_fraction: float = 0.2  # drawn when the source has no test part of its own
    validation_fraction: float = 0.1  # carved from the training part, stratified by bucket and label, unless the source has one
    # Cross-validation: the whole run once a fold, each tested on reviews of its own, and a page on all of them. The parts that a
    # table has are not used.
    folds: int = 0  # 0: none; 5 are usual
    fold: int = 0  # which of the folds this run tests on; 0: all of them, one run each
    max_train_per_bucket: int = 0  # n > 0: a stratified subsample of at most n training reviews, carved validation included
    drop_leaked: bool = False  # take texts that also stand in the test part out of training
    demo_reviews: int = 4_000  # size of the generated demo corpus, one third of it test


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """The word vectors that every network starts from; their width is `space.embedding_dim`."""

    source: str = "random"  # random | learned (from the training texts, no labels) | path of a GloVe or word2vec text file
    method: Literal["svd", "word2vec"] = "svd"  # learned: counts of near words, seconds | skip-gram, minutes (EXTRAS=word2vec)
    window: int = 5  # learned: words on either side that tell about a word
    epochs: int = 5  # learned by word2vec: passes over the texts
    # First epochs of a training that leave them, and learned ones of pairs, as they are; training.epochs or more: for good.
    frozen_epochs: int = 0


@dataclass(frozen=True, kw_only=True)
class Model:
    """The network around every recurrent body."""

    # How the states become one vector; padding never counts. (`attention_gru`, `mean_simple_rnn` and `transformer`, and
    # architectures named like them, have a pooling of their own.)
    pooling: Literal["last", "mean", "max", "mean_max", "attention"] = "mean"
    bigrams: int = 0  # n > 0: pairs of neighbouring words have vectors too, in a table of n rows where a hash finds theirs
    bigram_dim: int = 32  # width of those vectors; learned by svd as the words' are, numbers beyond space.embedding_dim are 0
    # Evidence also from texts without labels, those of other buckets among them, with labels that a linear model of the study's
    # own training reviews guesses (self-training).
    pseudo_labels: bool = False


@dataclass(frozen=True, kw_only=True)
class Training:
    """The final training of a study's chosen setting (trials share everything but epochs, min_steps and patience)."""

    epochs: int = 50  # at most
    min_steps: int = 0  # more epochs than that where they would be fewer training steps: for small buckets
    keep: Literal["best", "last"] = "best"  # the weights of the epoch with the lowest validation loss, or of the last epoch
    patience: int = 5  # best: epochs without a better validation loss before stopping
    schedule: Literal["plateau", "linear"] = "plateau"  # of the learning rate; linear: to 0 over all epochs, of trials too
    reduce_patience: int = 2  # plateau: epochs without a better validation loss before the learning rate falls
    reduce_factor: float = 0.5  # plateau: by which it falls
    # balanced: all reviews of a class together count as much as those of any other, for linear models too. Rare classes are found
    # more often, and probabilities lean to them.
    class_weights: Literal["none", "balanced"] = "none"
    clip_norm: float = 1.0  # largest global norm of the gradient
    fine_tuning_rate: float = 0.1  # of the chosen learning rate, where a generalist is trained on with a bucket's reviews
    repeats: int = 3  # final trainings of the chosen setting, each with its own seed


@dataclass(frozen=True, kw_only=True)
class Run:
    """What holds for the whole run."""

    seed: int = 1  # everything random derives from it
    device: Literal["auto", "cpu", "gpu"] = "auto"  # auto: GPUs where there are any
    backend: Literal["tensorflow", "jax"] = "tensorflow"  # of Keras; jax is an extra: see docs/speed.md
    engine: Literal["auto", "keras", "custom"] = "auto"  # recurrent layers; auto: Keras's on a GPU, from scratch on a CPU
    checkpoints: Literal["all", "best"] = "all"  # keep every repeat's model, or the best repeat's by validation loss


@dataclass(frozen=True, kw_only=True)
class Config:
    """One experiment. Its hash, with the data's and the libraries' versions, names the run folder."""

    compare: Compare = field(default_factory=Compare)
    space: Space = field(default_factory=Space)
    search: Search = field(default_factory=Search)
    data: Data = field(default_factory=Data)
    vectors: Vectors = field(default_factory=Vectors)
    model: Model = field(default_factory=Model)
    training: Training = field(default_factory=Training)
    run: Run = field(default_factory=Run)

    def plain(self) -> dict[str, Any]:
        """The config as plain JSON values: ranges as they are written in this file, contenders by their fields."""
        sections = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            name: {item.name: _plain(getattr(section, item.name)) for item in fields(section)}
            for name, section in sections.items()
        }

    def value(self, name: str) -> Any:
        """What stands in `section.field`."""
        section, _, key = name.partition(".")
        return getattr(getattr(self, section), key)

    def changed(self, name: str, value: Any) -> "Config":
        """A copy with another value for `section.field`."""
        section, _, key = name.partition(".")
        return replace(self, **{section: replace(getattr(self, section), **{key: value})})


def _plain(value: Any) -> Any:
    match value:
        case tuple():
            return [_plain(each) for each in value]
        case Contender():
            return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
        case Mapping():
            return {name: _plain(each) for name, each in value.items()}
        case int() | float() | str():
            return value
    return repr(value)


# -- profiles ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A config with a name, and what it cost and reached when it was measured on 2 cores, with the reviews of its source."""

    note: str  # what it compares
    minutes: str  # of wall time
    accuracy: str  # on the test reviews
    config: Config


PROFILES: dict[str, Profile] = {
    "quick": Profile(
        note=(
            "three networks on five length buckets, at most 1,500 training reviews a bucket, with evidence, pooling and learned "
            "word vectors; a GRU without any of that, and one generalist"
        ),
        minutes="3.2",
        accuracy=(
            "networks 86 to 90 %, GRU without evidence 73 to 78 %, linear models 84 to 87 %; of all lengths 90 to 92 % and "
            "88 to 90 %"
        ),
        config=Config(
            compare=Compare(
                architectures=(
                    "simple_rnn",
                    "lstm",
                    "custom_gru",
                    "gru",
                    Contender(
                        "gru",
                        "GRU, last state, nothing else",
                        set={
                            "space.evidence": 0,
                            "space.learning_rate": 3e-3,
                            "model.pooling": "last",
                            "vectors.source": "random",
                            "vectors.frozen_epochs": 0,
                        },
                    ),
                    Contender(
                        "bidirectional_gru",
                        "Bidirectional GRU of all lengths",
                        scope="all",
                        set={"space.learning_rate": 6e-3, "space.adversarial": 2.5},
                    ),
                )
            ),
            space=Space(
                units=32,
                embedding_dim=64,
                dropout=0.3,
                spatial_dropout=0.2,
                evidence=3,
                learning_rate=Choice(6e-3, 1e-2),
                batch_size=64,
            ),
            search=Search(max_trials=2, epochs=2),
            data=Data(vocab_size=20_000, max_length=300, validation_fraction=0.2, max_train_per_bucket=1_500),
            vectors=Vectors(source="learned", frozen_epochs=100),
            model=Model(pooling="mean_max", pseudo_labels=True),
            training=Training(epochs=8, schedule="linear", keep="last", repeats=1),
        ),
    ),
    # The setting was chosen on validation reviews (docs/log/2026-11-28.md).
    "ladder": Profile(
        note="what each means is worth: a SimpleRNN's last state, and one means more from rung to rung, on five length buckets",
        minutes="13",
        accuracy="54 to 74 % on the lowest rung, 88 to 91 % on the highest, linear models 85 to 89 %, means of 3 repeats",
        config=Config(
            compare=Compare(
                architectures=rungs(
                    ("simple_rnn", "SimpleRNN, last state", {}),
                    ("gru", "GRU, last state", {}),
                    ("gru", "+ pooling", {"model.pooling": "mean_max"}),
                    ("gru", "+ learned word vectors", {"vectors.source": "learned", "vectors.frozen_epochs": 100}),
                    ("gru", "+ evidence", {"space.evidence": 3, "space.learning_rate": 6e-3}),
                    ("gru", "+ pseudo-labels", {"model.pseudo_labels": True}),
                    ("bidirectional_gru", "+ two directions", {}),
                    ("bidirectional_gru", "+ adversarial training", {"space.adversarial": 2.5}),
                )
            ),
            space=Space(
                units=32,
                embedding_dim=64,
                dropout=0.3,
                spatial_dropout=0.2,
                learning_rate=3e-3,
                batch_size=64,
            ),
            data=Data(source="imdb", max_length=300, validation_fraction=0.2, max_train_per_bucket=2_500),
            model=Model(pooling="last"),
            training=Training(epochs=8, min_steps=250, schedule="linear", keep="last"),
        ),
    ),
    # Everything that is not named here is this file's default.
    "study": Profile(
        note=(
            "the published experiment: SimpleRNN, LSTM, GRU and the GRU from scratch on all reviews, 10 trials "
            "of 15 epochs, 3 repeats of 50 epochs, last state"
        ),
        minutes="174",
        accuracy="networks 53 to 86 %, linear yardstick 85 to 89 %, means of 3 repeats",
        config=Config(
            data=Data(source="imdb"),
            model=Model(pooling="last"),
        ),
    ),
    # `study` with the means of `quick`: evidence, pooling, learned word vectors; a search of its own.
    "study_evidence": Profile(
        note=(
            "the published experiment with evidence: the same architectures and reviews, with pseudo-labels, pooling and learned "
            "word vectors; 4 trials of 2 epochs, 3 repeats of 6"
        ),
        minutes="15",
        accuracy="networks 86 to 92 %, linear models 85 to 90 %, means of 3 repeats",
        config=Config(
            space=Space(
                units=Choice(32, 64),
                embedding_dim=64,
                dropout=Range(0.1, 0.5, 0.1),
                spatial_dropout=0.2,
                evidence=3,
                learning_rate=LogRange(2e-3, 1e-2),
                batch_size=64,
            ),
            search=Search(max_trials=4, epochs=2),
            data=Data(source="imdb"),
            vectors=Vectors(source="learned", frozen_epochs=100),
            model=Model(pooling="mean_max", pseudo_labels=True),
            training=Training(epochs=6, min_steps=250, schedule="linear", keep="last"),
        ),
    ),
    "all_architectures": Profile(
        note=(
            "seven architectures, at most 1,500 training reviews a bucket, with evidence, pooling and learned word vectors, "
            "3 trials"
        ),
        minutes="5.8",
        accuracy="networks 86 to 91 %, linear models 84 to 87 %",
        config=Config(
            compare=Compare(
                architectures=(
                    "simple_rnn",
                    "lstm",
                    "gru",
                    "custom_gru",
                    "bidirectional_lstm",
                    "bidirectional_gru",
                    "stacked_bidirectional_lstm",
                )
            ),
            space=Space(
                units=32,
                embedding_dim=64,
                dropout=Choice(0.2, 0.4),
                spatial_dropout=0.2,
                evidence=3,
                learning_rate=Choice(3e-3, 6e-3, 1e-2),
                batch_size=64,
            ),
            search=Search(max_trials=3, epochs=2),
            data=Data(max_length=300, validation_fraction=0.2, max_train_per_bucket=1_500),
            vectors=Vectors(source="learned", frozen_epochs=100),
            model=Model(pooling="mean_max", pseudo_labels=True),
            training=Training(epochs=8, schedule="linear", keep="last", repeats=1),
        ),
    ),
    # The setting was chosen on validation reviews (docs/log/2026-11-28.md).
    "best": Profile(
        note=(
            "one bidirectional GRU trained on all reviews: evidence, pooling, learned word vectors, adversarial "
            "training; 3 repeats of 6 epochs"
        ),
        minutes="42, beside other work",
        accuracy="93.3 % of all test reviews, linear models 90.8 and 91.7 %, means of 3 repeats",
        config=Config(
            compare=Compare(architectures=("bidirectional_gru",), scope="all"),
            space=Space(
                units=128,
                embedding_dim=100,
                dropout=0.3,
                spatial_dropout=0.2,
                adversarial=2.5,
                evidence=3,
                learning_rate=4e-3,
                batch_size=64,
            ),
            data=Data(source="imdb", vocab_size=30_000, max_length=600, validation_fraction=0.05),
            vectors=Vectors(source="learned", frozen_epochs=100),
            model=Model(pooling="mean_max"),
            training=Training(epochs=6, schedule="linear", keep="last"),
        ),
    ),
    "specialists": Profile(
        note=(
            "a SimpleRNN, a bidirectional one and a bidirectional GRU a bucket, trained on all of that bucket's reviews only: "
            "evidence, pseudo-labels, pooling, learned word vectors; 3 repeats"
        ),
        minutes="14",
        accuracy="bidirectional GRU 89 to 93 %, SimpleRNN 86 to 92 %, linear models 85 to 90 %, means of 3 repeats",
        config=Config(
            compare=Compare(architectures=("simple_rnn", "bidirectional_simple_rnn", "bidirectional_gru")),
            space=Space(
                units=64,
                embedding_dim=64,
                dropout=0.3,
                spatial_dropout=0.2,
                evidence=3,
                learning_rate=6e-3,
                batch_size=64,
            ),
            data=Data(source="imdb", vocab_size=30_000, max_length=600),
            vectors=Vectors(source="learned", frozen_epochs=100),
            model=Model(pooling="mean_max", pseudo_labels=True),
            training=Training(epochs=6, min_steps=250, schedule="linear", keep="last"),
        ),
    ),
    "simple_rnn": Profile(
        note=(
            "what a SimpleRNN's last state forgets, and what another start and pooling give back, a GRU beside "
            "it; run it with --only 598-end and EXTRAS=word2vec"
        ),
        minutes="18 with --only 598-end, one worker and other work beside it",
        accuracy="networks 55 to 74 %, linear yardstick 85 %, means of 3 repeats",
        config=Config(
            compare=Compare(
                architectures=(
                    "simple_rnn",
                    "identity_simple_rnn",
                    "mean_simple_rnn",
                    "mean_max_simple_rnn",
                    "gru",
                )
            ),
            space=Space(
                units=64,
                embedding_dim=100,
                dropout=0.3,
                spatial_dropout=0.2,
                learning_rate=Choice(5e-4, 2e-3),
                batch_size=32,
            ),
            search=Search(max_trials=2, epochs=4),
            data=Data(source="imdb", vocab_size=30_000, max_length=600),
            vectors=Vectors(source="learned", method="word2vec"),
            model=Model(pooling="last", bigrams=200_000, bigram_dim=16),
            training=Training(epochs=6, min_steps=450, schedule="linear", keep="last"),
        ),
    ),
    "learning_curve": Profile(
        note="SimpleRNN, LSTM, GRU and Transformer with evidence, and a GRU without, on 500 to 25,000 reviews; 3 repeats",
        minutes="68, with twice as much other work beside it",
        accuracy=(
            "networks 82 to 85 % of 500 reviews and 91 to 92 % of 25,000, a GRU without evidence 83 and 88 %, linear models "
            "82 to 83 and 91 to 92 %, means of 3 repeats"
        ),
        config=Config(
            compare=Compare(
                architectures=(
                    "simple_rnn",
                    "lstm",
                    "gru",
                    Contender("transformer", "Transformer encoder", set={"space.learning_rate": 2e-3}),
                    Contender("gru", "GRU without evidence", set={"space.evidence": 0, "space.learning_rate": 3e-3}),
                ),
                scope="all",
                learning_curve=(500, 1_000, 2_500, 5_000, 10_000),
            ),
            space=Space(
                units=32,
                embedding_dim=64,
                dropout=0.3,
                spatial_dropout=0.2,
                evidence=3,
                learning_rate=6e-3,
                batch_size=64,
            ),
            data=Data(source="imdb", max_length=300),
            vectors=Vectors(source="learned", frozen_epochs=100),
            model=Model(pooling="mean_max"),
            training=Training(epochs=4, min_steps=250, schedule="linear", keep="last"),
        ),
    ),
    # On a CPU `gru` is the layer written from scratch; `custom_gru` would be the same network again.
    "classics": Profile(
        note=("set-ups of widely read tutorials: 10,000 words, the first 256 tokens, 256 units, last state; 3 repeats"),
        minutes="300, beside other work",
        accuracy="networks 85.0 to 87.2 %, linear yardstick 90.8 %, means of 3 repeats",
        config=Config(
            compare=Compare(architectures=("lstm", "gru", "bidirectional_gru", "stacked_bidirectional_lstm"), scope="all"),
            space=Space(units=256, embedding_dim=128, dropout=0.5, learning_rate=1e-3, batch_size=64),
            data=Data(source="imdb", vocab_size=10_002, max_length=256, truncate="head"),
            model=Model(pooling="last"),
            training=Training(epochs=5),
        ),
    ),
    "smoke": Profile(
        note="two architectures and a control on the demo corpus, for tests",
        minutes="under 1",
        accuracy="linear yardstick 54 and 58 %",
        config=Config(
            compare=Compare(architectures=("simple_rnn", "gru", "custom_gru"), bucket_edges=(150,)),
            space=Space(units=16, embedding_dim=16, dropout=0.1, learning_rate=Choice(1e-2, 2e-2)),
            search=Search(max_trials=2, epochs=1, patience=1),
            data=Data(source="demo", demo_reviews=1_500, max_length=100),
            model=Model(pooling="max"),
            training=Training(epochs=5, patience=3, repeats=1),
        ),
    ),
}
