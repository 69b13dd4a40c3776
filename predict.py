"""The door to a finished run: `Predictor` in Python."""

from inference.predictor import Prediction, Predictor, TextError
from inference.run import RunError

__all__ = ["Prediction", "Predictor", "RunError", "TextError"]
