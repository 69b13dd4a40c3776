"""One pass over texts: in this process, or, where they are many, in one process a core. What comes out is the same."""

import logging
import multiprocessing
import os
import signal
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TypeVar

import numpy as np

from data.growing import Growing
from data.tokenizer import Tokenizer
from data.types import Sequences
from data.vocabulary import Vocabulary

MANY = 20_000_000  # characters, from which on other processes are worth their start; they take 3 s by one
CHUNK, LONGEST_CHUNK = 4_000, 8_000_000  # texts, and characters, that are read at a time; one text may be longer
MOST_PROCESSES = 16  # this one has no more to do than so many
Found = TypeVar("Found")
_Numbered = tuple[list[str], np.ndarray, np.ndarray]
log = logging.getLogger(__name__)


class Numbering:
    """Numbers for tokens, in the order in which they are first met. 0 stands for the start of a text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """No token is known yet."""
        self._tokenizer = tokenizer
        self._numbers: defaultdict[str, int] = defaultdict()
        self._numbers.default_factory = lambda: len(self._numbers) + 1

    @property
    def tokens(self) -> list[str]:
        """The tokens of the numbers 1, 2, ..."""
        return list(self._numbers)

    def number(self, texts: Sequence[str]) -> Sequences:
        """The numbers of the tokens of each text, each beginning with 0."""
        values, lengths = Growing(np.int32), [np.zeros(1, np.int64)]
        for tokens, local, each in over_chunks(partial(_number, self._tokenizer), texts):
            known = np.fromiter(map(self._numbers.__getitem__, tokens), np.int32, len(tokens))
            values.append(np.concatenate([np.zeros(1, np.int32), known])[local])
            lengths.append(each)
        return Sequences(values.whole(), np.cumsum(np.concatenate(lengths)))


def _number(tokenizer: Tokenizer, texts: Sequence[str]) -> _Numbered:
    """The tokens of some texts, each once; the numbers of all of them, from 1, behind a 0 for each text; and their counts."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = lambda: len(numbers) + 1
    found = [np.fromiter(map(numbers.__getitem__, tokens), np.int32, len(tokens)) for tokens in map(tokenizer, texts)]
    numbers.default_factory = None  # which knows the numbers: a circle, that only the garbage collector would find, in time
    start = np.zeros(1, np.int32)
    lengths = np.array([1 + len(each) for each in found], np.int64)
    return list(numbers), np.concatenate([part for each in found for part in (start, each)]), lengths


def encode(vocabulary: Vocabulary, texts: Sequence[str]) -> Sequences:
    """The ids of each text."""
    values, lengths = Growing(np.int32), [np.zeros(1, np.int64)]
    for ids, each in over_chunks(partial(_encode, vocabulary), texts):
        values.append(ids)
        lengths.append(each)
    return Sequences(values.whole(), np.cumsum(np.concatenate(lengths)))


def _encode(vocabulary: Vocabulary, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    found = [vocabulary.encode(text) for text in texts]
    return np.concatenate(found), np.array([len(each) for each in found], np.int64)


def over_chunks(work: Callable[[Sequence[str]], Found], texts: Sequence[str]) -> Iterator[Found]:
    """What some work makes of the texts, some thousand of them at a time, or fewer long ones, in their order.

    Args:
        work: that another process can import.
        texts: of which two or three chunks a process are held in memory.
    """
    chunks = _chunks(texts)
    processes = min(MOST_PROCESSES, _cores())
    if processes < 2 or len(texts) < 2 or _characters(texts) < MANY:
        yield from map(work, chunks)
        return
    waiting: deque[Callable[[], Found]] = deque()
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _leave_interrupts) as pool:
        for chunk in chunks:
            waiting.append(_begun(pool, work, chunk))
            if len(waiting) > 2 * processes:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    chunk, characters = list[str](), 0
    for text in texts:
        chunk.append(text)
        characters += len(text)
        if len(chunk) == CHUNK or characters > LONGEST_CHUNK:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _leave_interrupts() -> None:
    """Ctrl-C is for the process that asks; this one ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _begun(pool: ProcessPoolExecutor, work: Callable[[Sequence[str]], Found], chunk: Sequence[str]) -> Callable[[], Found]:
    """What gives the result of some work that another process does, or this one, where there is no other any more."""
    try:
        future = pool.submit(work, chunk)
    except BrokenProcessPool:
        return lambda: work(chunk)

    def result() -> Found:
        try:
            return future.result()
        except BrokenProcessPool:  # they were ended, for want of memory perhaps, or cannot start, as below an interactive Python
            log.debug("a process that reads texts has ended; this one goes on")
            return work(chunk)

    return result


def _characters(texts: Sequence[str]) -> float:
    """About how many all texts have together."""
    some = texts[:: 1 + len(texts) // 100]
    return len(texts) * sum(map(len, some)) / len(some)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
