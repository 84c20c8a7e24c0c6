"""The baseline of the report: a logistic regression on the same columns, in the same folds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from model.training.specify import Leads, encode, fit_spec, training_matrix

__all__ = ["logistic_scores"]

FURTHEST = 5.0
"""Standard deviations from the mean at which a column's values are cut: one outlier would else
decide a lead's score."""
STEPS = 1_000


def logistic_scores(leads: Leads, folds: NDArray[np.integer], seed: int) -> NDArray[np.float64]:
    """Score every lead by a logistic regression of the other folds.

    Its columns are the trees': levels, encodings and keywords are fitted without the fold.
    A missing value is the median, with a column that says so; columns are standardised.

    Parameters
    ----------
    leads
        With both kinds of labels.
    folds
        Integers, shape (n,): the fold of each lead.
    seed
        Seed of the target encodings' cross-fitting, as for the trees.

    Returns
    -------
    ndarray of float64, shape (n,)
        Probabilities.
    """
    scores = np.empty(len(leads), dtype=np.float64)
    for fold in np.unique(folds):
        own, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        training = leads.take(rest)
        spec = fit_spec(training)
        matrix = training_matrix(spec, training, seed).astype(np.float64)
        unseen = encode(spec, leads.take(own)).astype(np.float64)
        # BLAS adds up in another order with another number of threads.
        with threadpool_limits(1):
            regression = _regression().fit(matrix, training.labels)
            scores[own] = regression.predict_proba(unseen)[:, 1]
    return scores


def _regression() -> Any:
    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        FunctionTransformer(np.clip, kw_args={"a_min": -FURTHEST, "a_max": FURTHEST}),
        LogisticRegression(max_iter=STEPS),
    )
