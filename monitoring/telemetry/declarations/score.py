"""Metrics of workers that score: the source, scores, dead letters, commits, the model."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = [
    "ASSIGNED_PARTITIONS",
    "BATCH_RECORDS",
    "BUILD_INFO",
    "CANARY_LEADS",
    "CANARY_LOAD_FAILING",
    "CANARY_SHARE",
    "DEAD_LETTERS",
    "DROPPED_RECORDS",
    "EVENT_LOOP_HOLD",
    "EVENT_TO_SCORED",
    "FEATURE_COVERAGE",
    "FOREIGN_COMMITS",
    "FOREIGN_COMMIT_OFFSETS",
    "IN_FLIGHT_BYTES",
    "LAG_ETA",
    "LAG_RECORDS",
    "LAG_SECONDS",
    "LAST_COMMIT_AGE",
    "LEADS_SCORED",
    "LOSSES",
    "LOST_RECORDS",
    "LOW_COVERAGE_LEADS",
    "MODEL_INFO",
    "MODEL_LOAD_FAILING",
    "MODEL_LOAD_FAILURES",
    "MODEL_PUBLISHED",
    "OUT_OF_ORDER_LEADS",
    "PARTITION_STUCK",
    "PINNED_MODEL_MISSING",
    "READY",
    "REBALANCES",
    "RECORDS_CONSUMED",
    "SCHEMA_CACHE_HITS",
    "SCHEMA_REQUESTS",
    "SCHEMA_WAITING",
    "SCORE",
    "SCORING_DURATION",
    "STAGE_DURATION",
]

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
CANARY_SHARE = Declaration(
    "leadscore_canary_share",
    "gauge",
    "percent",
    (),
    "Percentage of the leads that this worker gives to the canary; 0 without one.",
)
CANARY_LEADS = Declaration(
    "leadscore_canary_leads_total",
    "counter",
    "leads",
    ("arm",),
    "Leads while there is a canary, by what scored them: production, canary, or fallback (the model"
    " in production, as the canary failed).",
)
CANARY_LOAD_FAILING = Declaration(
    "leadscore_canary_load_failing",
    "gauge",
    "1",
    (),
    "1 while the canary can't be loaded: the model in production scores all leads; else 0.",
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
