"""Assessments of made-up leads: two numbers, a category and a date."""

from __future__ import annotations

import io
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import fastavro
import numpy as np
import pytest

from features.binning import build_reference, unmeasured_reference
from features.counts import CountLayout, LeadCounts
from features.coverage import TypicalLead
from features.field_spec import CategoryField, DateField, DatePart, NumberField, TextField
from features.matrix import FeatureEncoder
from features.reference import Bins
from features.spec import FeatureSpec
from monitoring.drift.assessment import Assessment, Assessor
from monitoring.drift.diagnosis import Diagnosis
from monitoring.drift.field_drift import DriftState, DriftThresholds, FieldCounts, FieldDrift
from monitoring.drift.statistics import psi
from testing.schemas import packaged_schema

FIVE_MINUTES, DAY, WEEK = 300_000, 86_400_000, 7 * 86_400_000
SPEC = FeatureSpec(
    fields=(
        NumberField(name="visits"),
        NumberField(name="company_size"),
        CategoryField(name="industry", encoding="one_hot", levels=("health", "retail", "software")),
        DateField(name="signed_up"),
    )
)
IMPORTANCE = {"visits": 0.6, "company_size": 0.3, "industry": 0.1}
ENGAGEMENT = (0.15, 0.40)


def columns(
    n: int,
    seed: int,
    *,
    visits: float = 0.0,
    size: float = 0.0,
    no_visits: float = 0.1,
    unknown: float = 0.0,
    from_day: int = 0,
    days: int = 364,
) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    levels = random.choice(["health", "retail", "software"], n, p=[0.5, 0.3, 0.2])
    dates = (from_day + days * random.random(n)) * DAY
    return {
        "visits": np.where(random.random(n) < no_visits, np.nan, random.normal(visits, 1, n)),
        "company_size": random.normal(size, 1, n),
        "industry": np.where(random.random(n) < unknown, "mining", levels).tolist(),
        "signed_up": dates,
    }


def scores(n: int, seed: int, mean: float = 0.25) -> np.ndarray:
    return np.random.default_rng(seed + 1).beta(8 * mean, 8 * (1 - mean), n).astype(np.float32)


TRAINING = 8000
REFERENCE = build_reference(SPEC, columns(TRAINING, 1), TRAINING, scores(TRAINING, 1))
LAYOUT = CountLayout(REFERENCE)
ENCODER = FeatureEncoder(SPEC, REFERENCE)
ASSESSOR = Assessor(LAYOUT, importance=IMPORTANCE, engagement=ENGAGEMENT)


def counts(n: int = 3000, seed: int = 2, mean: float = 0.25, **change: Any) -> LeadCounts:
    bins = ENCODER.counted_bins(ENCODER.encode(columns(n, seed, **change), n))
    return LAYOUT.count(bins, scores(n, seed, mean), label=0.5)


def assess(
    found: LeadCounts, assessor: Assessor = ASSESSOR, span: int = FIVE_MINUTES
) -> Assessment:
    return assessor.assess(found, name="5m", start=0, end=span)


def field(found: Assessment, name: str) -> FieldDrift:
    return next(field for field in found.fields if field.name == name)


def drifted(found: Assessment) -> list[str]:
    return [field.name for field in found.fields if field.is_drifted]


def test_leads_like_those_of_training_are_stable() -> None:
    for seed in range(2, 42):
        found = assess(counts(1000, seed))
        assert found.state is DriftState.OK
        assert found.diagnosis is Diagnosis.STABLE
        assert (found.drifted_share, found.weighted_share) == (0.0, 0.0)
        assert not found.is_drift
        assert not found.is_prediction_drift


def test_each_number_is_that_of_the_statistics() -> None:
    leads = counts(visits=0.4)
    found = assess(leads)
    window, reference = LAYOUT.parts(leads.counts)[0], LAYOUT.parts(LAYOUT.reference_counts)[0]
    visits = field(found, "visits")
    assert visits.psi == psi(window, reference)
    # 20 bins and missing; other is empty in both.
    assert visits.psi_noise == pytest.approx(20 * (1 / 3000 + 1 / TRAINING))
    assert visits.test == "ks"
    assert visits.missing == window[21] / 3000
    assert visits.missing_reference == reference[21] / TRAINING
    assert visits.unseen is None
    industry = field(found, "industry")
    assert industry.test == "chi2"
    assert (industry.unseen, industry.unseen_reference, industry.missing) == (0.0, 0.0, 0.0)
    assert (found.score.name, found.score.missing) == ("score", None)
    assert (found.leads, found.name, found.start, found.end) == (3000, "5m", 0, FIVE_MINUTES)
    assert found.engagement == leads.mean_score
    assert found.coverage == leads.coverage(4)


def test_coverage_is_relative_to_a_typical_lead_and_at_most_1() -> None:
    leads = counts(no_visits=1.0)
    for there, coverage in ((4, 0.75), (3, 1.0), (2, 1.0)):
        typical = TypicalLead(fields=there, importance=1)
        layout = CountLayout(REFERENCE.model_copy(update={"typical": typical}))
        assessor = Assessor(layout, importance=IMPORTANCE, engagement=ENGAGEMENT)
        assert assess(leads, assessor).coverage == pytest.approx(coverage, abs=0.01)


def test_the_fields_p_values_are_adjusted_and_the_scores_is_not() -> None:
    found = assess(counts(visits=0.05, size=0.05))
    p: list[Any] = [field.p_value for field in found.fields[:-1]]
    adjusted: list[Any] = [field.p_adjusted for field in found.fields[:-1]]
    assert adjusted[int(np.argmin(p))] > min(p)
    assert adjusted[int(np.argmax(p))] == max(p)
    assert found.score.p_adjusted is None


def test_a_shift_of_half_the_fields_is_drift() -> None:
    one, two = assess(counts(visits=1.0)), assess(counts(visits=1.0, size=-1.0))
    assert drifted(one) == ["visits"]
    assert drifted(two) == ["visits", "company_size"]
    assert (one.drifted_share, two.drifted_share) == (0.25, 0.5)
    assert (one.is_drift, two.is_drift) == (False, True)
    assert one.weighted_share == pytest.approx(0.6)
    assert two.weighted_share == pytest.approx(0.9)
    assert {one.diagnosis, two.diagnosis} == {Diagnosis.COVARIATE}


def test_the_whole_is_critical_when_half_of_it_drifts_a_little() -> None:
    found = assess(counts(visits=0.6, size=0.6))
    assert {field.state for field in found.fields if field.is_drifted} == {DriftState.WARN}
    assert found.is_drift
    assert found.state is DriftState.CRITICAL


@pytest.mark.parametrize(
    ("shift", "state"),
    [(0.2, DriftState.OK), (0.6, DriftState.WARN), (1.0, DriftState.CRITICAL)],
)
def test_the_state_is_by_psi(shift: float, state: Any) -> None:
    found = assess(counts(visits=shift))
    assert field(found, "visits").state is state
    assert found.state is state


def test_a_million_leads_make_no_drift_of_a_small_difference() -> None:
    found = assess(counts(400_000, visits=0.1))
    assert field(found, "visits").p_adjusted < 1e-9
    assert found.state is DriftState.OK


def test_below_the_least_number_of_leads_nothing_is_assessed() -> None:
    found = assess(counts(99, visits=3.0, mean=0.6, no_visits=0.5), span=DAY)
    assert found.state is DriftState.TOO_FEW
    assert found.diagnosis is Diagnosis.TOO_FEW
    assert found.leads == 99
    assert not found.is_drift
    assert not found.is_prediction_drift
    said = (found.drifted_share, found.weighted_share, found.engagement, found.coverage)
    assert {*said, found.is_engagement_healthy} == {None}
    assert [field.name for field in found.fields] == [*SPEC.kinds, "signed_up:hour", "score"]
    for part in found.fields:
        assert part.state is DriftState.TOO_FEW
        assert not part.is_drifted
        assert (part.psi, part.p_value, part.missing, part.js) == (None,) * 4
    assert assess(counts(100, visits=3.0), span=DAY).state is DriftState.CRITICAL
    assert assess(LAYOUT.none()).state is DriftState.TOO_FEW


def test_without_importance_there_is_no_weighted_share() -> None:
    assessor = Assessor(LAYOUT, importance={}, engagement=ENGAGEMENT)
    assert assess(counts(visits=1.0), assessor).weighted_share is None


def test_the_scores_drift_is_prediction_drift() -> None:
    found = assess(counts(mean=0.35))
    assert found.is_prediction_drift
    assert found.diagnosis is Diagnosis.PREDICTION
    assert found.drifted_share == 0.0
    assert found.state is found.score.state is not DriftState.OK
    both = assess(counts(mean=0.35, visits=1.0))
    assert both.diagnosis is Diagnosis.COVARIATE_AND_PREDICTION


@pytest.mark.parametrize(("mean", "healthy"), [(0.05, False), (0.25, True), (0.5, False)])
def test_engagement_is_healthy_within_the_models_range(mean: float, healthy: bool) -> None:
    found = assess(counts(mean=mean))
    assert found.engagement == pytest.approx(mean, abs=0.01)
    assert found.is_engagement_healthy is healthy


def test_the_ends_of_the_range_are_healthy() -> None:
    leads = counts()
    exact = (leads.mean_score, leads.mean_score)
    assert assess(leads, Assessor(LAYOUT, importance={}, engagement=exact)).is_engagement_healthy


@pytest.mark.parametrize(
    "change",
    [
        {"no_visits": 0.4},
        {"no_visits": 1.0},
        {"unknown": 0.2},
        {"unknown": 1.0},
        {"no_visits": 0.4, "mean": 0.45},
    ],
)
def test_missing_and_unseen_values_are_a_matter_of_data_quality(change: Any) -> None:
    found = assess(counts(**change))
    assert found.diagnosis is Diagnosis.DATA_QUALITY
    assert found.state is not DriftState.OK


def test_a_field_without_any_value_has_drifted_and_no_test() -> None:
    visits = field(assess(counts(no_visits=1.0)), "visits")
    assert visits.state is DriftState.CRITICAL
    assert (visits.statistic, visits.p_value, visits.p_adjusted) == (None, None, None)


def test_a_shift_beside_a_break_is_no_matter_of_data_quality() -> None:
    in_another = assess(counts(no_visits=0.4, size=1.0))
    in_the_same = assess(counts(no_visits=0.4, visits=1.0))
    assert in_another.diagnosis is in_the_same.diagnosis is Diagnosis.COVARIATE


def test_a_surge_alone_is_worth_a_warning() -> None:
    # 10 % to 17 %: a difference of 7 points, and hardly any PSI.
    visits = field(assess(counts(no_visits=0.17)), "visits")
    assert not visits.is_drifted
    assert visits.state is DriftState.WARN
    assert field(assess(counts(no_visits=0.13)), "visits").state is DriftState.OK
    # Fewer missing values than there were are no surge.
    assert field(assess(counts(no_visits=0.03)), "visits").state is DriftState.OK


def test_a_day_has_one_weekday_and_that_is_no_drift() -> None:
    one_day = counts(days=1)
    for span in (FIVE_MINUTES, DAY, WEEK - 1):
        found = assess(one_day, span=span)
        assert found.state is DriftState.OK
        assert field(found, "signed_up").psi == pytest.approx(0.0, abs=1e-6)
    assert drifted(assess(one_day, span=WEEK)) == ["signed_up"]
    assert assess(counts(days=7), span=WEEK).state is DriftState.OK


def test_missing_dates_are_seen_within_a_day() -> None:
    made = columns(3000, 2)
    made["signed_up"][::3] = np.nan
    bins = ENCODER.counted_bins(ENCODER.encode(made, 3000))
    found = assess(LAYOUT.count(bins, scores(3000, 2), label=0.5))
    assert drifted(found) == ["signed_up"]
    assert found.diagnosis is Diagnosis.DATA_QUALITY


def levels(window: list[int], reference: list[int]) -> FieldCounts:
    size = len(window)
    bins = Bins(
        by="level",
        levels=tuple(f"level {i}" for i in range(size)),
        labels=(*(f"level {i}" for i in range(size)), "other", "missing"),
        counts=(*reference, 0, 0),
    )
    now, before = (np.array([*sample, 0, 0]) for sample in (window, reference))
    return FieldCounts("industry", bins, now, before)


def test_a_reference_that_was_not_measured_is_refused() -> None:
    layout = CountLayout(unmeasured_reference(SPEC))
    with pytest.raises(ValueError, match=r"that of visits has none: train the model again"):
        Assessor(layout, importance={}, engagement=ENGAGEMENT)


def horizon_schema() -> dict[str, Any]:
    schema: Any = packaged_schema("drift_report").avro
    return next(f["type"]["items"] for f in schema["fields"] if f["name"] == "horizons")


@pytest.mark.parametrize("n", [10, 3000])
def test_the_record_is_that_of_the_report(n: int) -> None:
    found = assess(counts(n, visits=1.0, no_visits=0.6))
    since: list[int | None] = [None] * len(found.fields)
    since[0] = 1_700_000_000_000
    record = found.with_since(since).record()
    schema = fastavro.parse_schema(horizon_schema())
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record, strict=True)
    out.seek(0)
    read = fastavro.schemaless_reader(out, schema, None)
    assert read["fields"][0].pop("since").timestamp() == 1_700_000_000
    assert record["fields"][0].pop("since") == 1_700_000_000_000
    assert read["end"].timestamp() * 1000 == record.pop("end")
    assert read["start"].timestamp() * 1000 == record.pop("start")
    read.pop("start"), read.pop("end")
    assert read == record


def test_the_words_are_those_of_the_schema() -> None:
    horizon = {part["name"]: part["type"] for part in horizon_schema()["fields"]}
    in_field = {part["name"]: part["type"] for part in horizon["fields"]["items"]["fields"]}
    assert [part.name for part in fields(Assessment)] == list(horizon)
    assert {part.name for part in fields(FieldDrift)} == set(in_field)
    assert list(DriftState) == horizon["state"]["symbols"]
    assert list(get_args(get_type_hints(FieldDrift)["test"])) == in_field["test"]["symbols"]


def test_every_field_has_since() -> None:
    with pytest.raises(ValueError, match="shorter"):
        assess(counts()).with_since([None])


def test_few_leads_like_those_of_training_raise_hardly_any_alarm() -> None:
    found = [assess(counts(100, seed), span=DAY) for seed in range(2, 102)]
    assert sum(bool(drifted(one)) for one in found) <= 4
    assert sum(one.state is not DriftState.OK for one in found) <= 6


def test_a_large_shift_of_three_hundred_leads_is_found() -> None:
    found = assess(counts(300, visits=1.0), span=DAY)
    assert drifted(found) == ["visits"]
    assert field(found, "visits").state is DriftState.CRITICAL
    assert field(found, "visits").p_adjusted < 0.01


def test_a_horizon_that_is_assessed_again_has_the_same_numbers() -> None:
    leads = counts(200, visits=0.5)
    assert assess(leads, span=DAY) == assess(leads, span=DAY)


def test_a_horizon_before_1970_is_assessed() -> None:
    found = ASSESSOR.assess(counts(200), name="1h", start=-DAY, end=0)
    assert found.state is not DriftState.TOO_FEW


def test_few_leads_of_less_than_a_day_are_not_assessed() -> None:
    assert assess(counts(999), span=DAY - 1).state is DriftState.TOO_FEW
    assert assess(counts(999), span=DAY).state is not DriftState.TOO_FEW


# Further aspects of fields


ASPECTS = FeatureSpec(
    fields=(
        NumberField(name="visits"),
        TextField(name="note", keywords=("price", "demos")),
        DateField(name="seen", parts=(DatePart.HOUR, DatePart.WEEKDAY, DatePart.AGE)),
        DateField(name="created_at", parts=()),
    )
)
WORDS = ("what price", "some demos", "just looks", "some price")


def aspect_columns(
    n: int,
    seed: int,
    *,
    night: float = 0.1,
    age: float = 20.0,
    words: tuple[float, ...] = (0.1, 0.1, 0.8, 0.0),
    no_date: float = 0.05,
) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    created = 19_000 * DAY + DAY * random.integers(0, 7, n) + 23 * DAY / 24
    hours = np.where(random.random(n) < night, random.integers(0, 6, n), random.integers(8, 20, n))
    days = random.exponential(age, n) // 1
    seen = created - 23 * DAY / 24 - days * DAY + hours * (DAY / 24)
    return {
        "visits": random.normal(0, 1, n),
        "note": random.choice(WORDS, n, p=words).tolist(),
        "seen": np.where(random.random(n) < no_date, np.nan, seen),
        "created_at": created,
    }


def aspects_of(thresholds: DriftThresholds | None = None) -> tuple[FeatureEncoder, Assessor]:
    reference = build_reference(ASPECTS, aspect_columns(TRAINING, 1), TRAINING, scores(TRAINING, 1))
    assessor = Assessor(
        CountLayout(reference),
        importance={},
        engagement=ENGAGEMENT,
        thresholds=thresholds or DriftThresholds(),
    )
    return FeatureEncoder(ASPECTS, reference), assessor


ASPECT_ENCODER, ASPECT_ASSESSOR = aspects_of()


def assess_aspects(
    n: int = 3000, seed: int = 2, span: int = DAY, assessor: Assessor | None = None, **change: Any
) -> Assessment:
    made = aspect_columns(n, seed, **change)
    bins = ASPECT_ENCODER.counted_bins(ASPECT_ENCODER.encode(made, n))
    layout = (assessor or ASPECT_ASSESSOR)._layout
    found = layout.count(bins, scores(n, seed), label=0.5)
    return (assessor or ASPECT_ASSESSOR).assess(found, name="24h", start=0, end=span)


def test_aspects_of_leads_like_those_of_training_are_stable() -> None:
    for seed in range(2, 22):
        found = assess_aspects(seed=seed)
        assert drifted(found) == []
        assert found.state is DriftState.OK


def test_a_shift_of_hours_is_seen_in_a_day_and_no_hour_is_one() -> None:
    night = assess_aspects(night=0.5)
    assert drifted(night) == ["seen:hour"]
    assert night.diagnosis is Diagnosis.COVARIATE
    assert drifted(assess_aspects(night=0.5, span=DAY - 1)) == []


def test_the_first_hours_of_a_model_are_no_shift_of_hours_however_long_the_horizon_is() -> None:
    made = aspect_columns(3000, 2, night=0.5)
    bins = ASPECT_ENCODER.counted_bins(ASPECT_ENCODER.encode(made, 3000))
    found = ASPECT_ASSESSOR._layout.count(bins, scores(3000, 2), label=0.5)
    span: dict[str, Any] = {"name": "24h", "start": 0, "end": DAY}
    assert drifted(ASPECT_ASSESSOR.assess(found, **span, first=DAY - 3_600_000)) == []
    assert drifted(ASPECT_ASSESSOR.assess(found, **span, first=0)) == ["seen:hour"]


def test_a_shift_of_keywords_is_seen_where_texts_are_as_long() -> None:
    other = assess_aspects(words=(0.1, 0.5, 0.4, 0.0))
    assert drifted(other) == ["note:keyword"]
    # The same keyword in another text is none.
    assert drifted(assess_aspects(words=(0.0, 0.1, 0.8, 0.1))) == []


def test_a_shift_of_ages_is_seen() -> None:
    assert drifted(assess_aspects(age=60.0)) == ["seen:age"]


def test_a_field_counts_once_whatever_has_drifted_of_it() -> None:
    found = assess_aspects(night=0.6, age=80.0)
    assert drifted(found) == ["seen:hour", "seen:age"]
    assert found.drifted_share == 1 / 4
    assert found.by_field["seen"] == [field(found, f"seen{n}") for n in ("", ":hour", ":age")]


def test_missing_values_are_the_field_s_own_and_drift_no_aspect() -> None:
    found = assess_aspects(no_date=0.5)
    assert drifted(found) == ["seen"]
    assert found.diagnosis is Diagnosis.DATA_QUALITY
    assert field(found, "seen:hour").missing is None
    assert field(found, "seen:hour").state is DriftState.OK


def test_an_aspect_of_few_values_is_not_judged() -> None:
    found = assess_aspects(no_date=0.99)
    assert field(found, "seen:age").state is DriftState.TOO_FEW
    assert field(found, "seen:age").psi is None
    assert field(found, "seen").is_drifted


def test_aspects_raise_no_false_alarms() -> None:
    """Without drift the false-alarm rate is at most the level of the test, with aspects too."""
    assessor = Assessor(
        ASPECT_ASSESSOR._layout,
        importance={},
        engagement=ENGAGEMENT,
        thresholds=DriftThresholds(min_leads=50),
    )
    alarmed = [
        bool(drifted(assess_aspects(300, seed, assessor=assessor))) for seed in range(100, 250)
    ]
    assert sum(alarmed) <= 5


def test_the_p_value_of_an_aspect_is_that_of_its_field() -> None:
    found = assess_aspects(night=0.2)
    tests = {drift.name: drift for drift in found.fields[:-1]}
    hour = tests["seen:hour"]
    # Three tests of the field, four fields.
    assert hour.p_adjusted == pytest.approx(min(1.0, hour.p_value * 3 * 4))
    assert all(drift.p_adjusted >= drift.p_value for drift in tests.values() if drift.p_value)
