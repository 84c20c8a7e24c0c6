"""Every metric of LeadScore, declared once: its name in queries, type, unit, labels and meaning.

The tables of the documentation are made from ``DECLARATIONS``; ``monitoring.telemetry.metrics``
records. No metric has a lead's id as a label, and no label takes values without bound: topics,
partitions, stages, error codes, reasons, a model's fields and horizons are few, and the info
metrics hold one set of labels at a time.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["DECLARATIONS", "Declaration", "MetricType", "Shower"]

MetricType = Literal["counter", "gauge", "histogram", "info"]
Shower = Literal["score", "drift", "archive", "sink", "snapshot", "replay", "lag", "rest", "hooks"]
"""Process that exposes a metric: a worker by its role, the snapshot job, a replay, the lag exporter
(``leadscore lag --port``), the REST server (``leadscore serve``), which also exposes those of the
model, or the receiver of webhooks (``leadscore hooks``)."""


class Declaration(NamedTuple):
    """Declaration of a metric."""

    name: str
    """Name in Prometheus: counters end in ``_total``, infos in ``_info``."""
    type: MetricType
    unit: str
    """Unit of the value; ``1`` for a state, or for an info, which is always 1."""
    labels: tuple[str, ...]
    sentence: str
    shown_by: Shower = "score"


RECORDS_CONSUMED = Declaration(
    "leadscore_records_consumed_total",
    "counter",
    "records",
    ("topic", "partition"),
    "Records consumed from the source topic; a record that is read again counts again.",
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
    "Records dropped without an output: copies of a dead letter with the code ATTEMPTS.",
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
    "Leads that were scored but not counted for drift: over 288 windows older than those before.",
)
FOREIGN_COMMITS = Declaration(
    "leadscore_foreign_commits_total",
    "counter",
    "commits",
    ("topic", "partition", "direction"),
    "Commits of the consumer group that no LeadScore worker made or deleted, by direction of the"
    " change: forward, backward (also: deleted or expired) or unknown.",
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
    "Partitions whose pinned model could not be loaded: their records may be scored again by"
    " another model.",
)
REBALANCES = Declaration(
    "leadscore_rebalances_total",
    "counter",
    "rebalances",
    (),
    "Partition assignments of this worker, the first one included.",
)
LOSSES = Declaration(
    "leadscore_losses_total",
    "counter",
    "losses",
    ("topic", "partition", "reason"),
    "Losses of unread records, per partition: removed by retention, or the log was truncated or"
    " re-created.",
)
LOST_RECORDS = Declaration(
    "leadscore_lost_records_total",
    "counter",
    "records",
    ("topic", "partition", "reason"),
    "Offsets of the source topic that can never be read: an upper bound of the lost leads.",
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
    "1 while the model that the settings name can't be loaded and differs from the loaded one;"
    " else 0.",
)
SCHEMA_CACHE_HITS = Declaration(
    "leadscore_schema_cache_hits_total",
    "counter",
    "ids",
    (),
    "Schema ids that were known when a batch came: each id of a batch counts once.",
)
SCHEMA_REQUESTS = Declaration(
    "leadscore_schema_registry_requests_total",
    "counter",
    "requests",
    ("outcome",),
    "Requests to the schema registry for an id: answered, not_found (it has no such id), failed (no"
    " answer, or it refused).",
)
SCHEMA_WAITING = Declaration(
    "leadscore_schema_waiting_partitions",
    "gauge",
    "partitions",
    (),
    "Partitions that wait for the schema of an id.",
)
BATCH_RECORDS = Declaration(
    "leadscore_batch_records",
    "histogram",
    "records",
    (),
    "Records per completed batch, dead letters included.",
)
STAGE_DURATION = Declaration(
    "leadscore_stage_duration_seconds",
    "histogram",
    "seconds",
    ("stage",),
    "Time in a stage: decode, features, model and encode per poll, drift and deliver per batch.",
)
SCORING_DURATION = Declaration(
    "leadscore_scoring_duration_seconds",
    "histogram",
    "seconds",
    (),
    "Time from the start of a poll until its scored events are encoded, without delivery.",
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
    "Number of the model's fields that a scored lead has, as a share of the number that nine in"
    " ten training leads have at least.",
)
LAG_RECORDS = Declaration(
    "leadscore_lag_records",
    "gauge",
    "records",
    ("topic", "partition"),
    "Unfinished records of an assigned partition, as of the last fetch.",
)
LAG_SECONDS = Declaration(
    "leadscore_lag_seconds",
    "gauge",
    "seconds",
    ("topic", "partition"),
    "Age of the oldest unfinished record of an assigned partition; 0 if there is none, or its"
    " timestamp is implausible.",
)
LAG_ETA = Declaration(
    "leadscore_lag_eta_seconds",
    "gauge",
    "seconds",
    ("topic", "partition"),
    "Time until an assigned partition has no unfinished record, at the rates of the last minute:"
    " +Inf if the backlog does not shrink; absent before the rates are known.",
)
LAST_COMMIT_AGE = Declaration(
    "leadscore_last_commit_age_seconds",
    "gauge",
    "seconds",
    (),
    "Time since the last offset commit, or since the assignment before the first commit; it grows"
    " while there is nothing to commit.",
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
    "1 when an assigned partition has records but makes no progress; else 0.",
)
READY = Declaration(
    "leadscore_ready",
    "gauge",
    "1",
    (),
    "1 when the worker is ready to score, as in /readyz; else 0.",
)
IN_FLIGHT_BYTES = Declaration(
    "leadscore_in_flight_bytes",
    "gauge",
    "bytes",
    (),
    "Bytes of records in flight (polled, not finished), with 512 bytes of overhead per record.",
)
EVENT_LOOP_HOLD = Declaration(
    "leadscore_event_loop_hold_seconds",
    "gauge",
    "seconds",
    ("clock",),
    "Longest time in the last one to two minutes for which one task blocked the event loop; `wall`"
    " includes time in which the process had no CPU, `cpu` does not.",
)
MODEL_INFO = Declaration(
    "leadscore_model_info",
    "info",
    "1",
    ("name", "version", "sha256", "engine", "calibration"),
    "The loaded model.",
)
MODEL_PUBLISHED = Declaration(
    "leadscore_model_published_timestamp_seconds",
    "gauge",
    "seconds",
    (),
    "Publication time of the loaded model, in seconds since 1970; absent if unknown.",
)
BUILD_INFO = Declaration(
    "leadscore_build_info",
    "info",
    "1",
    ("version", "python"),
    "Versions of LeadScore and Python.",
)

SINK_RECORDS = Declaration(
    "leadscore_sink_records_total",
    "counter",
    "records",
    ("outcome",),
    "Verdicts of the target on records: written, skipped, refused (a dead letter) or retry.",
    "sink",
)
SINK_DEAD_LETTERS = Declaration(
    "leadscore_sink_dead_letters_total",
    "counter",
    "records",
    ("code",),
    "Records delivered to the dead-letter topic of the sinks, by error code.",
    "sink",
)
SINK_WRITES = Declaration(
    "leadscore_sink_write_duration_seconds",
    "histogram",
    "seconds",
    (),
    "Time of a write that the target answered; the count is the number of batches.",
    "sink",
)
SINK_RETRIES = Declaration(
    "leadscore_sink_retries_total",
    "counter",
    "attempts",
    ("reason",),
    "Writes that are tried again: the target was away, or it asked so for some records.",
    "sink",
)
SINK_TARGET_UP = Declaration(
    "leadscore_sink_target_up",
    "gauge",
    "1",
    (),
    "1 when the target answered the last attempt; else 0.",
    "sink",
)
SINK_INFO = Declaration(
    "leadscore_sink_info",
    "info",
    "1",
    ("name", "kind", "content"),
    "The sink: its name, its kind and what it writes (scores or leads).",
    "sink",
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
    "Expected PSI of a field without drift.",
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
    "That share minus the share in the reference.",
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
    "That share minus the share in the reference.",
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
    "Share of the model's fields that have drifted, weighted by importance to the model.",
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
    "Expected PSI of the scores without drift.",
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
    "Lowest healthy mean score, from the bundle.",
    "drift",
)
ENGAGEMENT_HIGH = Declaration(
    "leadscore_drift_engagement_high_ratio",
    "gauge",
    "ratio",
    (),
    "Highest healthy mean score, from the bundle.",
    "drift",
)
DRIFT_COVERAGE = Declaration(
    "leadscore_drift_coverage_ratio",
    "gauge",
    "ratio",
    ("window",),
    "Mean number of the model's fields that the leads have, as a share of the number that nine in"
    " ten training leads have at least.",
    "drift",
)
DRIFT_ALARMS = Declaration(
    "leadscore_drift_alarms_total",
    "counter",
    "alarms",
    ("detector", "stream", "confirmed"),
    "Alarms; `confirmed` is true if the windowed statistics confirm the change, else false.",
    "drift",
)
LATE_LEADS = Declaration(
    "leadscore_drift_late_leads_total",
    "counter",
    "leads",
    (),
    "Leads that arrived after their window was closed.",
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
    "Windows of a partition that were closed before the watermark passed them, as too many were"
    " open.",
    "drift",
)
WATERMARK = Declaration(
    "leadscore_drift_watermark_seconds",
    "gauge",
    "seconds",
    (),
    "Watermark: event time up to which leads are assumed complete, in seconds since 1970.",
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
    "Partials added to the table.",
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
ARCHIVED_RECORDS = Declaration(
    "leadscore_archived_records_total",
    "counter",
    "records",
    (),
    "Records in files of the archive that this worker has completed.",
    "archive",
)
ARCHIVED_FILES = Declaration(
    "leadscore_archived_files_total",
    "counter",
    "files",
    (),
    "Files of the archive that this worker has completed.",
    "archive",
)
ARCHIVED_BYTES = Declaration(
    "leadscore_archived_bytes_total",
    "counter",
    "bytes",
    (),
    "Bytes of these files, compressed.",
    "archive",
)
ARCHIVE_LOST_RECORDS = Declaration(
    "leadscore_archive_lost_records_total",
    "counter",
    "records",
    ("topic", "partition", "reason"),
    "Offsets of the source topic that were removed before they were archived: an upper bound of"
    " the leads that no replay can reach.",
    "archive",
)
ARCHIVE_LAG_RECORDS = Declaration(
    "leadscore_archive_lag_records",
    "gauge",
    "records",
    ("topic", "partition"),
    "Records of an assigned partition that are in no complete file.",
    "archive",
)
ARCHIVE_LAG_SECONDS = Declaration(
    "leadscore_archive_lag_seconds",
    "gauge",
    "seconds",
    ("topic", "partition"),
    "Age of the oldest of these records; 0 if there is none.",
    "archive",
)
ARCHIVE_IS_FULL = Declaration(
    "leadscore_archive_full",
    "gauge",
    "1",
    (),
    "1 while nothing is archived because the disk is full; else 0.",
    "archive",
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
    "Duration of the last snapshot.",
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
    "Configured time from one snapshot to the next.",
    "snapshot",
)
SNAPSHOT_FAILURES = Declaration(
    "leadscore_snapshot_failures_total",
    "counter",
    "failures",
    (),
    "Snapshots that failed.",
    "snapshot",
)
GROUP_LAG_RECORDS = Declaration(
    "leadscore_group_lag_records",
    "gauge",
    "records",
    ("group", "topic", "partition"),
    "Visible records of a partition that a consumer group has not committed: an upper bound of a"
    " long backlog; absent without a commit.",
    "lag",
)
GROUP_LAG_SECONDS = Declaration(
    "leadscore_group_lag_seconds",
    "gauge",
    "seconds",
    ("group", "topic", "partition"),
    "Age of the oldest of these records by Kafka's clock; 0 if there is none; absent without a"
    " commit, or if its timestamp is implausible.",
    "lag",
)
GROUP_LAG_ETA = Declaration(
    "leadscore_group_lag_eta_seconds",
    "gauge",
    "seconds",
    ("group", "topic", "partition"),
    "Time until the group has caught up, at the rates of the last minute: +Inf if the backlog does"
    " not shrink; absent before the rates are known.",
    "lag",
)
GROUP_EXPIRED = Declaration(
    "leadscore_group_expired_offsets",
    "gauge",
    "offsets",
    ("group", "topic", "partition"),
    "Offsets between the group's commit and the start of the log: records that were removed"
    " unread. They are no lag.",
    "lag",
)
GROUP_UNKNOWN = Declaration(
    "leadscore_group_lag_unknown_partitions",
    "gauge",
    "partitions",
    ("group", "topic"),
    "Partitions whose lag is unknown: they have records but no commit of the group, or its commit"
    " is beyond the log's end.",
    "lag",
)
GROUP_LAG_AGE = Declaration(
    "leadscore_group_lag_age_seconds",
    "gauge",
    "seconds",
    (),
    "Time since these lags were last read, or since the exporter's start; they are old if it is"
    " above the interval.",
    "lag",
)
GROUP_LAG_FAILURES = Declaration(
    "leadscore_group_lag_failures_total",
    "counter",
    "failures",
    (),
    "Readings of lags that failed: Kafka did not answer, or refused.",
    "lag",
)

REPLAY_OFFSETS = Declaration(
    "leadscore_replay_offsets",
    "gauge",
    "offsets",
    ("outcome",),
    "Offsets of the replay's ranges by what became of them: scored, dead_lettered, filtered,"
    " dropped, expired, gaps.",
    "replay",
)
REPLAY_REMAINING = Declaration(
    "leadscore_replay_remaining_offsets",
    "gauge",
    "offsets",
    (),
    "Offsets of the replay's ranges that are not done.",
    "replay",
)
REPLAY_YIELDS = Declaration(
    "leadscore_replay_yields",
    "gauge",
    "1",
    (),
    "1 while the replay is slowed down because the workers are behind, else 0.",
    "replay",
)

HTTP_REQUESTS = Declaration(
    "leadscore_http_requests_total",
    "counter",
    "requests",
    ("route", "status"),
    "Requests of the REST server, by declared path and HTTP status.",
    "rest",
)
HTTP_REQUEST_SECONDS = Declaration(
    "leadscore_http_request_seconds",
    "histogram",
    "seconds",
    ("route",),
    "Time from the head of a request to the end of its answer.",
    "rest",
)
HTTP_BATCH_LEADS = Declaration(
    "leadscore_http_batch_leads",
    "histogram",
    "leads",
    (),
    "Leads that the REST server scores in one call of the model.",
    "rest",
)
PREDICTION_CACHE = Declaration(
    "leadscore_prediction_cache_total",
    "counter",
    "look-ups",
    ("result",),
    "Look-ups in the prediction cache of the REST server: hit or miss.",
    "rest",
)
HTTP_WRITTEN_LEADS = Declaration(
    "leadscore_http_written_leads_total",
    "counter",
    "leads",
    ("outcome",),
    "Leads of requests that were to be written to Kafka: acknowledged, or failed (answered with"
    " 503).",
    "rest",
)
HTTP_LOG_DROPPED = Declaration(
    "leadscore_http_log_dropped_lines_total",
    "counter",
    "lines",
    (),
    "Lines of requests and predictions that the disk did not take (LEADSCORE_REST_LOG).",
    "rest",
)
LEAD_STORE_UP = Declaration(
    "leadscore_lead_store_up",
    "gauge",
    "1",
    (),
    "1 when the lead store answered the last time; else 0. Absent without a lead store.",
    "rest",
)
LEAD_STORE_IDS = Declaration(
    "leadscore_lead_store_ids_total",
    "counter",
    "leads",
    ("result",),
    "Ids that were looked up in the lead store: found or unknown.",
    "rest",
)
LEAD_STORE_SECONDS = Declaration(
    "leadscore_lead_store_seconds",
    "histogram",
    "seconds",
    (),
    "Time of a look-up in the lead store, of all ids of a request.",
    "rest",
)

HOOK_REQUESTS = Declaration(
    "leadscore_hook_requests_total",
    "counter",
    "requests",
    ("route", "status"),
    "Requests of the receiver of webhooks, by declared path and HTTP status.",
    "hooks",
)
HOOK_REQUEST_SECONDS = Declaration(
    "leadscore_hook_request_seconds",
    "histogram",
    "seconds",
    ("route",),
    "Time from the head of a webhook's request to the end of its answer, with the time that the CRM"
    " and Kafka take.",
    "hooks",
)
HOOK_WEBHOOKS = Declaration(
    "leadscore_hook_webhooks_total",
    "counter",
    "webhooks",
    ("source", "outcome"),
    "Webhooks that were acknowledged, by sender: written to Kafka, repeated (written before), or"
    " ignored (without a lead).",
    "hooks",
)

DECLARATIONS: tuple[Declaration, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Declaration)
)
"""All metrics, in the order of this module."""
