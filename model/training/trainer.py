"""Interface of a trainer: it learns a model, which can then be served.

A model is served by one ONNX graph whose only learnt part is an ensemble of trees on the columns of
the feature matrix (docs/adr/0004, 0005). So a trainer is whatever ends in such trees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, Self

import numpy as np
import optuna
from numpy.typing import NDArray

from features.spec import FeatureSpec
from model.metadata import BundleMetadata
from model.training.trees import Trees

__all__ = ["Block", "Ensemble", "Trainer"]

Block = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""Rows of a matrix, and their labels."""


class Ensemble(Protocol):
    """A trained model, before it is calibrated."""

    def margins(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score leads on the logit scale.

        Parameters
        ----------
        matrix
            float32, shape (n, columns), NaN where missing.

        Returns
        -------
        ndarray of float32, shape (n,)
            The base and one leaf of each tree, added in the order of the trees in float32: the
            exported graph adds so, and training compares every score of both.
        """

    def contributions(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute what each column adds to the margins: by Saabas' method, as reasons do (ADR 5).

        Returns
        -------
        ndarray of float32, shape (n, columns)
        """

    def trees(self) -> Trees:
        """Return the trees, for the ONNX graph; one at least."""

    def ubj(self, metadata: BundleMetadata) -> bytes | None:
        """Return the model as XGBoost's own file, for the native engine; None if it is another's.

        Parameters
        ----------
        metadata
            Goes into the file as it is.
        """


class Trainer(Protocol):
    """A way to learn from leads, with its parameters."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters by name, as the model and the report keep them; JSON."""

    def train(
        self,
        spec: FeatureSpec,
        matrix: NDArray[np.float32],
        labels: NDArray[np.bool_],
        *,
        seed: int,
        threads: int,
        others: Iterable[Block] = (),
    ) -> Ensemble:
        """Train a model; the same arguments give the same model, whatever ``threads`` is.

        Parameters
        ----------
        spec
            Says which columns are which field's.
        matrix
            float32, shape (n, columns), NaN where missing.
        labels
            bool, shape (n,), of both kinds.
        seed
            Seed of all random numbers.
        threads
            How many to use.
        others
            Further rows and their labels, block by block, as often as they are iterated over: they
            may be too many for memory.
        """

    def base_rate(self, columns: int, rate: float) -> Ensemble:
        """Return a model that gives every lead the same probability, with contributions of 0.

        Parameters
        ----------
        columns
            Number of columns of the matrix.
        rate
            The probability, above 0 and below 1.
        """

    def suggested(self, trial: optuna.trial.BaseTrial) -> Self:
        """Return the trainer with the parameters of a trial of the search."""
