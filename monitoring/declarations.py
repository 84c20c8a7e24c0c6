"""Every metric of LeadScore, declared once: the name as it is queried, type, unit, labels, meaning.

The tables of the documentation are made from ``DECLARATIONS``; ``monitoring.metrics`` records.
No metric has a lead's id as a label, and no label takes values without bound: topics, partitions,
stages and error codes are few, and the info metrics hold one set of labels at a time.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["DECLARATIONS", "Declaration", "MetricType"]

MetricType = Literal["counter", "gauge", "histogram", "info"]


class Declaration(NamedTuple):
    """What is known of a metric before anything is measured."""

    name: str
    """As Prometheus shows it: counters end in ``_total``, infos in ``_info``."""
    type: MetricType
    unit: str
    """Of the value; ``1`` for a state or an info that is always 1."""
    labels: tuple[str, ...]
    sentence: str


RECORDS_CONSUMED = Declaration(
    "leadscore_records_consumed_total",
    "counter",
    "records",
    ("topic", "partition"),
    "Records taken from the source topic; one that is read again counts again.",
)
LEADS_SCORED = Declaration(
    "leadscore_leads_scored_total",
    "counter",
    "leads",
    (),
    "Leads whose scored event was delivered.",
)
DEAD_LETTERS = Declaration(
    "leadscore_dead_letters_total",
    "counter",
    "records",
    ("code",),
    "Records delivered to the dead-letter topic, by error code.",
)
LOW_COVERAGE_LEADS = Declaration(
    "leadscore_low_coverage_leads_total",
    "counter",
    "leads",
    (),
    "Leads that were scored with a feature coverage below the minimum.",
)
REBALANCES = Declaration(
    "leadscore_rebalances_total",
    "counter",
    "rebalances",
    (),
    "Assignments of partitions that this worker got, the first one included.",
)
MODEL_LOAD_FAILURES = Declaration(
    "leadscore_model_load_failures_total",
    "counter",
    "failures",
    (),
    "Models that were refused or could not be loaded.",
)
BATCH_RECORDS = Declaration(
    "leadscore_batch_records",
    "histogram",
    "records",
    (),
    "Records of a batch that is done, dead letters included.",
)
STAGE_DURATION = Declaration(
    "leadscore_stage_duration_seconds",
    "histogram",
    "seconds",
    ("stage",),
    "Time that a batch spent in a stage: decode, features, model, encode, deliver.",
)
EVENT_TO_SCORED = Declaration(
    "leadscore_event_to_scored_seconds",
    "histogram",
    "seconds",
    (),
    "Time from a lead's Kafka time stamp to the delivery of its scored event, for every lead.",
)
SCORE = Declaration(
    "leadscore_score_ratio",
    "histogram",
    "ratio",
    (),
    "Scores (calibrated probabilities) of the leads.",
)
FEATURE_COVERAGE = Declaration(
    "leadscore_feature_coverage_ratio",
    "histogram",
    "ratio",
    (),
    "Share of the model's fields that a lead brought along, for every scored lead.",
)
LAG_RECORDS = Declaration(
    "leadscore_lag_records",
    "gauge",
    "records",
    ("topic", "partition"),
    "Records of an assigned partition that are not yet done, as of the last fetch.",
)
LAG_SECONDS = Declaration(
    "leadscore_lag_seconds",
    "gauge",
    "seconds",
    ("topic", "partition"),
    "Age of the oldest record of an assigned partition that is not yet done; 0 when caught up.",
)
LAST_COMMIT_AGE = Declaration(
    "leadscore_last_commit_age_seconds",
    "gauge",
    "seconds",
    (),
    "Time since offsets were last committed; grows while there is nothing to commit.",
)
ASSIGNED_PARTITIONS = Declaration(
    "leadscore_assigned_partitions",
    "gauge",
    "partitions",
    (),
    "Partitions of the source topic that this worker reads.",
)
READY = Declaration(
    "leadscore_ready",
    "gauge",
    "1",
    (),
    "1 when the worker is ready to score, as /readyz says; else 0.",
)
MODEL_INFO = Declaration(
    "leadscore_model_info",
    "info",
    "1",
    ("name", "version", "sha256", "engine", "calibration"),
    "The model that scores.",
)
BUILD_INFO = Declaration(
    "leadscore_build_info",
    "info",
    "1",
    ("version", "python"),
    "Version of LeadScore and of the Python that runs it.",
)

DECLARATIONS: tuple[Declaration, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Declaration)
)
"""All of them, in the order of this page."""
