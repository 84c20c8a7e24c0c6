"""Change detectors for each model of a partition, fed as outcomes become known.

It imports river.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from agents.quality.error_change import QualityChange
from monitoring.quality.concept_drift import ConceptDetectors
from schemas.model_identity import ModelIdentity

__all__ = ["ConceptWatch"]


class ConceptWatch:
    """Runs ``ConceptDetectors`` for each model.

    The state is a pure function of the leads, in the order in which their outcomes became known.
    """

    def __init__(self) -> None:
        self._detectors: dict[ModelIdentity, ConceptDetectors] = {}
        self._changed: set[ModelIdentity] = set()

    def take(
        self, model: ModelIdentity, scores: NDArray[np.floating], positive: NDArray[np.bool_]
    ) -> list[QualityChange]:
        """Add leads whose outcome became known, and return the changes found.

        Parameters
        ----------
        model
            What scored them.
        scores
            Floats in 0 to 1, shape (n,).
        positive
            bool, shape (n,): whether each converted.
        """
        detectors = self._detectors.setdefault(model, ConceptDetectors())
        self._changed.add(model)
        return [
            QualityChange(
                stream=change.stream,
                detector=change.detector,
                before=change.before,
                after=change.after,
                is_worse=change.is_worse,
            )
            for change in detectors.update(scores, positive)
        ]

    def take_states(self) -> Mapping[ModelIdentity, bytes]:
        """Return the states that changed since the last call, to be stored."""
        changed, self._changed = self._changed, set()
        return {model: self._detectors[model].state() for model in changed}

    def restore(self, model: ModelIdentity, state: bytes) -> None:
        """Restore the stored state of a model.

        Raises
        ------
        ValueError
            The bytes are no state.
        """
        detectors = ConceptDetectors()
        detectors.restore(state)
        self._detectors[model] = detectors
