"""The LiteRT format: what a network is given of one review in, its probabilities out; converted by Keras's `Model.export`."""

from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays import Array
from inference.export import Reader, Review, inputs, keras, library
from inference.run import FinishedRun, Trained
from records.errors import ExportError


def write(run: FinishedRun, trained: Trained, folder: Path) -> Reader:
    """Write `folder/model.tflite`, of LiteRT's built-in operators alone: the interpreter has no others.

    Raises:
        ExportError: the interpreter is not installed, or LiteRT has no operator for something in the network.
    """
    interpreter_of = library("ai_edge_litert.interpreter", "litert").Interpreter
    import tensorflow as tf

    file = folder / "model.tflite"
    built_in = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    model = keras.portable(run, trained)
    specs = keras.signature(model, 1)
    given = [specs] if len(specs) > 1 else specs  # several inputs are one argument of a model
    try:
        model.export(file, format="litert", verbose=False, input_signature=given, target_spec=built_in)
    except Exception as error:  # the converter raises a class that TensorFlow does not name
        raise ExportError(
            f"{trained.study.id}: LiteRT has no operators for it ({str(error)[:200]}); --export onnx does"
        ) from error
    interpret = interpreter_of(str(file)).get_signature_runner()
    return lambda reviews: np.concatenate([_probabilities(interpret, review) for review in reviews])


def _probabilities(interpret: Any, review: Review) -> Array:
    (probabilities,) = interpret(**inputs([review])).values()
    return probabilities
