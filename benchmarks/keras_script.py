"""`python -m benchmarks.keras_script PREPARED SETTINGS OUTPUT`: the studies of a config as an ordinary Keras script runs them.

Stock layers, reviews padded to the longest of their bucket, one process, TensorFlow's own settings, and Keras Tuner's random
search. `benchmarks.sweep` starts it beside the pipeline with the same reviews, search space, trials and epochs. It is meant to
be fair: test and validation reviews go through in batches as large as the pipeline's.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import keras_tuner
import numpy as np

from analysis.evaluation import accuracy
from data import store
from data.batches import network_ids
from data.types import Dataset

LAYERS = {"simple_rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
EVALUATION_BATCH = 256  # reviews


class Classifier(keras_tuner.HyperModel):
    """A recurrent classifier whose hyperparameters are searched."""

    def __init__(self, architecture: str, vocab_size: int, settings: dict[str, Any]) -> None:
        super().__init__()
        self.layer, self.vocab_size, self.settings = LAYERS[architecture], vocab_size, settings
        self.epochs: list[int] = []  # of every training

    def build(self, hp: Any) -> keras.Model:
        """The compiled model of one setting."""
        space = {name: suggest(hp, name, values) for name, values in self.settings["space"].items()}
        model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(self.vocab_size, space["embedding_dim"], mask_zero=True),
                keras.layers.SpatialDropout1D(space["spatial_dropout"]),
                self.layer(space["units"], return_sequences=True),
                keras.layers.GlobalAveragePooling1D(),
                keras.layers.Dropout(space["dropout"]),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        adam = keras.optimizers.Adam(space["learning_rate"], global_clipnorm=self.settings["training"]["clip_norm"])
        model.compile(optimizer=adam, loss="binary_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Train with the batch size of the setting."""
        history = model.fit(
            *args, batch_size=hp.get("batch_size"), validation_batch_size=EVALUATION_BATCH, **{**kwargs, "verbose": 0}
        )
        self.epochs.append(len(history.epoch))
        return history


class RandomSearch(keras_tuner.RandomSearch):
    """Keras Tuner's, without its import of TensorBoard, which fails where that is not installed."""

    def _configure_tensorboard_dir(self, *args: Any, **kwargs: Any) -> None:
        """No TensorBoard callback is used, so there is nothing to configure."""


def suggest(hp: Any, name: str, values: Any) -> Any:
    """A value from a range of the pipeline's config, or the plain number that stands there."""
    match values:
        case {"values": choices}:
            return hp.Choice(name, choices)
        case {"low": low, "high": high, "step": step}:
            return (hp.Int if isinstance(low, int) else hp.Float)(name, low, high, step=step)
        case {"low": low, "high": high}:
            return hp.Float(name, low, high, sampling="log")
    return hp.Fixed(name, values)


def run_study(architecture: str, data: Dataset, settings: dict[str, Any], folder: str) -> dict[str, np.ndarray]:
    """Search, train the best setting anew, and predict the test reviews."""
    limits, search, training = settings["data"], settings["search"], settings["training"]
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    rows = {
        name: network_ids(part.sequences, data.vocab_size, limits["max_length"], limits["truncate"])
        for name, part in parts.items()
    }
    longest = max(len(ids) for part in rows.values() for ids in part)
    x = {name: keras.utils.pad_sequences(part, maxlen=longest, padding="post") for name, part in rows.items()}
    y = {name: part.labels.astype("float32") for name, part in parts.items()}

    def fit_arguments(epochs: int, patience: int) -> dict[str, Any]:
        stopping = keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
        slowing = keras.callbacks.ReduceLROnPlateau(factor=training["reduce_factor"], patience=training["reduce_patience"])
        return {
            "x": x["train"],
            "y": y["train"],
            "validation_data": (x["validation"], y["validation"]),
            "epochs": epochs,
            "callbacks": [stopping, slowing],
        }

    model = Classifier(architecture, data.vocab_size, settings)
    tuner = RandomSearch(model, search["objective"], max_trials=search["max_trials"], directory=folder, project_name="search")
    tuner.search(**fit_arguments(search["epochs"], search["patience"]), verbose=0)
    best, search_epochs, probabilities = tuner.get_best_hyperparameters(1)[0], model.epochs, []
    model.epochs = []
    for _ in range(training["repeats"]):
        final = model.build(best)
        model.fit(best, final, **fit_arguments(training["epochs"], training["patience"]))
        probabilities.append(final.predict(x["test"], batch_size=EVALUATION_BATCH, verbose=0)[:, 0])
    return {
        "rows": data.test.rows,
        "labels": data.test.labels,
        "probabilities": np.stack(probabilities),  # <float32>[repeats, reviews]
        "search_epochs": np.array(search_epochs),  # <int64>[trials]
        "final_epochs": np.array(model.epochs),  # <int64>[repeats]
    }


def main() -> None:
    """Run every study of the settings, one after another."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.keras_script", description="The studies of a config as a plain Keras script."
    )
    parser.add_argument("prepared", type=Path, help="reviews, as data.store.keep writes them")
    parser.add_argument("settings", type=Path, help="JSON: the sections of a config, and studies as [architecture, bucket]")
    parser.add_argument("output", type=Path, help="npz: predictions and epochs of every study")
    options = parser.parse_args()
    settings, dataset = json.loads(options.settings.read_text(encoding="utf-8")), store.load(options.prepared)
    keras.utils.set_random_seed(settings["run"]["seed"])
    arrays: dict[str, np.ndarray] = {}
    for architecture, bucket in settings["studies"]:
        with TemporaryDirectory() as folder:
            found = run_study(architecture, dataset.scope(bucket), settings, folder)
        share = np.mean([accuracy(found["labels"], repeat) for repeat in found["probabilities"]])
        print(f"{architecture}/{bucket}: test accuracy {share:.3f}", flush=True)
        arrays |= {f"{architecture}/{bucket}/{name}": array for name, array in found.items()}
    np.savez(options.output, allow_pickle=False, **arrays)


if __name__ == "__main__":
    main()
