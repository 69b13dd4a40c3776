"""What runs inside the processes of `benchmarks.recurrent`: one library each, prepared and timed when asked.

The interpreter may be one that has PyTorch and no Keras. This module therefore imports nothing that such an interpreter
may lack before it knows which backend it serves.
"""

import functools
import gc
import importlib
import importlib.metadata
import itertools
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.recurrent_contenders import BLOCK, CELLS, CONTENDERS, FEATURES, Cell, Contender, Size

VOCABULARY = 10_000
PRODUCT = (4800, 64, 192)  # all input steps of a GRU at once: 32 x 150 rows, 64 features, 3 x 64 units
Batch = tuple[np.ndarray, np.ndarray]  # token ids `<int32>[batch, time]` and labels `<float32>[batch, 1]`
Run = Callable[[list[Batch]], object]  # does one step with each batch and returns when they are done


def serve(backend: str, threads: int) -> None:
    """Answer the questions on standard input, one JSON array a line, until it is closed.

    Args:
        backend: `tensorflow`, `jax` or `torch`; the environment is already set for it.
        threads: how many PyTorch may use; the others read it from the environment.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is not an answer
    try:
        server = _Server(_Torch(threads) if backend == "torch" else _Keras(backend))
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": error.name}), file=answers)
        return
    print(json.dumps({"versions": server.versions}), file=answers)
    for line in sys.stdin:
        question, arguments, keywords = json.loads(line)
        print(json.dumps(getattr(server, question)(*arguments, **keywords)), file=answers)


class _Server:
    """The other end of a `_Worker` in `recurrent.py`: prepared contenders by number, timed when asked."""

    def __init__(self, library: "_Keras | _Torch") -> None:
        self._library = library
        self._prepared: dict[int, tuple[Run, Iterator[Batch], int]] = {}
        names = (*library.packages, "numpy")
        self.versions = {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in names}

    def prepare(
        self, number: int, *, contender: int, cell: str, size: tuple[int, int, int], measurement: str, call: str
    ) -> dict[str, float]:
        """Build, compile and warm up."""
        build = self._library.layer if measurement == "layer" else functools.partial(self._library.classifier, measurement, call)
        run = build(CONTENDERS[contender], CELLS[cell], Size(*size))
        batches = _batches(Size(*size))
        first_call_s, _ = _timed(run, batches, 1)
        run([next(batches)])
        seconds, _ = _timed(run, batches, 1)
        steps = BLOCK if call == "block" else min(100, max(2, math.ceil(0.3 / seconds)))
        self._prepared[number] = run, batches, steps
        return {"first_call_s": first_call_s}

    def time(self, number: int) -> dict[str, float]:
        """Milliseconds a step over some steps, after one that brings code and data back into the caches."""
        run, batches, steps = self._prepared[number]
        run([next(batches)])
        seconds, cpu_seconds = _timed(run, batches, steps)
        return {"ms": seconds / steps * 1e3, "cores": cpu_seconds / seconds}

    def multiply(self) -> dict[str, float]:
        """GFLOP/s of NumPy's and of the library's own product."""
        name, multiply = self._library.product()
        numpy_shape, shape = "1024x1024 by 1024x1024", "{0}x{1} by {1}x{2}".format(*PRODUCT)
        return {f"NumPy, {numpy_shape}": machine.numpy_rate(), f"{name}, {shape}": machine.multiply_rate(multiply, PRODUCT)}

    def forget(self) -> dict[str, float]:
        """Free the memory of what was prepared."""
        self._prepared.clear()
        gc.collect()
        return {}


def _timed(run: Run, batches: Iterator[Batch], steps: int) -> tuple[float, float]:
    """Seconds on the clock and of the CPU."""
    reviews = list(itertools.islice(batches, steps))
    started, cpu_started = time.perf_counter(), time.process_time()
    run(reviews)
    return time.perf_counter() - started, time.process_time() - cpu_started


def _batches(size: Size) -> Iterator[Batch]:
    """New reviews without end, right-padded with 0: a program that is compiled anew for every batch must not look fast.

    Lengths are uniform from half to all of the time steps; every batch has a review of full length, so nobody may stop early.
    """
    rng = np.random.default_rng(0)
    while True:
        ids = rng.integers(1, VOCABULARY, (size.batch, size.time), dtype=np.int32)
        lengths = rng.integers(size.time // 2, size.time + 1, (size.batch, 1))
        lengths[0] = size.time
        ids[np.arange(size.time) >= lengths] = 0
        yield ids, rng.integers(0, 2, (size.batch, 1)).astype(np.float32)


def _sequences(size: Size, cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """What the layer alone reads, `<float32>[batch, time, features]`, and the gradient that its outputs get."""
    rng = np.random.default_rng(0)
    widths = FEATURES, cell.directions * size.units
    sequences, upstream = (rng.standard_normal((size.batch, size.time, width), dtype=np.float32) for width in widths)
    return sequences, upstream


class _Keras:
    """`keras.layers` and the from-scratch layers, on the backend that the environment names."""

    def __init__(self, backend: str) -> None:
        self._framework = importlib.import_module(backend)
        self.packages = ("keras", backend)

    def classifier(self, measurement: str, call: str, contender: Contender, cell: Cell, size: Size) -> Run:
        """A model of its own for every way to call it: with XLA, one that `fit` has traced compiles anew at other calls."""
        model = _keras_classifier(contender, cell, size)
        forward = measurement == "forward"

        def single(batches: list[Batch]) -> None:
            for ids, labels in batches:
                model.predict_on_batch(ids) if forward else model.train_on_batch(ids, labels)

        def block(batches: list[Batch]) -> None:
            ids, labels = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
            if forward:
                model.predict(ids, batch_size=size.batch, verbose=0)
            else:
                model.fit(ids, labels, batch_size=size.batch, shuffle=False, verbose=0)

        return block if call == "block" else single

    def layer(self, contender: Contender, cell: Cell, size: Size) -> Run:
        """Gradients of the inputs and of all weights."""
        layer = _keras_layer(contender, cell, size)
        sequences, upstream = _sequences(size, cell)
        layer.build(sequences.shape)
        gradients = _tensorflow_gradients if contender.backend == "tensorflow" else _jax_gradients
        return gradients(layer, sequences, upstream, contender.jit is True)

    def product(self) -> tuple[str, Callable[[], object]]:
        """The backend's name and its product of PRODUCT's shape."""
        m, k, n = PRODUCT
        left, right = np.ones((m, k), np.float32), np.ones((k, n), np.float32)
        if self._framework.__name__ == "tensorflow":
            matrices = [self._framework.constant(matrix) for matrix in (left, right)]
            return "TensorFlow", lambda: self._framework.matmul(*matrices)
        matrices = [self._framework.numpy.asarray(matrix) for matrix in (left, right)]
        multiply = self._framework.jit(self._framework.numpy.matmul)
        return "JAX", lambda: multiply(*matrices).block_until_ready()


def _keras_layer(contender: Contender, cell: Cell, size: Size) -> Any:
    import keras

    from models.recurrent import CustomGRU, CustomLSTM, CustomSimpleRNN

    ours = {"SimpleRNN": CustomSimpleRNN, "LSTM": CustomLSTM, "GRU": CustomGRU}
    kind = ours[cell.name] if contender.layers == "ours" else getattr(keras.layers, cell.name)
    layer = kind(size.units, return_sequences=True)
    return layer if cell.directions == 1 else keras.layers.Bidirectional(layer)


def _keras_classifier(contender: Contender, cell: Cell, size: Size) -> Any:
    import keras

    token_ids = keras.Input((size.time,), dtype="int32")
    embedded = keras.layers.Embedding(VOCABULARY, FEATURES, mask_zero=True)(token_ids)
    outputs = _keras_layer(contender, cell, size)(embedded)
    logits = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(outputs))  # the mask comes along
    model = keras.Model(token_ids, logits)
    loss, optimizer = keras.losses.BinaryCrossentropy(from_logits=True), keras.optimizers.Adam(global_clipnorm=1.0)
    model.compile(optimizer, loss, jit_compile=contender.jit)
    if contender.jit is True and not model.jit_compile:
        raise RuntimeError(f"{contender.title}: Keras refused jit_compile=True")
    model.optimizer.build(model.trainable_variables)  # made inside the first step, they would have it traced twice
    return model


def _tensorflow_gradients(layer: Any, sequences: np.ndarray, upstream: np.ndarray, jit: bool) -> Run:
    import tensorflow

    def gradients(x: Any, upstream: Any) -> Any:
        with tensorflow.GradientTape() as tape:
            tape.watch(x)
            loss = tensorflow.reduce_sum(layer(x) * upstream)
        return tape.gradient(loss, [x, *layer.trainable_variables])

    compiled = tensorflow.function(gradients, jit_compile=jit, autograph=False)
    arguments = tensorflow.constant(sequences), tensorflow.constant(upstream)

    def run(batches: list[Batch]) -> None:
        for _ in batches:
            compiled(*arguments)[-1].numpy()

    return run


def _jax_gradients(layer: Any, sequences: np.ndarray, upstream: np.ndarray, _: bool) -> Run:
    import jax

    def loss(x: Any, weights: Any, others: Any, upstream: Any) -> Any:
        outputs, _ = layer.stateless_call(weights, others, x)
        return (outputs * upstream).sum()

    compiled = jax.jit(jax.grad(loss, argnums=(0, 1)))
    weights, others = ([variable.value for variable in of] for of in (layer.trainable_variables, layer.non_trainable_variables))
    arguments = jax.numpy.asarray(sequences), weights, others, jax.numpy.asarray(upstream)

    def run(batches: list[Batch]) -> None:
        for _ in batches:
            jax.block_until_ready(compiled(*arguments))

    return run


class _Torch:
    """`torch.nn`, eager."""

    packages = ("torch",)

    def __init__(self, threads: int) -> None:
        self._torch = importlib.import_module("torch")
        self._torch.set_num_threads(threads)
        self._torch.set_num_interop_threads(threads)

    def _layer(self, cell: Cell, size: Size) -> Any:
        kind = getattr(self._torch.nn, cell.name.removeprefix("Simple"))
        return kind(FEATURES, size.units, batch_first=True, bidirectional=cell.directions == 2)

    def classifier(self, measurement: str, _: str, contender: Contender, cell: Cell, size: Size) -> Run:
        """The same network; the recurrent layer reads the padding, only the mean knows the mask."""
        torch, nn = self._torch, self._torch.nn
        embedding, body = nn.Embedding(VOCABULARY, FEATURES, padding_idx=0), self._layer(cell, size)
        logit = nn.Linear(cell.directions * size.units, 1)
        weights = [weight for module in (embedding, body, logit) for weight in module.parameters()]
        optimizer, loss = torch.optim.Adam(weights), nn.BCEWithLogitsLoss()

        def predict(x: Any) -> Any:
            mask = (x != 0).unsqueeze(-1)
            outputs, _ = body(embedding(x))
            return logit((outputs * mask).sum(1) / mask.sum(1))

        def train(x: Any, y: Any) -> None:
            optimizer.zero_grad()
            value = loss(predict(x), y)
            value.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            value.item()

        def run(batches: list[Batch]) -> None:
            with torch.inference_mode(measurement == "forward"):
                for ids, labels in batches:
                    x, y = torch.from_numpy(ids).long(), torch.from_numpy(labels)
                    predict(x) if measurement == "forward" else train(x, y)

        return run

    def layer(self, contender: Contender, cell: Cell, size: Size) -> Run:
        """Gradients of the inputs and of all weights."""
        body = self._layer(cell, size)
        sequences, upstream = (self._torch.from_numpy(array) for array in _sequences(size, cell))
        sequences.requires_grad_()

        def run(batches: list[Batch]) -> None:
            for _ in batches:
                self._torch.autograd.grad((body(sequences)[0] * upstream).sum(), [sequences, *body.parameters()])

        return run

    def product(self) -> tuple[str, Callable[[], object]]:
        """The library's name and its product of PRODUCT's shape."""
        m, k, n = PRODUCT
        left, right = self._torch.ones(m, k), self._torch.ones(k, n)
        return "PyTorch", lambda: left @ right
