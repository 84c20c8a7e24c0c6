"""Records of one or several partitions, and the leads decoded from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.batch_slices import slices_of
from agents.records import RecordColumns, SourceRecord
from schemas.decode import DecodedLeads
from schemas.headers import (
    LeadHeaders,
)

__all__ = ["ReadBatch"]


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Records of one or several partitions, and the leads decoded from them.

    Attributes
    ----------
    records
        In the order of each partition.
    leads
        The n records that could be decoded, and the verdicts on the others.
    partitions
        The partition of each lead.
    offsets, timestamps
        int64, shape (n,): of each lead's record; time stamps in milliseconds since 1970.
    headers
        The decoded headers of each record; empty if no record has any.
    """

    records: Sequence[SourceRecord]
    leads: DecodedLeads
    partitions: list[int]
    offsets: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    headers: Sequence[LeadHeaders]

    @classmethod
    def from_leads(
        cls,
        records: Sequence[SourceRecord],
        leads: DecodedLeads,
        headers: Sequence[LeadHeaders],
        columns: RecordColumns | None = None,
    ) -> ReadBatch:
        """Join decoded leads with the partitions, offsets and time stamps of their records.

        Parameters
        ----------
        records
            The records.
        leads
            What was decoded from them.
        headers
            The decoded headers of each record; empty if no record has any.
        columns
            The columns of the records, if they are there already.
        """
        found = columns or RecordColumns.of(records)
        if len(leads.positions) < len(records):
            found = found.take(leads.positions)
        return cls(
            headers=headers,
            records=records,
            leads=leads,
            partitions=found.partitions,
            offsets=found.offsets,
            timestamps=found.timestamps,
        )

    def take(self, rows: Sequence[int]) -> ReadBatch:
        """Return some of the leads, by their indices among the leads, without verdicts."""
        return replace(
            self,
            leads=self.leads.take(rows),
            partitions=[self.partitions[row] for row in rows],
            offsets=self.offsets[rows],
            timestamps=self.timestamps[rows],
        )

    def rows(self, sizes: Sequence[int]) -> list[slice]:
        """Return one slice of leads per batch, given the batches' numbers of records."""
        return slices_of(self.leads.positions, sizes)
