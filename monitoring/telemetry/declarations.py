"""Every metric of LeadScore, declared once: the name as it is queried, type, unit, labels, meaning.

The tables of the documentation are made from ``DECLARATIONS``; ``monitoring.telemetry.metrics``
records. No metric has a lead's id as a label, and no label takes values without bound: topics,
partitions, stages, error codes, reasons, a model's fields and horizons are few, and the info
metrics hold one set of labels at a time.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["DECLARATIONS", "Declaration", "MetricType", "Shower"]

MetricType = Literal["counter", "gauge", "histogram", "info"]
Shower = Literal["score", "drift", "snapshot"]
"""Who shows a metric: a worker in the role score or drift, or the snapshot job."""


class Declaration(NamedTuple):
    """What is known of a metric before anything is measured."""

    name: str
    """As Prometheus shows it: counters end in ``_total``, infos in ``_info``."""
    type: MetricType
    unit: str
    """Of the value; ``1`` for a state or an info that is always 1."""
    labels: tuple[str, ...]
    sentence: str
    shown_by: Shower = "score"


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
DROPPED_RECORDS = Declaration(
    "leadscore_dropped_records_total",
    "counter",
    "records",
    (),
    "Records that nothing was written of: copies of a dead letter with the code ATTEMPTS.",
)
LOW_COVERAGE_LEADS = Declaration(
    "leadscore_low_coverage_leads_total",
    "counter",
    "leads",
    (),
    "Leads that were scored with a feature coverage below the minimum.",
)
OUT_OF_ORDER_LEADS = Declaration(
    "leadscore_drift_out_of_order_leads_total",
    "counter",
    "leads",
    (),
    "Leads that were scored but are in no drift count: over 288 windows older than those before.",
)
FOREIGN_COMMITS = Declaration(
    "leadscore_foreign_commits_total",
    "counter",
    "commits",
    ("topic", "partition", "direction"),
    "Commits of the group that no LeadScore worker made, by where they moved the offset: forward,"
    " backward or unknown.",
)
FOREIGN_COMMIT_OFFSETS = Declaration(
    "leadscore_foreign_commit_offsets_total",
    "counter",
    "offsets",
    ("direction",),
    "Offsets that such commits skipped (forward) or went back (backward).",
)
PINNED_MODEL_MISSING = Declaration(
    "leadscore_pinned_model_missing_total",
    "counter",
    "partitions",
    (),
    "Partitions whose records may be scored again, but whose model could not be loaded any more.",
)
REBALANCES = Declaration(
    "leadscore_rebalances_total",
    "counter",
    "rebalances",
    (),
    "Assignments of partitions that this worker got, the first one included.",
)
LOSSES = Declaration(
    "leadscore_losses_total",
    "counter",
    "losses",
    ("topic", "partition", "reason"),
    "Times that records of a partition were lost before they were read: removed by retention, or"
    " their log was truncated or re-created.",
)
LOST_RECORDS = Declaration(
    "leadscore_lost_records_total",
    "counter",
    "records",
    ("topic", "partition", "reason"),
    "Offsets of the source topic that can never be read: the most leads that can have been lost.",
)
MODEL_LOAD_FAILURES = Declaration(
    "leadscore_model_load_failures_total",
    "counter",
    "failures",
    ("reason",),
    "Attempts to load a model that failed, by reason.",
)
MODEL_LOAD_FAILING = Declaration(
    "leadscore_model_load_failing",
    "gauge",
    "1",
    (),
    "1 while the model that the settings name can't be loaded, until it is or they lead to the one"
    " that scores; else 0.",
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
    "Time in a stage: decode, features, model, encode of a poll, drift, deliver of a batch.",
)
SCORING_DURATION = Declaration(
    "leadscore_scoring_duration_seconds",
    "histogram",
    "seconds",
    (),
    "Time from a poll's begin until its scored events are encoded; delivery is not in it.",
)
EVENT_TO_SCORED = Declaration(
    "leadscore_event_to_scored_seconds",
    "histogram",
    "seconds",
    (),
    "Time from a lead's Kafka time stamp to the delivery of its scored event, for every lead whose"
    " time stamp is plausible: not before 2011, at most an hour ahead.",
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
    "Number of the model's fields that a lead has, as a share of what nine in ten training leads"
    " have at least; for every scored lead.",
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
    "Age of the oldest record of an assigned partition that is not yet done; 0 when caught up, or"
    " where its time stamp is implausible.",
)
LAST_COMMIT_AGE = Declaration(
    "leadscore_last_commit_age_seconds",
    "gauge",
    "seconds",
    (),
    "Time since offsets were last committed, at first since partitions were assigned; grows while"
    " there is nothing to commit.",
)
ASSIGNED_PARTITIONS = Declaration(
    "leadscore_assigned_partitions",
    "gauge",
    "partitions",
    (),
    "Partitions of the source topic that this worker reads.",
)
PARTITION_STUCK = Declaration(
    "leadscore_partition_stuck",
    "gauge",
    "1",
    ("topic", "partition"),
    "Whether no progress is made on an assigned partition though there is work: 1 or 0.",
)
READY = Declaration(
    "leadscore_ready",
    "gauge",
    "1",
    (),
    "1 when the worker is ready to score, as /readyz says; else 0.",
)
IN_FLIGHT_BYTES = Declaration(
    "leadscore_in_flight_bytes",
    "gauge",
    "bytes",
    (),
    "Bytes of records that were polled and are not done, 512 for each record included.",
)
EVENT_LOOP_HOLD = Declaration(
    "leadscore_event_loop_hold_seconds",
    "gauge",
    "seconds",
    ("clock",),
    "Longest time of the last minute or two in which the event loop served nothing else; `wall`"
    " includes the time in which the process had no CPU, `cpu` does not.",
)
MODEL_INFO = Declaration(
    "leadscore_model_info",
    "info",
    "1",
    ("name", "version", "sha256", "engine", "calibration"),
    "The model that scores.",
)
MODEL_PUBLISHED = Declaration(
    "leadscore_model_published_timestamp_seconds",
    "gauge",
    "seconds",
    (),
    "When the model that scores was published, in seconds since 1970; absent where unknown.",
)
BUILD_INFO = Declaration(
    "leadscore_build_info",
    "info",
    "1",
    ("version", "python"),
    "Version of LeadScore and of the Python that runs it.",
)

DRIFT_LEADS = Declaration(
    "leadscore_drift_leads",
    "gauge",
    "leads",
    ("window",),
    "Leads of the horizon, topic-wide.",
    "drift",
)
FIELD_PSI = Declaration(
    "leadscore_drift_field_psi_ratio",
    "gauge",
    "ratio",
    ("field", "window"),
    "Population stability index of a field, or of an aspect of one (`seen:hour`), against the"
    " reference.",
    "drift",
)
FIELD_PSI_NOISE = Declaration(
    "leadscore_drift_field_psi_noise_ratio",
    "gauge",
    "ratio",
    ("field", "window"),
    "What a field's PSI is expected to be without drift.",
    "drift",
)
FIELD_KL = Declaration(
    "leadscore_drift_field_kl_ratio",
    "gauge",
    "ratio",
    ("field", "window"),
    "Kullback-Leibler divergence of a field from the reference, in nats.",
    "drift",
)
FIELD_JS = Declaration(
    "leadscore_drift_field_js_ratio",
    "gauge",
    "ratio",
    ("field", "window"),
    "Jensen-Shannon divergence of a field from the reference.",
    "drift",
)
FIELD_P_VALUE = Declaration(
    "leadscore_drift_field_p_value_ratio",
    "gauge",
    "ratio",
    ("field", "window"),
    "p-value of a field's test, after Bonferroni over its aspects and Benjamini and Hochberg over"
    " the fields.",
    "drift",
)
FIELD_MISSING = Declaration(
    "leadscore_drift_field_missing_ratio",
    "gauge",
    "ratio",
    ("field", "window"),
    "Share of the leads in which a field is missing.",
    "drift",
)
FIELD_MISSING_CHANGE = Declaration(
    "leadscore_drift_field_missing_change_ratio",
    "gauge",
    "ratio",
    ("field", "window"),
    "That share minus the reference's.",
    "drift",
)
FIELD_UNSEEN = Declaration(
    "leadscore_drift_field_unseen_ratio",
    "gauge",
    "ratio",
    ("field", "window"),
    "Share of the leads in which a field has a level without a bin.",
    "drift",
)
FIELD_UNSEEN_CHANGE = Declaration(
    "leadscore_drift_field_unseen_change_ratio",
    "gauge",
    "ratio",
    ("field", "window"),
    "That share minus the reference's.",
    "drift",
)
FIELD_DRIFTED = Declaration(
    "leadscore_drift_field_drifted",
    "gauge",
    "1",
    ("field", "window"),
    "1 when a field, or an aspect of one, has drifted; else 0.",
    "drift",
)
DRIFT_SHARE = Declaration(
    "leadscore_drift_share_ratio",
    "gauge",
    "ratio",
    ("window",),
    "Share of the model's fields that have drifted.",
    "drift",
)
DRIFT_WEIGHTED_SHARE = Declaration(
    "leadscore_drift_weighted_share_ratio",
    "gauge",
    "ratio",
    ("window",),
    "The same, each field weighted by its importance to the model.",
    "drift",
)
SCORE_PSI = Declaration(
    "leadscore_drift_score_psi_ratio",
    "gauge",
    "ratio",
    ("window",),
    "Population stability index of the scores against the reference.",
    "drift",
)
SCORE_PSI_NOISE = Declaration(
    "leadscore_drift_score_psi_noise_ratio",
    "gauge",
    "ratio",
    ("window",),
    "What the scores' PSI is expected to be without drift.",
    "drift",
)
SCORE_P_VALUE = Declaration(
    "leadscore_drift_score_p_value_ratio",
    "gauge",
    "ratio",
    ("window",),
    "p-value of the Kolmogorov-Smirnov test on the scores.",
    "drift",
)
PREDICTION_DRIFT = Declaration(
    "leadscore_drift_prediction_drift",
    "gauge",
    "1",
    ("window",),
    "1 when the scores have drifted; else 0.",
    "drift",
)
DRIFT_ENGAGEMENT = Declaration(
    "leadscore_drift_engagement_ratio",
    "gauge",
    "ratio",
    ("window",),
    "Mean score: the share of leads that the model expects to engage.",
    "drift",
)
ENGAGEMENT_LOW = Declaration(
    "leadscore_drift_engagement_low_ratio",
    "gauge",
    "ratio",
    (),
    "Lowest mean score that is healthy, as the bundle says.",
    "drift",
)
ENGAGEMENT_HIGH = Declaration(
    "leadscore_drift_engagement_high_ratio",
    "gauge",
    "ratio",
    (),
    "Highest mean score that is healthy, as the bundle says.",
    "drift",
)
DRIFT_COVERAGE = Declaration(
    "leadscore_drift_coverage_ratio",
    "gauge",
    "ratio",
    ("window",),
    "Mean number of the model's fields that the leads have, as a share of what nine in ten training"
    " leads have at least.",
    "drift",
)
DRIFT_ALARMS = Declaration(
    "leadscore_drift_alarms_total",
    "counter",
    "alarms",
    ("detector", "stream", "confirmed"),
    "Alarms; confirmed is true where the windowed statistics agree, else false.",
    "drift",
)
LATE_LEADS = Declaration(
    "leadscore_drift_late_leads_total",
    "counter",
    "leads",
    (),
    "Leads that came after their window was closed.",
    "drift",
)
WINDOWS_CLOSED = Declaration(
    "leadscore_drift_windows_closed_total",
    "counter",
    "windows",
    (),
    "Windows that were closed and reported.",
    "drift",
)
WINDOWS_CLOSED_EARLY = Declaration(
    "leadscore_drift_windows_closed_early_total",
    "counter",
    "windows",
    (),
    "Windows of a partition that were closed before the watermark passed them: too many were open.",
    "drift",
)
WATERMARK = Declaration(
    "leadscore_drift_watermark_seconds",
    "gauge",
    "seconds",
    (),
    "Event time up to which leads are taken to be complete, in seconds since 1970.",
    "drift",
)
OPEN_WINDOWS = Declaration(
    "leadscore_drift_open_windows",
    "gauge",
    "windows",
    (),
    "Windows that are not yet closed.",
    "drift",
)
PARTIALS = Declaration(
    "leadscore_drift_partials_total",
    "counter",
    "partials",
    (),
    "Partials that were taken into the table.",
    "drift",
)
ROLLING_MEAN = Declaration(
    "leadscore_drift_rolling_score_mean_ratio",
    "gauge",
    "ratio",
    (),
    "Mean of the last sampled scores.",
    "drift",
)
ROLLING_VARIANCE = Declaration(
    "leadscore_drift_rolling_score_variance_ratio",
    "gauge",
    "ratio",
    (),
    "Variance of the last sampled scores.",
    "drift",
)
ROLLING_QUANTILE = Declaration(
    "leadscore_drift_rolling_score_quantile_ratio",
    "gauge",
    "ratio",
    ("share",),
    "Quantiles of the last sampled scores, by the share of scores below.",
    "drift",
)
SNAPSHOT_LAST_SUCCESS = Declaration(
    "leadscore_snapshot_last_success_timestamp_seconds",
    "gauge",
    "seconds",
    (),
    "When a snapshot was last written, in seconds since 1970; absent before the first.",
    "snapshot",
)
SNAPSHOT_DURATION = Declaration(
    "leadscore_snapshot_duration_seconds",
    "gauge",
    "seconds",
    (),
    "Time that the last snapshot took.",
    "snapshot",
)
SNAPSHOT_ROWS = Declaration(
    "leadscore_snapshot_rows",
    "gauge",
    "leads",
    (),
    "Leads in the last snapshot's sample.",
    "snapshot",
)
SNAPSHOT_DRIFT_SHARE = Declaration(
    "leadscore_snapshot_drift_share_ratio",
    "gauge",
    "ratio",
    (),
    "Share of the fields that have drifted in the last snapshot.",
    "snapshot",
)
SNAPSHOT_PERIOD = Declaration(
    "leadscore_snapshot_period_seconds",
    "gauge",
    "seconds",
    (),
    "Time from one snapshot to the next, as set.",
    "snapshot",
)
SNAPSHOT_FAILURES = Declaration(
    "leadscore_snapshot_failures_total",
    "counter",
    "failures",
    (),
    "Snapshots that were begun and not written.",
    "snapshot",
)

DECLARATIONS: tuple[Declaration, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Declaration)
)
"""All of them, in the order of this page."""
