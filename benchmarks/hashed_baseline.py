"""`python -m benchmarks.hashed_baseline`: how far linear models of hashed n-grams are from the exact ones, on IMDB's reviews.

Both learn from all training reviews, and are right on so many of the test reviews. The exact naive-Bayes-weighted model has the
form that cross-validation chose (`docs/log/2026-11-27.md`).
"""

import time
from dataclasses import replace

from analysis.evaluation import accuracy
from config import PROFILES
from data.types import Dataset
from data_preprocessing import prepare
from engine.arrays import class_probabilities
from engine.linear import LinearModel
from experiment import baseline, hashed_baseline
from experiment.hashed_baseline import Stream
from records.study import LinearForm

EXACT = {"linear": baseline.FORMS["linear"][0], "nb_linear": LinearForm(n=3, min_df=2, C=0.3)}
BITS = (22, 20, 18)


def main() -> None:
    """Fit and print."""
    dataset = prepare(PROFILES["study"].config)
    parts = (dataset.train, dataset.validation)
    for kind, form in EXACT.items():
        started = time.process_time()
        model = next(baseline.fitted(kind, baseline.count(parts, [form], 2), [form], seed=0))
        _print(f"{kind}, exact", model, dataset, time.process_time() - started)
        for bits in BITS:
            started = time.process_time()
            hashed = replace(hashed_baseline.form_of(2), hash_bits=bits)
            model = hashed_baseline.fit(kind, hashed, Stream(parts, 2), seed=0)
            _print(f"{kind}, {bits} bits", model, dataset, time.process_time() - started)


def _print(name: str, model: LinearModel, dataset: Dataset, seconds: float) -> None:
    right = accuracy(dataset.test.labels, class_probabilities(baseline.predict(model, dataset.test)))
    print(f"{name:20} {100 * right:6.2f} % of the test reviews, {seconds:6.1f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
