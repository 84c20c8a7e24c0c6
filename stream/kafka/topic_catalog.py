"""Every topic of LeadScore, declared once: what it holds, its key and value, and its settings.

docs/topics.md is made from this page by `make docs`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from stream.kafka.access import Operation, Use
from stream.settings import Settings

__all__ = ["DEAD_LETTERS", "PARTIALS", "SCORED", "SOURCE", "TOPICS", "Topic", "topics_of"]

READ, WRITE = (Operation.READ,), (Operation.WRITE,)
SIZE = (Operation.DESCRIBE_CONFIGS,)
"""To read the largest record size of a topic (stream/kafka/topic_limits.py)."""
NEW = {Use.CREATE: (Operation.CREATE, Operation.DESCRIBE)}
"""Operations that `leadscore topics create` needs on every topic."""

DAY_MS = 24 * 60 * 60 * 1000
WEEK, MONTH, QUARTER = (str(days * DAY_MS) for days in (7, 30, 90))
DLQ_MESSAGE_BYTES = str(2 * 1024 * 1024)
"""The default of brokers is 1 MiB, which leaves no room for the headers of a dead letter."""


@dataclass(frozen=True, slots=True)
class Topic:
    """Declaration of a topic."""

    template: str
    """Computes the name from the settings."""
    purpose: str
    key: str
    value: str
    follows_source: bool
    """Whether it has as many partitions as the source topic; else it has one."""
    rights: Mapping[Use, tuple[Operation, ...]]
    """Operations that each use needs; a worker does not start without the topics it uses."""
    configs: Mapping[str, str] = field(default_factory=dict)
    """Topic configuration; the rest is the brokers' default."""
    optional: tuple[Operation, ...] = ()
    """Operations that workers use if they have the right."""
    holds_leads: bool = False
    """Whether its records are of single leads, and their key is the lead's."""

    def name(self, settings: Settings) -> str:
        """Return the name under these settings, prefix included."""
        return self.template.format(settings)


SOURCE = Topic(
    "{0.leads_created}",
    "Leads to score, from the CRM.",
    key="lead_id",
    value="lead_created, or any record with lead_id and created_at",
    follows_source=True,
    rights=NEW
    | {
        Use.SCORE: READ,
        Use.SHADOW: READ,
        Use.ARCHIVE: READ,
        Use.ROLLOUT: (Operation.DESCRIBE,),  # the number of its partitions
        Use.SINK: (Operation.DESCRIBE,),  # as above
        Use.SINK_OVERDUE: (Operation.DESCRIBE,),
        Use.OUTCOMES: (Operation.DESCRIBE,),
        Use.SINK_LEADS: READ,
        Use.PRODUCE: WRITE,
        Use.SERVE: WRITE,
        Use.SNAPSHOT: READ,
        Use.REPLAY: READ,
        Use.DIFF: READ,
        Use.EXPLAIN: READ,
        Use.ERASE: READ,
        Use.DLQ: READ,
        Use.REDRIVE: READ + WRITE,
        Use.LAG: READ,
        Use.TRAIN: READ,
        Use.RETRAIN: READ,
    },
    optional=SIZE,
    configs={"cleanup.policy": "delete", "retention.ms": WEEK},
    holds_leads=True,
)

TOPICS: tuple[Topic, ...] = (
    SOURCE,
    Topic(
        "{0.leads_scored}",
        "Scored leads, each in the partition number that it came from.",
        key="lead_id",
        value="lead_scored",
        follows_source=True,
        rights=NEW
        | {
            Use.SCORE: WRITE,
            Use.OUTCOMES: READ,
            Use.SINK: READ,
            Use.ROLLOUT: READ,
            Use.DIFF: READ,
            Use.VERDICT: READ,
            Use.BANDS: READ,
            Use.EXPLAIN: READ,
            Use.ERASE: READ,
        },
        optional=READ + SIZE,  # read: stream/deliver/emitted_offsets.py
        configs={"cleanup.policy": "delete", "retention.ms": QUARTER},
        holds_leads=True,
    ),
    Topic(
        "{0.leads_created_dlq}",
        "Dead letters: leads that can't be scored, with the reason in the headers.",
        key="as in the source",
        value="the source's bytes, untouched",
        follows_source=True,
        rights=NEW
        | {
            Use.SCORE: WRITE,
            Use.VERDICT: READ,
            Use.DLQ: READ,
            Use.ROLLOUT: READ,
            Use.EXPLAIN: READ,
            Use.ERASE: READ,
            Use.REDRIVE: READ,
            Use.PURGE: (*READ, Operation.DELETE),
        },
        optional=READ + SIZE,  # read: stream/deliver/emitted_offsets.py
        configs={
            "cleanup.policy": "delete",
            "retention.ms": QUARTER,
            "max.message.bytes": DLQ_MESSAGE_BYTES,
        },
        holds_leads=True,
    ),
    Topic(
        "{0.leads_redrives}",
        "Plans and progress of re-drives of dead letters.",
        key="id of the re-drive",
        value="an entry in JSON",
        follows_source=False,
        rights=NEW | {Use.REDRIVE: READ + WRITE},
        configs={"cleanup.policy": "delete", "retention.ms": QUARTER},
    ),
    Topic(
        "{0.leads_sinks_dlq}",
        "Dead letters of sinks: records that a target refuses.",
        key="as in the source",
        value="the source's bytes, untouched",
        follows_source=True,
        rights=NEW
        | dict.fromkeys((Use.SINK, Use.SINK_LEADS, Use.SINK_OVERDUE), WRITE)
        | {Use.SINK_REDRIVE: READ, Use.ERASE: READ},
        optional=SIZE,
        configs={
            "cleanup.policy": "delete",
            "retention.ms": QUARTER,
            "max.message.bytes": DLQ_MESSAGE_BYTES,
        },
        holds_leads=True,
    ),
    Topic(
        "{0.leads_scored_shadow}",
        "The shadow's scores for the same leads.",
        key="lead_id",
        value="lead_scored",
        follows_source=True,
        rights=NEW
        | {
            Use.SHADOW: WRITE,
            Use.OUTCOMES: READ,
            Use.VERDICT: READ,
            Use.ERASE: READ,
        },
        optional=READ + SIZE,  # read: stream/deliver/emitted_offsets.py
        configs={"cleanup.policy": "delete", "retention.ms": QUARTER},
        holds_leads=True,
    ),
    Topic(
        "{0.leads_scored_shadow_dlq}",
        "Leads that the shadow can't score, with the reason in the headers.",
        key="as in the source",
        value="the source's bytes, untouched",
        follows_source=True,
        rights=NEW | {Use.SHADOW: WRITE, Use.VERDICT: READ, Use.ERASE: READ},
        optional=READ + SIZE,
        configs={
            "cleanup.policy": "delete",
            "retention.ms": QUARTER,
            "max.message.bytes": DLQ_MESSAGE_BYTES,
        },
        holds_leads=True,
    ),
    Topic(
        "{0.leads_outcomes}",
        "Outcomes of leads, from the CRM.",
        key="lead_id",
        value="lead_outcome",
        follows_source=True,
        rights=NEW
        | {
            Use.PRODUCE_OUTCOMES: WRITE,
            Use.OUTCOMES: READ,
            Use.DIFF_OUTCOMES: READ,
            Use.ROLLOUT: READ,
            Use.VERDICT: READ,
            Use.ERASE: READ,
            Use.TRAIN: READ,
            Use.RETRAIN: READ,
        },
        configs={"cleanup.policy": "delete", "retention.ms": QUARTER},
        holds_leads=True,
    ),
    Topic(
        "{0.leads_outcomes_dlq}",
        "Dead letters of outcomes, with the reason in the headers.",
        key="as in the source",
        value="the source's bytes, untouched",
        follows_source=True,
        rights=NEW | {Use.OUTCOMES: WRITE, Use.ERASE: READ},
        optional=SIZE,
        configs={
            "cleanup.policy": "delete",
            "retention.ms": QUARTER,
            "max.message.bytes": DLQ_MESSAGE_BYTES,
        },
        holds_leads=True,
    ),
    Topic(
        "{0.leads_models}",
        "Changes of models' aliases, from the rollout agent.",
        key="model, number of the change",
        value="model_change",
        follows_source=False,
        rights=NEW | {Use.ROLLOUT: READ + WRITE},
        optional=SIZE,
        configs={"cleanup.policy": "delete", "retention.ms": QUARTER},
    ),
    Topic(
        "{0.leads_quality}",
        "Reports on the quality of scores, measured by outcomes.",
        key="topic of the scores, partition, model, week; also segment, or change",
        value="quality_report",
        follows_source=False,
        rights=NEW | {Use.OUTCOMES: READ + WRITE, Use.QUALITY: READ, Use.TRAIN: READ},
        optional=SIZE,
        configs={"cleanup.policy": "compact"},
    ),
    Topic(
        "{0.leads_overdue}",
        "Leads that nobody contacted in time.",
        key="lead_id",
        value="lead_overdue",
        follows_source=True,
        rights=NEW | {Use.TIMERS: READ + WRITE, Use.SINK_OVERDUE: READ, Use.ERASE: READ},
        optional=SIZE,
        configs={"cleanup.policy": "delete", "retention.ms": WEEK},
        holds_leads=True,
    ),
    Topic(
        "{0.leads_drift_partials}",
        "Partials: counts of blocks of leads, from the workers.",
        key="partition, block, window, model",
        value="counts of a block",
        follows_source=False,
        rights=NEW | {Use.COUNT: WRITE, Use.DRIFT: READ},
        optional=SIZE,
        configs={"cleanup.policy": "compact,delete", "retention.ms": WEEK},
    ),
    Topic(
        "{0.leads_drift}",
        "Drift reports, one per window.",
        key="model, window",
        value="drift_report",
        follows_source=False,
        rights=NEW
        | {Use.DRIFT: READ + WRITE, Use.STATUS: READ, Use.QUALITY: READ, Use.TRAIN: READ},
        optional=SIZE,
        configs={"cleanup.policy": "delete", "retention.ms": QUARTER},
    ),
    Topic(
        "{0.leads_replays}",
        "Plans of replays, and their ends with the account.",
        key="replay id",
        value="plan and account as JSON",
        follows_source=False,
        rights=NEW | {Use.REPLAY: READ + WRITE, Use.ERASE: READ + WRITE},
        configs={"cleanup.policy": "compact"},
    ),
    Topic(
        "{0.leads_retrain}",
        "Requests to retrain the model.",
        key="id of the request",
        value="retrain_request",
        follows_source=False,
        rights=NEW | {Use.TRAIN: READ + WRITE, Use.RETRAIN: WRITE},
        configs={"cleanup.policy": "delete", "retention.ms": MONTH},
    ),
    Topic(
        "{0.leads_retrains}",
        "Plans of retrainings, and their ends with the account.",
        key="id of the retraining",
        value="plan and account as JSON",
        follows_source=False,
        rights=NEW | {Use.TRAIN: READ + WRITE, Use.RETRAIN: READ + WRITE},
        configs={"cleanup.policy": "compact"},
    ),
    Topic(
        "{0.drift_changelog}",
        "Changelog of the drift agent's Faust table.",
        key="source partition, window",
        value="counts of a window",
        follows_source=False,
        rights=NEW | {Use.DRIFT: READ + WRITE},
        configs={"cleanup.policy": "compact"},
    ),
)
"""All of them; the source is first."""

SCORED, DEAD_LETTERS = TOPICS[1:3]
[PARTIALS] = (topic for topic in TOPICS if topic.template == "{0.leads_drift_partials}")


def topics_of(uses: Collection[Use]) -> tuple[Topic, ...]:
    """Return the topics that some uses have rights on."""
    return tuple(topic for topic in TOPICS if not topic.rights.keys().isdisjoint(uses))
