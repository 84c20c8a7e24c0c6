"""Changes of the errors of scores, and the states of their detectors, in a store.

Leads are read when they are dropped: only then no outcome can change them any more, so their order
and their outcomes are a function of the logs, whichever topic was read ahead of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import orjson

from agents.outcomes.cohorts import CohortKey
from agents.outcomes.progress import SCORES
from agents.outcomes.store import OutcomeStore
from agents.outcomes.stored_cohorts import StoredCohorts
from agents.quality.error_change import QualityChange
from schemas.model_identity import ModelIdentity

if TYPE_CHECKING:
    from agents.quality.concept_watch import ConceptWatch

__all__ = ["FinalLead", "FoundChange", "StoredConcepts"]

STATE, CHANGE = b"w", b"x"
"""First byte of the keys; then the channel, and the number of the model."""
LAST = b"\xff" * 4
MOST = 2**20


class FinalLead(NamedTuple):
    """A score that no outcome can change any more.

    Attributes
    ----------
    at
        When it was dropped, in milliseconds since 1970.
    lead_id
        The lead.
    key
        Its cohort.
    score, is_positive
        What was predicted, and what came.
    """

    at: int
    lead_id: bytes
    key: CohortKey
    score: float
    is_positive: bool


class FoundChange(NamedTuple):
    """A change of the errors of a model's scores.

    Attributes
    ----------
    key
        Channel, model, and the week of the last score that was read.
    change
        The change.
    """

    key: CohortKey
    change: QualityChange


class StoredConcepts:
    """Runs change detectors on final leads; the join writes what they need.

    Parameters
    ----------
    store
        Holds states and changes.
    names
        Numbers of the models.
    make_watch
        Makes the detectors of a channel.
    """

    def __init__(
        self, store: OutcomeStore, names: StoredCohorts, make_watch: Callable[[], ConceptWatch]
    ) -> None:
        self._names = names
        self._watches = [make_watch() for _ in SCORES]
        for key, state in store.scan(STATE, STATE + LAST, MOST):
            self._watches[key[1]].restore(self._model(key), state)
        self._new = {
            key: self._found(key, value) for key, value in store.scan(CHANGE, CHANGE + LAST, MOST)
        }

    def take_changes(self) -> list[FoundChange]:
        """Return the changes found since the last call; at first, all that are stored."""
        new, self._new = self._new, {}
        return [new[key] for key in sorted(new)]

    def apply(self, leads: Iterable[FinalLead]) -> Mapping[bytes, bytes]:
        """Read final leads, in order; return what is to be written."""
        puts: dict[bytes, bytes] = {}
        for (channel, model), given in _by_model(leads).items():
            scores = np.array([lead.score for lead in given], dtype=np.float64)
            positive = np.array([lead.is_positive for lead in given])
            week = given[-1].key.week
            for change in self._watches[channel].take(model, scores, positive):
                key = self._key(CHANGE, channel, model) + change.stream.encode()
                self._new[key] = FoundChange(CohortKey(channel, model, week), change)
                puts[key] = orjson.dumps({"week": week, **asdict(change)})
        for channel, watch in enumerate(self._watches):
            for model, state in watch.take_states().items():
                puts[self._key(STATE, channel, model)] = state
        return puts

    def _key(self, first: bytes, channel: int, model: ModelIdentity) -> bytes:
        number = self._names.number_of(model).to_bytes(2, "big")
        return first + channel.to_bytes(1, "big") + number

    def _model(self, key: bytes) -> ModelIdentity:
        return self._names.model(int.from_bytes(key[2:4], "big"))

    def _found(self, key: bytes, value: bytes) -> FoundChange:
        stored = orjson.loads(value)
        week = stored.pop("week")
        return FoundChange(CohortKey(key[1], self._model(key), week), QualityChange(**stored))


def _by_model(leads: Iterable[FinalLead]) -> dict[tuple[int, ModelIdentity], list[FinalLead]]:
    """Return the leads of each channel and model, in order."""
    found: dict[tuple[int, ModelIdentity], list[FinalLead]] = {}
    for lead in leads:
        found.setdefault((lead.key.channel, lead.key.model), []).append(lead)
    return found
