"""Metrics of the exporter of quality (`leadscore quality --port`)."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = [
    "QUALITY_AUC",
    "QUALITY_AUC_ESTIMATED",
    "QUALITY_AVERAGE_PRECISION",
    "QUALITY_BAND_CONVERSION",
    "QUALITY_BAND_MONEY",
    "QUALITY_BRIER",
    "QUALITY_CALIBRATION_ERROR",
    "QUALITY_CALIBRATION_LIMIT",
    "QUALITY_CALIBRATION_NOISE",
    "QUALITY_CHANGES",
    "QUALITY_CONVERSION",
    "QUALITY_LEADS",
    "QUALITY_LIFT",
    "QUALITY_LOG_LOSS",
    "QUALITY_MEAN_SCORE",
]

SCORES = ("channel", "version", "window")
BOUNDED = (*SCORES, "bound")

QUALITY_LEADS = Declaration(
    "leadscore_quality_leads",
    "gauge",
    "leads",
    (*SCORES, "outcome"),
    "Leads of the latest 4 weeks with known outcomes (window=latest), or of the 12 weeks before"
    " them (before), by outcome: positive, negative, unknown.",
    "quality",
)
QUALITY_CONVERSION = Declaration(
    "leadscore_quality_conversion_ratio",
    "gauge",
    "ratio",
    BOUNDED,
    "Share of the leads with a known outcome that converted: its value, and its 95 % interval as"
    " low and high.",
    "quality",
)
QUALITY_MEAN_SCORE = Declaration(
    "leadscore_quality_mean_score_ratio",
    "gauge",
    "ratio",
    SCORES,
    "Mean score of the leads with a known outcome: the conversion that the scores promised.",
    "quality",
)
QUALITY_AUC = Declaration(
    "leadscore_quality_auc_ratio",
    "gauge",
    "ratio",
    BOUNDED,
    "Area under the ROC curve, and its 95 % interval.",
    "quality",
)
QUALITY_AUC_ESTIMATED = Declaration(
    "leadscore_quality_auc_estimated_ratio",
    "gauge",
    "ratio",
    SCORES,
    "AUC that the scores promise of all leads, with a known outcome or without; assumes that"
    " calibration holds.",
    "quality",
)
QUALITY_AVERAGE_PRECISION = Declaration(
    "leadscore_quality_average_precision_ratio",
    "gauge",
    "ratio",
    BOUNDED,
    "Mean precision over the leads that converted, and its 95 % interval.",
    "quality",
)
QUALITY_LIFT = Declaration(
    "leadscore_quality_lift_ratio",
    "gauge",
    "ratio",
    BOUNDED,
    "How many times the average conversion the best-scored tenth has, and its 95 % interval.",
    "quality",
)
QUALITY_BRIER = Declaration(
    "leadscore_quality_brier_ratio",
    "gauge",
    "ratio",
    BOUNDED,
    "Mean squared difference of score and outcome, and its 95 % interval.",
    "quality",
)
QUALITY_LOG_LOSS = Declaration(
    "leadscore_quality_log_loss_nats",
    "gauge",
    "nats",
    BOUNDED,
    "Mean negative log-likelihood of the outcomes, and its 95 % interval.",
    "quality",
)
QUALITY_CALIBRATION_ERROR = Declaration(
    "leadscore_quality_calibration_error_ratio",
    "gauge",
    "ratio",
    SCORES,
    "Expected calibration error over ten bins of equal size.",
    "quality",
)
QUALITY_CALIBRATION_NOISE = Declaration(
    "leadscore_quality_calibration_noise_ratio",
    "gauge",
    "ratio",
    SCORES,
    "Calibration error that is expected if every score were right: the noise floor.",
    "quality",
)
QUALITY_CALIBRATION_LIMIT = Declaration(
    "leadscore_quality_calibration_limit_ratio",
    "gauge",
    "ratio",
    SCORES,
    "Calibration error that right scores do not reach by chance: 3 standard deviations above the"
    " noise floor.",
    "quality",
)
QUALITY_BAND_CONVERSION = Declaration(
    "leadscore_quality_band_conversion_ratio",
    "gauge",
    "ratio",
    (*SCORES, "band"),
    "Share of the leads of a band with a known outcome that converted.",
    "quality",
)
QUALITY_BAND_MONEY = Declaration(
    "leadscore_quality_band_money",
    "gauge",
    "currency units",
    (*SCORES, "band", "currency"),
    "Money that the outcomes of a band's leads brought.",
    "quality",
)
QUALITY_CHANGES = Declaration(
    "leadscore_quality_changes",
    "gauge",
    "changes",
    ("channel", "version", "stream"),
    "Changes of the errors for the worse in the latest 4 weeks, by stream: bias and calibration"
    " are concept drift, label may also come from other leads.",
    "quality",
)
