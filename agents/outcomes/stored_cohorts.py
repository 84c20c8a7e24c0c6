"""Counts by cohort in a store, and the numbers by which the states of leads refer to names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from agents.lead_segments import MISSING
from agents.outcomes.cohorts import CohortKey, CohortLeads, Cohorts, Deltas
from agents.outcomes.progress import SCORES
from agents.outcomes.store import OutcomeStore
from monitoring.quality.counts import QualityCounts
from monitoring.quality.fairness import OTHER
from schemas.errors import FatalError
from schemas.model_identity import ModelIdentity

__all__ = ["StoredCohorts"]

COHORT, NAME = b"c", b"n"
"""First byte of the keys."""
SEPARATOR = "\0"
MOST_NAMES = 2**16
"""Names that a state's two bytes can distinguish."""
ALL = 2**31
SEGMENT_NAME = SEPARATOR * 3
"""Start of the names of segments: no band, and no model, begins so."""
MOST_SEGMENTS = 50
"""Segments of a field with counts of their own: those that a channel's log has first."""
MOST_FIELDS = 20
"""Fields with segments, over all changes of the setting; of further ones nothing is counted."""


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
        self._own: Counter[tuple[int, str]] = Counter()
        for name in self._names:
            self._count_segment(name)
        for key, value in store.scan(COHORT, COHORT + b"\xff" * 16, ALL):
            self.cohorts.counts[self._cohort(key)] = QualityCounts.of_bytes(value)
        self._changed = set(self.cohorts.counts)
        self._first_week = -(2**63)

    def take_changed(self) -> set[CohortKey]:
        """Return the cohorts that changed since the last call; at first, all."""
        changed, self._changed = self._changed, set()
        return changed

    def apply(self, deltas: Deltas, leads: Iterable[CohortLeads] = ()) -> Mapping[bytes, bytes]:
        """Change counts; return what is to be written, with new names."""
        kept = {key: rows for key, rows in deltas.items() if key.week >= self._first_week}
        columns = [each for each in leads if each.key.week >= self._first_week]
        changed = self.cohorts.apply(kept, columns)
        self._changed |= changed
        puts = {self._key(key): self.cohorts.counts[key].to_bytes() for key in changed}
        names, self._new_names = self._new_names, {}
        return puts | names

    def forget_before(self, week: int) -> list[bytes]:
        """Drop the counts of earlier weeks, now and from now on; return what is to be deleted.

        Parameters
        ----------
        week
            Start of a week, not before that of the last call; milliseconds since 1970.
        """
        if week <= self._first_week:
            return []
        self._first_week = week
        old = [key for key in self.cohorts.counts if key.week < week]
        for key in old:
            del self.cohorts.counts[key]
        self._changed.difference_update(old)
        return [self._key(key) for key in old]

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
            self._count_segment(name)
            self._new_names[NAME + number.to_bytes(2, "big")] = name.encode()
        return number

    def segment_numbers(self, channel: int, segments: Iterable[tuple[str, str]]) -> tuple[int, ...]:
        """Return the numbers of a lead's segments, by field; see ``segment_number``."""
        return tuple(
            self.segment_number(channel, field, segment)
            for field, segment in segments
            if (channel, field) in self._own or len(self._own) < len(SCORES) * MOST_FIELDS
        )

    def segment_number(self, channel: int, field: str, segment: str) -> int:
        """Return the number of a segment; that of all others where a field has too many.

        Each channel has segments of its own, in the order of its log: which of them are others does
        not depend on how far the other one was read.
        """
        name = f"{SEGMENT_NAME}{channel}{SEPARATOR}{field}{SEPARATOR}{segment}"
        if name not in self._numbers and self._own[channel, field] >= MOST_SEGMENTS:
            name = f"{SEGMENT_NAME}{channel}{SEPARATOR}{field}{SEPARATOR}{OTHER}"
        return self.number_of(name)

    def segment(self, number: int) -> tuple[str, str]:
        """Return the field and the segment of a number."""
        _, field, segment = self._names[number].removeprefix(SEGMENT_NAME).split(SEPARATOR, 2)
        return field, segment

    def _count_segment(self, name: str) -> None:
        if name.startswith(SEGMENT_NAME):
            channel, field, segment = name.removeprefix(SEGMENT_NAME).split(SEPARATOR, 2)
            self._own[int(channel), field] += segment not in (MISSING, OTHER)

    @property
    def names(self) -> Sequence[str]:
        """Names by number."""
        return self._names

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
                *(() if key.segment is None else (self._segment_bytes(key),)),
            )
        )

    def _segment_bytes(self, key: CohortKey) -> bytes:
        assert key.segment is not None, "only keys of segments have them"
        return self.segment_number(key.channel, *key.segment).to_bytes(2, "big")

    def _cohort(self, key: bytes) -> CohortKey:
        model = self.model(int.from_bytes(key[2:4], "big"))
        segment = self.segment(int.from_bytes(key[12:14], "big")) if len(key) > 12 else None
        return CohortKey(key[1], model, int.from_bytes(key[4:12], "big", signed=True), segment)
