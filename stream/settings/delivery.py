"""Settings: the way of records through a worker."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stream.settings.base import MOST, Count, Seconds, SettingsGroup

__all__ = ["DeliverySettings"]


class DeliverySettings(SettingsGroup):
    """Delivery: fetches, batches, commits and outputs."""

    group_protocol: Literal["own", "both"] = "own"
    """Protocols that a scoring worker lists when it joins the group: `own`, LeadScore's, which
    keeps other clients out; or `both`, also the round robin of earlier versions, for one rolling
    restart."""

    foreign_commits: Literal["accept", "stop"] = "accept"
    """Action on a partition whose offset was not committed by a LeadScore worker, or that has
    outputs but no commit: both report it; `accept` starts there, `stop` ends the worker."""

    output_format: Literal["avro", "json", "confluent"] = "avro"
    """Format of scored events: Avro single-object encoding, JSON, or Avro in Confluent's framing,
    which needs a schema registry."""

    batch_max_records: Count = 2000
    """Maximum number of records of a poll, over all partitions; they are scored at once."""

    batches_in_flight: Count = 8
    """Maximum number of polls in flight; up to four more wait."""

    memory_budget_mb: Annotated[int, Field(ge=48, le=1_000_000)] = 96
    """Memory for leads in a scoring worker, from the fetch to the delivered event, in MB (2^20
    bytes), in addition to an idle worker's (about 150 MB). At least 96 times the largest event."""

    fetch_linger_ms: Annotated[float, Field(ge=0, le=1000)] = 4.0
    """Time to wait for more records after a small poll."""

    commit_interval_seconds: Seconds = 1.0
    """Interval of commits: limits the number of leads that are scored twice after a crash."""

    delivery: Literal["at_least_once", "exactly_once"] = "at_least_once"
    """Delivery guarantee: at least once; or exactly once, for consumers with
    `isolation.level=read_committed`. All workers of a group must have the same (docs/adr/0014)."""

    transaction_interval_ms: Annotated[float, Field(ge=1, le=60_000)] = 100.0
    """Interval of transactions with exactly-once delivery, instead of the commit interval. Outputs
    become visible when their transaction is committed."""

    session_timeout_ms: Annotated[int, Field(ge=6000, le=1_800_000)] = 10_000
    """Time without a heartbeat after which a worker's partitions are assigned to another."""

    longest_outage_days: Annotated[float, Field(gt=0, le=3660, allow_inf_nan=False)] = 3.0
    """Longest outage of all workers that the retention of the topics must cover; `leadscore doctor`
    compares them."""

    metadata_max_age_ms: Annotated[int, Field(ge=1000, le=MOST)] = 15_000
    """Maximum age of the Kafka clients' metadata: new topics and partitions are noticed within this
    time."""

    isolation_level: Literal["read_committed", "read_uncommitted"] = "read_committed"
    """Which leads of a transactional producer are read: `read_committed`, those of committed
    transactions; `read_uncommitted`, all of them, also those of open and aborted transactions."""

    delivery_timeout_seconds: Seconds = 120.0
    """Time limit for the delivery of a batch's outputs, and for finding the start offset of a
    partition. After it the worker crashes."""

    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "none"
    """Compression of outputs."""

    @property
    def is_exactly_once(self) -> bool:
        """Whether outputs and offsets are committed in transactions."""
        return self.delivery == "exactly_once"

    @property
    def commit_seconds(self) -> float:
        """Interval of offset commits, in seconds."""
        if self.is_exactly_once:
            return self.transaction_interval_ms / 1000
        return self.commit_interval_seconds
