"""The linear yardstick: TF-IDF of 1-2-grams and logistic regression, on the same reviews as the networks.

It has no use for a validation part, so it trains on training and validation together: every label the networks
see for learning or choosing. It reads all words, not only the networks' vocabulary.
"""

from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from data.types import Reviews
from data.vocabulary import START

INVERSE_REGULARISATION = 10.0  # of logistic regression


def fit(parts: list[Reviews]) -> Pipeline:
    """A fitted yardstick.

    Args:
        parts: the reviews to learn from, all of them together.

    Source: Wang and Manning (2012), Baselines and Bigrams, ACL, for why bigrams; scikit-learn for both steps.
    """
    pipeline = make_pipeline(
        TfidfVectorizer(
            tokenizer=str.split, token_pattern=None, lowercase=False, ngram_range=(1, 2), min_df=2, sublinear_tf=True
        ),
        LogisticRegression(C=INVERSE_REGULARISATION, max_iter=200),
    )
    pipeline.fit([text for part in parts for text in _texts(part)], np.concatenate([part.labels for part in parts]))
    return pipeline


def predict(pipeline: Pipeline, reviews: Reviews) -> np.ndarray:
    """Probability of the positive class for each review, `<float64>[reviews]`."""
    return pipeline.predict_proba(_texts(reviews))[:, 1]


def parameters(pipeline: Pipeline) -> int:
    """Weights of the logistic regression, the intercept included."""
    return int(pipeline[-1].coef_.size + 1)


def save(pipeline: Pipeline, path: Path) -> None:
    """Write a fitted yardstick as flat arrays, so that reading it runs nothing; `inference.linear` reads it back.

    `terms <int32>[terms, 2]`: a word's id and the one before it, 0 for a word by itself; `idf <float64>[terms]`,
    `weights <float64>[terms]`, `intercept <float64>[1]`.
    """
    vectorizer, regression = pipeline[0], pipeline[-1]
    ids = [[int(word) for word in term.split()] for term in vectorizer.get_feature_names_out()]
    terms = np.array([[words[-1], words[0] if len(words) == 2 else 0] for words in ids], dtype=np.int32)
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            terms=terms,
            idf=vectorizer.idf_,
            weights=regression.coef_[0],
            intercept=regression.intercept_,
            allow_pickle=False,
        )


def _texts(reviews: Reviews) -> list[str]:
    """Each review as its ids with spaces between, without the start token."""
    return [" ".join(map(str, reviews.sequences[i][reviews.sequences[i] != START])) for i in range(len(reviews))]
