"""The terms of Kafka's authorizer, and the uses that LeadScore makes of Kafka.

Which operations a use needs on which resource is declared in stream/kafka/topic_catalog.py and
stream/kafka/declared_rights.py.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Literal

from stream.settings import Settings

__all__ = ["SINKS", "Operation", "ResourceType", "Use", "client_name", "uses_of"]

ResourceType = Literal["topic", "group", "transactional-id", "cluster"]


class Operation(IntEnum):
    """An operation of Kafka's authorizer; the value is its code in the protocol (KIP-430)."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10
    IDEMPOTENT_WRITE = 12

    @property
    def title(self) -> str:
        """Its name as `kafka-acls` takes it, such as DescribeConfigs."""
        return self.name.title().replace("_", "")


class Use(StrEnum):
    """One use of Kafka: a part of a worker's role, or a command."""

    SCORE = "score"
    """A worker that scores."""
    COUNT = "count"
    """A worker that scores counts leads for drift (LEADSCORE_DRIFT)."""
    TRANSACT = "transact"
    """A worker that scores commits in transactions (LEADSCORE_DELIVERY=exactly_once)."""
    DRIFT = "drift"
    """A worker that watches drift."""
    SHADOW = "shadow"
    """A worker that scores as the shadow."""
    SHADOW_TRANSACT = "shadow-transact"
    """A shadow commits in transactions (LEADSCORE_DELIVERY=exactly_once)."""
    ARCHIVE = "archive"
    """A worker that archives leads."""
    TRAIN = "trainer"
    """A worker that retrains the model."""
    OUTCOMES = "outcomes"
    """A worker that measures quality by outcomes."""
    TIMERS = "timers"
    """A worker that does so reports leads that are overdue (LEADSCORE_HOT_MINUTES)."""
    ROLLOUT = "rollout"
    """A worker that rolls out canaries."""
    SINK = "sink"
    """A sink that writes scores."""
    SINK_LEADS = "sink-leads"
    """A sink that writes leads."""
    SINK_OVERDUE = "sink-overdue"
    """A sink that writes events of leads that are overdue."""
    SINK_REDRIVE = "sink-redrive"
    """`leadscore sink --redrive`."""
    CREATE = "topics-create"
    """`leadscore topics create`."""
    PRODUCE = "produce"
    """`leadscore produce`."""
    PRODUCE_OUTCOMES = "produce-outcomes"
    """`leadscore produce --outcomes`, besides."""
    SNAPSHOT = "snapshot"
    """`leadscore snapshot`."""
    REPLAY = "replay"
    """`leadscore replay`, to an isolated topic."""
    DIFF = "diff"
    """`leadscore diff`."""
    DIFF_OUTCOMES = "diff-outcomes"
    """`leadscore diff --with-outcomes`, besides."""
    VERDICT = "models-verdict"
    """`leadscore models verdict`."""
    BANDS = "models-bands"
    """`leadscore models bands`."""
    EXPLAIN = "explain"
    """`leadscore explain`, of a score that a worker gave."""
    ERASE = "erase"
    """`leadscore erase`."""
    STATUS = "drift-status"
    """`leadscore drift status`."""
    QUALITY = "quality"
    """`leadscore quality`."""
    DLQ = "dlq"
    """`leadscore dlq stats`, `list`, `show` and `try`."""
    REDRIVE = "dlq-redrive"
    """`leadscore dlq redrive`."""
    PURGE = "dlq-purge"
    """`leadscore dlq purge`."""
    SERVE = "serve"
    """`leadscore serve` with LEADSCORE_REST_WRITE_LEADS."""
    RETRAIN = "retrain"
    """`leadscore retrain`."""
    LAG = "lag"
    """`leadscore lag`."""


SINKS = {"scores": Use.SINK, "leads": Use.SINK_LEADS, "overdue": Use.SINK_OVERDUE}
"""The use of a sink, by its content."""


def uses_of(settings: Settings) -> tuple[Use, ...]:
    """Return the uses of a worker with these settings."""
    if settings.role == "sink":
        return (SINKS[settings.sink_content],)
    uses: list[Use] = []
    if settings.role in ("score", "all"):
        uses.append(Use.SCORE)
        uses += [Use.COUNT] if settings.drift else []
        uses += [Use.TRANSACT] if settings.is_exactly_once else []
    if settings.role in ("drift", "all"):
        uses.append(Use.DRIFT)
    if settings.role == "shadow":
        uses.append(Use.SHADOW)
        uses += [Use.SHADOW_TRANSACT] if settings.is_exactly_once else []
    if settings.role == "archive":
        uses.append(Use.ARCHIVE)
    if settings.role == "trainer":
        uses.append(Use.TRAIN)
        uses += [Use.VERDICT] if settings.retrain_auto else []
    if settings.role == "outcomes":
        uses.append(Use.OUTCOMES)
        uses += [Use.TIMERS] if settings.has_timers else []
    if settings.role == "rollout":
        uses.append(Use.ROLLOUT)
    return tuple(uses)


def client_name(settings: Settings) -> str:
    """Return for people who connects to Kafka with these settings; never the password."""
    if settings.security_protocol.startswith("SASL"):
        return f"user {settings.sasl_username}"
    if settings.security_protocol == "SSL" and settings.ssl_certfile is not None:
        return f"the owner of the certificate {settings.ssl_certfile}"
    return "user ANONYMOUS"
