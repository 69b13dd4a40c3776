"""What `benchmarks.recurrent` compares: cells, sizes and contenders, known to both ends of its pipes.

The standard library only: an interpreter that has PyTorch and nothing of this project reads it too.
"""

import argparse
from dataclasses import dataclass

FEATURES, BLOCK = 64, 24  # width of a word's vector; batches of one call to `fit` or `predict`


@dataclass(frozen=True)
class Cell:
    """A recurrent layer by the name that Keras and these modules share."""

    name: str
    gates: int
    directions: int = 1


@dataclass(frozen=True)
class Contender:
    """Whose layer, on which backend, compiled how."""

    title: str
    backend: str
    layers: str  # "keras", "ours" or "torch"
    jit: bool | str = "auto"  # the argument of `compile`


@dataclass(frozen=True)
class Size:
    """What one step reads."""

    batch: int
    time: int
    units: int

    @classmethod
    def parse(cls, text: str) -> "Size":
        """From `32x150x64`, batch, time steps, units."""
        numbers = [int(part) for part in text.split("x") if part.isdecimal()]
        if len(numbers) != 3 or text.count("x") != 2 or min(numbers) < 1:
            raise argparse.ArgumentTypeError(f"expected batch x time steps x units as in 32x150x64, got {text!r}")
        return cls(*numbers)

    def flops(self, cell: Cell) -> int:
        """Floating-point operations of the products in one forward and backward pass of the layer alone.

        A product `[m, k] x [k, n]` is 2 m k n. Forward, each step has `x @ W` and `h @ U`; backward, twice that.
        """
        return 6 * self.batch * self.time * cell.directions * cell.gates * self.units * (FEATURES + self.units)


CELLS = {
    "rnn": Cell("SimpleRNN", 1),
    "lstm": Cell("LSTM", 4),
    "gru": Cell("GRU", 3),
    "bigru": Cell("GRU", 3, directions=2),
}
BASELINE = Contender("keras.layers, TensorFlow", "tensorflow", "keras")
TORCH = Contender("torch.nn", "torch", "torch")
CONTENDERS = (
    BASELINE,
    Contender("keras.layers, TensorFlow, jit_compile", "tensorflow", "keras", jit=True),
    Contender("ours, TensorFlow, jit_compile", "tensorflow", "ours", jit=True),
    Contender("keras.layers, JAX", "jax", "keras"),
    Contender("ours, JAX", "jax", "ours"),
    TORCH,
)
