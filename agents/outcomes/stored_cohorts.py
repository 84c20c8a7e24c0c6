"""Counts by cohort in a store, and the numbers by which the states of leads refer to names."""

from __future__ import annotations

from collections.abc import Mapping

from agents.outcomes.cohorts import CohortKey, Cohorts, Deltas
from agents.outcomes.store import OutcomeStore
from monitoring.quality.counts import QualityCounts
from schemas.errors import FatalError
from schemas.model_identity import ModelIdentity

__all__ = ["StoredCohorts"]

COHORT, NAME = b"c", b"n"
"""First byte of the keys."""
SEPARATOR = "\0"
MOST_NAMES = 2**16
"""Names that a state's two bytes can tell apart."""
ALL = 2**31


class StoredCohorts:
    """Counts by cohort, read from a store; the join writes what changes.

    Parameters
    ----------
    store
        Holds counts and names.

    Attributes
    ----------
    cohorts
        The counts.
    """

    def __init__(self, store: OutcomeStore) -> None:
        self.cohorts = Cohorts()
        self._names = [
            value.decode() for _, value in store.scan(NAME, NAME + b"\xff" * 3, MOST_NAMES)
        ]
        self._numbers = {name: number for number, name in enumerate(self._names)}
        self._new_names: dict[bytes, bytes] = {}
        for key, value in store.scan(COHORT, COHORT + b"\xff" * 16, ALL):
            self.cohorts.counts[self._cohort(key)] = QualityCounts.of_bytes(value)
        self._changed = set(self.cohorts.counts)

    def take_changed(self) -> set[CohortKey]:
        """Return the cohorts that changed since the last call; at first, all."""
        changed, self._changed = self._changed, set()
        return changed

    def apply(self, deltas: Deltas) -> Mapping[bytes, bytes]:
        """Change counts; return what is to be written, with new names."""
        changed = self.cohorts.apply(deltas)
        self._changed |= changed
        puts = {self._key(key): self.cohorts.counts[key].to_bytes() for key in changed}
        names, self._new_names = self._new_names, {}
        return puts | names

    def number_of(self, name: str | ModelIdentity) -> int:
        """Return the number of a band's name or of a model.

        Raises
        ------
        FatalError
            There are too many of them.
        """
        if isinstance(name, ModelIdentity):
            name = SEPARATOR.join((name.id, name.version, name.sha256))
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            if number >= MOST_NAMES:
                raise FatalError(
                    f"expected at most {MOST_NAMES} models and bands in the scores of a partition:"
                    " check what else writes to the topic of scores"
                )
            self._names.append(name)
            self._new_names[NAME + number.to_bytes(2, "big")] = name.encode()
        return number

    def band(self, number: int) -> str:
        """Return the band of a number."""
        return self._names[number]

    def model(self, number: int) -> ModelIdentity:
        """Return the model of a number."""
        return ModelIdentity(*self._names[number].split(SEPARATOR, 2))

    def _key(self, key: CohortKey) -> bytes:
        number = self.number_of(key.model)
        return b"".join(
            (
                *(COHORT, key.channel.to_bytes(1, "big"), number.to_bytes(2, "big")),
                key.week.to_bytes(8, "big", signed=True),
            )
        )

    def _cohort(self, key: bytes) -> CohortKey:
        model = self.model(int.from_bytes(key[2:4], "big"))
        return CohortKey(key[1], model, int.from_bytes(key[4:12], "big", signed=True))
