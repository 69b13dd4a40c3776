"""The studies of a config, and what they will cost: trials and epochs exactly, seconds roughly."""

import heapq
import math
from dataclasses import dataclass

from analysis.search_size import choices, readers_of_evidence, search_size
from config import Choice, Config, LogRange, Range, Training, Tunable
from data.types import Dataset
from models.roster import Roster
from records.errors import ConfigError
from records.study import ALL, YARDSTICKS, Study

# Seconds of one CPU thread, from `python -m benchmarks.recurrent`: a time step of a training batch costs FIXED, and per review
# PER_WEIGHT for each number of the gates' kernels. Read off finished runs: PREDICT per token read.
FIXED, PER_WEIGHT, PREDICT = 50e-6, 1.5e-10, 1.0e-6
MOST_COUNTED = 30_000_000  # tokens of the texts that evidence of two classes is counted of; each takes some 135 bytes
CLASSES_AS_A_TOKEN = 34  # classes beyond the second that take as much, at 4 bytes each
GATES = 3  # of `gru`, to which the costs in the registry are relative
LINEAR_PER_TOKEN = {"linear": 2.5e-6, "nb_linear": 6e-6}  # of training and test reviews, cross-validation included
BY_KERAS = 2.4  # a training step by Keras's own GRU on a CPU, relative to `gru`'s, from `python -m benchmarks.step_cost`
COMPILE, PADDED_CELL = 2.5, 0.3e-6  # a training and a prediction program for one more padded length; a cell of padding, read once


def studies(config: Config, dataset: Dataset) -> list[Study]:
    """Every study, longest first so that the last ones to run are short; the yardsticks come at the end.

    Raises:
        ConfigError: no scope has enough reviews for any point of the learning curve.
    """
    roster, buckets, planned = Roster.of(config), [bucket.name for bucket in dataset.buckets], list[Study]()
    scopes = [scope for scope in (ALL, *buckets) if any(scope in entry.scopes(buckets) for entry in roster.entries)]
    sizes = {scope: _sizes(config, dataset.scope(scope)) for scope in scopes}
    if config.compare.learning_curve and not any(sizes.values()):
        largest = max(dataset.scope(scope).n_labelled for scope in scopes)
        problem = f"expected numbers below {largest}, the training reviews there are, got {config.compare.learning_curve}"
        raise ConfigError(f"compare.learning_curve: {problem}")
    for entry in roster.entries:
        mine = entry.scopes(buckets)
        planned += [Study(entry.id, scope) for scope in mine]
        if entry.control_of is None:
            is_tuned = config.compare.fine_tune and ALL in mine
            planned += [Study(entry.id, bucket, is_fine_tuned=True) for bucket in buckets if is_tuned]
            planned += [Study(entry.id, scope, n_reviews=n) for scope in mine for n in sizes[scope]]
    planned.sort(key=lambda study: -work(study, roster, dataset).seconds)
    return planned + [Study(name, scope, n_reviews=n) for scope in scopes for n in (0, *sizes[scope]) for name in YARDSTICKS]


def _sizes(config: Config, data: Dataset) -> list[int]:
    """The points of a scope's learning curve that are smaller than the scope."""
    return [n for n in config.compare.learning_curve if n < data.n_labelled]


def reference(study: Study, roster: Roster) -> Study | None:
    """The study whose setting this one takes, and which comes first; or None.

    It is the one this one controls, the generalist whose training it goes on with, or the end of its learning curve.
    """
    if study.is_yardstick:
        return None
    if study.is_fine_tuned:
        return Study(study.contender, ALL)
    if study.n_reviews:
        return Study(study.contender, study.bucket)
    controlled = roster[study.contender].control_of
    return Study(controlled, study.bucket) if controlled else None


def only(studies: list[Study], names: list[str], roster: Roster) -> list[Study]:
    """The studies that `CONTENDER`, `BUCKET` or `CONTENDER/BUCKET` names, with their controls and yardsticks; all for no names.

    Raises:
        ConfigError: a name matches nothing; says what exists.
    """
    if not names:
        return studies
    unmatched = [name for name in names if not any(name in _names(study) for study in studies)]
    if unmatched:
        contenders = ", ".join(dict.fromkeys(study.contender for study in studies))
        buckets = ", ".join(dict.fromkeys(study.bucket for study in studies))
        raise ConfigError(
            f"--only: {', '.join(unmatched)} matches no study of this profile; "
            f"contenders: {contenders}; buckets: {buckets}; write CONTENDER, BUCKET or CONTENDER/BUCKET"
        )
    chosen = [study for study in studies if not _names(study).isdisjoint(names)]
    before = {study: reference(study, roster) for study in studies}
    chosen += [study for study in dict.fromkeys(before[study] for study in chosen) if study and study not in chosen]
    chosen += [study for study in studies if before[study] in chosen and study not in chosen]
    yardsticks = [study for study in studies if study.is_yardstick and study.bucket in {s.bucket for s in chosen}]
    return chosen + [study for study in yardsticks if study not in chosen]


def _names(study: Study) -> set[str]:
    """What a person may call it."""
    return {study.contender, study.bucket, study.id}


@dataclass(frozen=True)
class Work:
    """What one study will take."""

    trials: int
    epochs: int  # at most: early stopping and pruning usually end sooner
    seconds: float  # of one worker, roughly, with the epochs that are usual


def reviews_of(study: Study, dataset: Dataset) -> Dataset:
    """What a study reads: the reviews of its scope, all of its test reviews, and only the first `n_reviews` to learn from.

    Raises:
        DataError: the dataset has no bucket of this name.
    """
    data = dataset.scope(study.bucket)
    return data.first(study.n_reviews) if study.n_reviews else data


def work(study: Study, roster: Roster, dataset: Dataset) -> Work:
    """Trials, epochs and a rough number of seconds on one CPU thread."""
    data = reviews_of(study, dataset)
    train, test = (float(part.sequences.lengths.clip(max=data.max_length).sum()) for part in (data.train, data.test))
    if study.is_yardstick:
        whole = data.train.sequences.lengths.sum() + data.test.sequences.lengths.sum()
        return Work(0, 0, float(whole) * LINEAR_PER_TOKEN[study.contender])
    entry = roster[study.contender]
    config, n_repeats = entry.config, repeats(study, roster)
    has_setting = reference(study, roster) is not None
    trials, most_epochs = (0, 0) if has_setting else search_size(config.space, config.search)
    batch, step = _typical_step(config)
    each = final_epochs(config.training, len(data.train), batch)
    epochs = _searched_epochs(config, trials) + n_repeats * _typical_epochs(config.training, each)
    seconds = train / batch * step * epochs + test * PREDICT * n_repeats
    cost = entry.registered.cost * (BY_KERAS if entry.control_of else 1)
    return Work(trials, most_epochs + n_repeats * each, seconds * cost + COMPILE * _shapes(config, trials))


def refuse_large_evidence(planned: list[Study], roster: Roster, dataset: Dataset) -> None:
    """Refuse to count n-grams of more texts than memory is likely to hold, before anything trains.

    Raises:
        ConfigError: says which setting takes fewer.
    """
    readers = {entry.id for entry in readers_of_evidence(roster)}
    labelled = [dataset.train.sequences, dataset.validation.sequences]
    tokens = sum(int(texts.offsets[-1]) for texts in (*labelled, dataset.unused, dataset.unlabelled))
    most = MOST_COUNTED / (1 + (len(dataset.classes) - 2) / CLASSES_AS_A_TOKEN)
    if tokens <= most or not any(study.contender in readers for study in planned):
        return
    mean = max(1, sum(int(texts.offsets[-1]) for texts in labelled) // max(1, dataset.n_labelled))
    limit = 10 ** int(math.log10(most / 3 / mean / len(dataset.buckets)))
    ways = [f"data.max_train_per_bucket={limit}"] + (["data.unlabelled=False"] if len(dataset.unlabelled) else [])
    raise ConfigError(
        f"space.evidence: n-grams are counted in memory, of {most / 10**6:.0f} million tokens at most, and there are "
        f"{tokens // 10**6} million to learn from: --set {' '.join(ways)} takes fewer, space.evidence=0 counts none"
    )


def cost_of_rung(config: Config, *, stops_early: bool) -> float:
    """What compiling every network for one more padded length costs, in padded cells of one epoch.

    Args:
        config: of the run.
        stops_early: whether the recurrence ends with the longest review of a batch; else a padded cell costs like a token.
    """
    trials = search_size(config.space, config.search).trials
    batch, step = _typical_step(config)
    of_cell = PADDED_CELL if stops_early else step / batch
    training = config.training
    epochs = _searched_epochs(config, trials) + training.repeats * _typical_epochs(training, training.epochs)
    return COMPILE * _shapes(config, trials) / (of_cell * epochs)


def _typical_step(config: Config) -> tuple[float, float]:
    """Reviews a training batch, and the seconds of a time step of a GRU over them, for typical values of the space."""
    batch, units, features = map(_typical, (config.space.batch_size, config.space.units, config.space.embedding_dim))
    readings = 2 if _typical(config.space.adversarial) else 1  # of each batch
    return batch, readings * (FIXED + PER_WEIGHT * batch * GATES * units * (units + features))


def _shapes(config: Config, trials: int) -> float:
    """How many networks of different shapes the trials, or one chosen setting, need at most."""
    shapes = math.prod(choices(getattr(config.space, name)) for name in ("units", "embedding_dim", "batch_size"))
    return min(shapes, max(trials, 1))


def final_epochs(training: Training, reviews: int, batch_size: float) -> int:
    """Epochs of a final training on so many reviews, at most."""
    return max(training.epochs, math.ceil(training.min_steps / math.ceil(reviews / batch_size)))


def _searched_epochs(config: Config, trials: int) -> int:
    """How many epochs so many trials of a study usually take: early stopping ends each at twice its patience or so."""
    search = config.search
    if search.tuner == "hyperband":
        return search_size(config.space, search).epochs if trials else 0
    return trials * min(search.epochs, 2 * search.patience)


def _typical_epochs(training: Training, most: int) -> int:
    """How many epochs one final training of so many at most usually takes."""
    return most if training.keep == "last" else min(most, 2 * training.patience)


def wall_seconds(seconds: list[float], workers: int) -> float:
    """How long `workers` workers take for studies of these lengths, each free worker taking the next."""
    busy = [0.0] * max(1, workers)
    for length in seconds:
        heapq.heapreplace(busy, busy[0] + length)
    return max(busy)


def _typical(tunable: Tunable) -> float:
    match tunable:
        case Choice(values=values):
            return sum(values) / len(values)
        case Range(low=low, high=high):
            return (low + high) / 2
        case LogRange(low=low, high=high):
            return math.sqrt(low * high)
    return tunable


def repeats(study: Study, roster: Roster) -> int:
    """How many final trainings a study has: a yardstick and a control have one."""
    if study.is_yardstick or roster[study.contender].control_of:
        return 1
    return roster[study.contender].config.training.repeats
