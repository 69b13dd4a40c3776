"""The LiteRT format: one review's token ids in, its probability out; converted by Keras's `Model.export`."""

from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays import Array
from inference.export import Reader, keras, library
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
    signature = [tf.TensorSpec([1, None], tf.int32, name="token_ids")]
    built_in = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    model = keras.portable(run, trained)
    try:
        model.export(file, format="litert", verbose=False, input_signature=signature, target_spec=built_in)
    except Exception as error:  # the converter raises a class that TensorFlow does not name
        raise ExportError(
            f"{trained.study.id}: LiteRT has no operators for it ({str(error)[:200]}); --export onnx does"
        ) from error
    interpreter = interpreter_of(str(file))
    interpreter.allocate_tensors()
    return lambda rows: np.concatenate([_interpret(interpreter, row[None]) for row in rows])


def _interpret(interpreter: Any, ids: Array) -> Array:
    place = interpreter.get_input_details()[0]
    if tuple(place["shape"]) != ids.shape:
        interpreter.resize_tensor_input(place["index"], ids.shape)
        interpreter.allocate_tensors()
    interpreter.set_tensor(place["index"], ids)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
