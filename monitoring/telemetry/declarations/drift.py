"""Metrics of workers that measure drift."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = [
    "DRIFT_ALARMS",
    "DRIFT_COVERAGE",
    "DRIFT_ENGAGEMENT",
    "DRIFT_LEADS",
    "DRIFT_SHARE",
    "DRIFT_WEIGHTED_SHARE",
    "ENGAGEMENT_HIGH",
    "ENGAGEMENT_LOW",
    "FIELD_DRIFTED",
    "FIELD_JS",
    "FIELD_KL",
    "FIELD_MISSING",
    "FIELD_MISSING_CHANGE",
    "FIELD_PSI",
    "FIELD_PSI_NOISE",
    "FIELD_P_VALUE",
    "FIELD_UNSEEN",
    "FIELD_UNSEEN_CHANGE",
    "LATE_LEADS",
    "OPEN_WINDOWS",
    "PARTIALS",
    "PREDICTION_DRIFT",
    "ROLLING_MEAN",
    "ROLLING_QUANTILE",
    "ROLLING_VARIANCE",
    "SCORE_PSI",
    "SCORE_PSI_NOISE",
    "SCORE_P_VALUE",
    "WATERMARK",
    "WINDOWS_CLOSED",
    "WINDOWS_CLOSED_EARLY",
]

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
