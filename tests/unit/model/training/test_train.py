"""Training as a whole, on small made-up leads."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from features.matrix import FeatureEncoder
from features.reference_sample import read_sample
from features.spec import CategoryField
from features.table import Table
from features.table_file import parse_table
from model.metadata import BundleError, BundleMetadata, Thresholds
from model.serving.native import NativePredictor
from model.serving.onnx_runtime import OnnxPredictor
from model.training.bands import BandRule
from model.training.boosting import BoostingParameters
from model.training.chance import NoSignalError, require_signal
from model.training.planning import plan_training
from model.training.train import TrainedModel, TrainOptions, train
from model.training.xgboost_trainer import XgboostTrainer
from schemas.errors import InputError
from schemas.store import parse_schema

QUICK = XgboostTrainer(BoostingParameters(trees=12, max_depth=3, eta=0.3))
OPTIONS = TrainOptions(
    target="won", text=("notes",), time="created", trainer=QUICK, name="small", threads=1
)


def rows(n: int = 1200, seed: int = 1) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n):
        size, city, asked = rng.lognormal(3, 1), int(rng.integers(30)), rng.random() < 0.3
        logit = 0.8 * np.log(size) + 0.08 * city + 1.2 * asked - 5
        made.append(
            {
                "id": f"L-{(i * 7919) % 100_003}",
                "created": f"2024-{1 + i * 12 // n:02}-{1 + i % 28:02}T{i % 24:02}:00:00Z",
                "company.size": "" if rng.random() < 0.2 else f"{size:.2f}",
                "city": "" if rng.random() < 0.1 else f"City {city}",
                "source": ["web", "Event", "partner"][i % 3],
                "opt_in": ["TRUE", "FALSE"][i % 2],
                "notes": "What is the price?" if asked else "Just looking around",
                "country": "DE",
                "won": "yes" if rng.random() < 1 / (1 + np.exp(-logit)) else "no",
            }
        )
    return made


def table(made: list[dict[str, Any]]) -> Table:
    lines = [";".join(made[0]), *(";".join(map(str, row.values())) for row in made)]
    return parse_table("\n".join(lines).encode(), "leads.csv")


ROWS = rows()
TABLE = table(ROWS)


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return train(TABLE, OPTIONS)


def test_the_spec_has_a_field_for_each_column_by_its_kind(trained: TrainedModel) -> None:
    fields = {field.name: field for field in trained.metadata.spec.fields}
    assert list(fields) == ["company_size", "city", "source", "opt_in", "notes", "created_at"]
    assert isinstance(fields["city"], CategoryField)
    assert fields["city"].encoding == "target"
    assert isinstance(fields["source"], CategoryField)
    assert fields["source"].levels == ("event", "partner", "web")
    words = ("around", "just", "looking", "price", "what")
    assert set(fields["notes"].columns[2:]) <= {f"notes~{word}" for word in words}
    assert "notes~price" in fields["notes"].columns


def test_dropped_columns_have_a_reason(trained: TrainedModel) -> None:
    dropped = trained.report.dropped
    assert set(dropped) == {"id", "country", "won"}
    assert "identifier" in dropped["id"]
    assert "same value" in dropped["country"]
    assert trained.metadata.training.dropped == dropped
    assert any("id was left out as an identifier" in w for w in trained.report.warnings)


def test_the_scores_are_those_of_the_report(trained: TrainedModel) -> None:
    metadata, report = trained.metadata, trained.report
    assert report.rows == 1200
    assert report.positives == sum(row["won"] == "yes" for row in ROWS)
    assert 0.6 < report.cross_validated.auc < 0.95
    assert report.latest is not None
    assert report.latest.rows == 240
    assert report.parity <= 1e-6
    assert metadata.calibration == report.calibration
    assert metadata.metrics["cross_validated"]["auc"] == report.cross_validated.auc  # type: ignore[index,call-overload]
    assert json.loads(metadata.to_json())["metrics"]["latest"]["rows"] == 240
    baseline = report.verdict.baseline.quality.as_dict() | {"auc": report.verdict.baseline.auc}
    assert metadata.metrics["logistic_regression"] == baseline


def test_the_bundle_s_files_open_and_score_events(trained: TrainedModel) -> None:
    assert trained.artefacts.onnx is not None
    predictor = OnnxPredictor(trained.artefacts.onnx)
    metadata = predictor.metadata
    assert metadata == trained.metadata
    encoder = FeatureEncoder(metadata.spec, metadata.reference)
    columns = TABLE.with_fields_of(metadata.spec.file_names).columns_for(metadata.spec.kinds)
    scores = predictor.predict(encoder.encode(columns, TABLE.rows).matrix).probability
    won = np.array([row["won"] == "yes" for row in ROWS])
    assert scores[won].mean() > scores[~won].mean() + 0.1
    golden = predictor.predict(metadata.golden.matrix).probability
    np.testing.assert_allclose(golden, metadata.golden.scores, atol=1e-6)
    assert np.isnan(metadata.golden.matrix).any()


def test_the_fields_that_decide_have_the_highest_importance(trained: TrainedModel) -> None:
    importance = trained.metadata.importance
    assert list(importance) == list(trained.metadata.spec.kinds)
    assert sum(importance.values()) == pytest.approx(1)
    # Won are the large, of some cities, and those that asked for the price.
    least = min(importance[name] for name in ("company_size", "city", "notes"))
    assert least > max(importance[name] for name in ("source", "opt_in"))
    assert least > 0.1


def test_the_reference_rows_have_the_bins_of_the_training_data(trained: TrainedModel) -> None:
    assert trained.artefacts.reference is not None
    spec, reference = trained.metadata.spec, trained.metadata.reference
    sample = read_sample(trained.artefacts.reference, "the sample", spec, reference)
    sizes: Any = TABLE.columns_for(spec.kinds)["company_size"]
    np.testing.assert_array_equal(np.sort(sample.numbers["company_size"]), np.sort(sizes))
    assert {*sample.numbers["notes"]} == {len(row["notes"]) for row in ROWS}
    for codes, bins in zip(sample.bins.T, reference.counted, strict=True):
        assert tuple(np.bincount(codes, minlength=bins.codes).tolist()) == bins.counts
    codes = reference.score.codes_of(sample.scores)
    assert np.bincount(codes).sum() == 1200


def test_the_contract_is_derived(trained: TrainedModel) -> None:
    contract = trained.metadata.contract
    parse_schema(contract).require_lead()
    types = {field["name"]: field["type"] for field in contract["fields"]}  # type: ignore[union-attr,index,call-overload]
    assert types["opt_in"] == ["null", "boolean"]
    assert types["company_size"] == ["null", "double"]
    assert types["city"] == ["null", "string"]


def test_the_same_input_gives_the_same_bytes(trained: TrainedModel) -> None:
    again = train(TABLE, replace(OPTIONS, threads=2))
    assert again.artefacts.files == trained.artefacts.files
    other = train(TABLE, replace(OPTIONS, seed=7))
    assert other.artefacts.onnx != trained.artefacts.onnx


def test_rows_are_put_in_the_order_of_time(trained: TrainedModel) -> None:
    shuffled = TABLE.take(np.random.default_rng(0).permutation(TABLE.rows))
    again = train(shuffled, OPTIONS)
    assert again.report.latest is not None
    assert trained.report.latest is not None
    assert again.report.latest.positives == trained.report.latest.positives
    assert again.metadata.training.order == "created"


def test_the_latest_leads_are_known_by_the_order_of_the_file_or_not_at_all() -> None:
    ordered = train(TABLE, replace(OPTIONS, time=None, ordered=True, exclude=("created",)))
    assert ordered.report.latest is not None
    assert ordered.metadata.training.order == "the file"
    loose = train(TABLE, replace(OPTIONS, time=None, exclude=("created", "notes"), text=()))
    assert loose.report.latest is None
    assert loose.metadata.training.order is None
    assert loose.report.dropped["notes"] == "excluded"


def test_dates_are_features_where_they_are_not_the_time() -> None:
    report = train(TABLE, replace(OPTIONS, time=None)).report
    assert report.fields["created"] == 3
    assert any("created looks like the time of creation" in w for w in report.warnings)
    made = [{**row, "last_touch": row["created"]} for row in ROWS]
    ordered = plan_training(table(made), replace(OPTIONS, time=None, ordered=True))
    assert any("dates of created, last_touch were" in warning for warning in ordered.warnings)


@pytest.mark.long
def test_the_time_is_a_feature_unless_it_is_left_out() -> None:
    report = train(TABLE, OPTIONS).report
    assert report.fields["created_at"] == 3
    plan = {column.column: column for column in report.columns}
    assert plan["created"].field == "created_at"
    for change in ({"exclude": ("created",)}, {"kinds": {"created": None}}):
        trained = train(TABLE, replace(OPTIONS, **change))
        assert "created_at" not in trained.report.fields
        assert trained.report.latest is not None
        assert trained.report.dropped["created"] in ("excluded", "ignored (--as)")


def dated(**dates: str) -> Table:
    """Return the leads with further columns of dates, each as old as its word says."""
    made = []
    for i, row in enumerate(ROWS):
        created = datetime.fromisoformat(row["created"])
        ages = {"a day later": -2 - i % 9, "before": i % 50, "the same": 0}
        found = {name: created - timedelta(days=ages[word]) for name, word in dates.items()}
        made.append({**row, **{name: f"{moment:%Y-%m-%d}" for name, moment in found.items()}})
    return table(made)


def test_a_date_after_the_creation_is_warned_of() -> None:
    warnings = plan_training(dated(closed="a day later", touched="before"), OPTIONS).warnings
    [later] = [warning for warning in warnings if "later than" in warning]
    assert later.startswith("closed: 100% of its dates are later than the lead's creation (created")
    assert later.endswith("--as closed=ignore")


def test_dates_that_give_nothing_are_left_out() -> None:
    mondays = [{**row, "due": f"2024-01-{1 + 7 * (i % 3):02}"} for i, row in enumerate(ROWS)]
    plan = plan_training(table(mondays), replace(OPTIONS, time=None, exclude=("created",)))
    [due] = [column for column in plan.columns if column.column == "due"]
    assert due.unused == "nothing of its dates differs: no hour, weekday, month or age"
    aged = plan_training(table(mondays), OPTIONS)
    assert [column.field for column in aged.columns if column.column == "due"] == ["due"]


@pytest.mark.parametrize("column", ["created_at", "created at"])
@pytest.mark.parametrize(
    "change", [{"exclude": ("created_at",)}, {"kinds": {"created_at": None}}], ids=str
)
def test_an_option_does_not_mean_the_time_by_the_name_that_it_gets(
    change: dict[str, Any], column: str
) -> None:
    """The column of --time is called created_at in leads; the file has one of that name, too."""
    made = [{**row, column: "2024-01-01"} for row in ROWS]
    plan = plan_training(table(made), replace(OPTIONS, **change))
    by_column = {column.column: column for column in plan.columns}
    assert by_column["created"].field == "created_at"
    assert by_column[column].unused == "'created' is read as created_at"


def test_the_time_is_found_by_its_field_name() -> None:
    made = [
        {"Sign up" if name == "created" else name: v for name, v in row.items()} for row in ROWS
    ]
    plan = plan_training(table(made), replace(OPTIONS, time="Sign_up", exclude=("Sign_up",)))
    [signup] = [column for column in plan.columns if column.column == "Sign up"]
    assert signup.unused == "excluded"


def test_a_column_in_whose_place_the_time_is_read_can_be_nothing_else() -> None:
    made = [{**row, "created_at": "2024-01-01"} for row in ROWS]
    with pytest.raises(
        InputError, match=r"--group 'created_at': the column is not read, as --time"
    ):
        train(table(made), replace(OPTIONS, group="created_at"))


def test_one_of_two_columns_of_creation_is_read() -> None:
    made = [{**row, "created_at": "2024-01-01"} for row in ROWS]
    plan = plan_training(table(made), OPTIONS)
    by_column = {column.column: column for column in plan.columns}
    assert by_column["created"].field == "created_at"
    assert by_column["created_at"].unused == "'created' is read as created_at"


def test_a_contract_limits_the_fields() -> None:
    schema = {
        "type": "record",
        "name": "lead",
        "fields": [
            {"name": "lead_id", "type": "string"},
            {"name": "created_at", "type": "long"},
            {"name": "company_size", "type": ["null", "double"]},
            {"name": "opt_in", "type": "boolean"},
            {"name": "absent", "type": ["null", "string"]},
        ],
    }
    trained = train(TABLE, replace(OPTIONS, text=(), schema=schema))
    assert list(trained.metadata.spec.kinds) == ["company_size", "opt_in", "created_at"]
    assert trained.metadata.contract == schema
    assert trained.report.dropped["city"] == "not in the contract"


@pytest.mark.long
def test_trials_choose_parameters_the_same_way_each_time() -> None:
    options = replace(OPTIONS, trials=2, text=(), exclude=("notes",))
    first, second = train(TABLE.slice(0, 400), options), train(TABLE.slice(0, 400), options)
    assert first.metadata == second.metadata
    assert first.metadata.training.parameters == first.report.parameters


def test_few_leads_are_warned_of() -> None:
    report = train(TABLE.slice(0, 400), OPTIONS).report
    assert any(
        re.match(r"400 rows (in \d+ groups )?are few", warning) for warning in report.warnings
    )


def test_few_leads_whose_trees_are_too_sure_are_calibrated() -> None:
    sure = BoostingParameters(trees=200, max_depth=4, eta=0.3, reg_lambda=0.1, min_child_weight=0)
    trained = train(TABLE.slice(0, 400), replace(OPTIONS, trainer=XgboostTrainer(sure)))
    assert trained.metadata.calibration.method == "platt"
    assert 0 < trained.metadata.calibration.slope < 0.5
    assert trained.report.calibrated.startswith("Platt, slope 0.")


def test_few_positives_are_warned_of() -> None:
    kept, positives = [], 0
    for row in ROWS:
        positives += row["won"] == "yes"
        if row["won"] == "no" or positives <= 60:
            kept.append(row)
    report = train(table(kept), OPTIONS).report
    assert any("60 positives are few" in warning for warning in report.warnings)


def test_a_leak_is_warned_of() -> None:
    leaky = [{**row, "contract.value": 100 if row["won"] == "yes" else 0} for row in ROWS]
    report = train(table(leaky), OPTIONS).report
    assert [leak.column for leak in report.leaks] == ["contract.value"]
    assert any("contract.value may leak" in warning for warning in report.warnings)
    assert any("Something knows the answer" in warning for warning in report.warnings)


def test_a_column_for_one_outcome_only_is_warned_of() -> None:
    """Forty of the won leads have a date of signature: the AUC does not show it."""
    won = [i for i, row in enumerate(ROWS) if row["won"] == "yes"][:40]
    signed = [{**row, "signature": "2024-05-31" if i in won else ""} for i, row in enumerate(ROWS)]
    report = train(table(signed), OPTIONS).report
    assert [leak.column for leak in report.leaks] == ["signature"]
    assert any(
        "signature may leak: it has a value in 40 rows, and all of them are positives" in warning
        for warning in report.warnings
    )


def test_the_auc_of_single_columns_is_kept(trained: TrainedModel) -> None:
    strongest = trained.metadata.metrics["strongest"]
    assert isinstance(strongest, list)
    assert len(strongest) == len(trained.metadata.spec.fields)
    assert strongest == [asdict(alone) for alone in trained.report.inspection.strongest]
    assert not any("knows the answer" in warning for warning in trained.report.warnings)


def test_coverage_of_sparse_leads_is_relative_to_that_of_training_leads() -> None:
    """Two of six fields are there at a time: none of the leads is one of which little is known."""
    rng = np.random.default_rng(9)
    sparse = []
    for row in ROWS:
        kept = rng.choice(6, size=2, replace=False)
        sparse.append({f"f{i}": f"{rng.normal():.3f}" if i in kept else "" for i in range(6)})
        sparse[-1]["won"] = row["won"]
    data = table(sparse)
    metadata = train(data, TrainOptions(target="won", trainer=QUICK)).metadata
    assert metadata.reference.typical is not None
    assert metadata.reference.typical.fields == 2
    assert 0 < metadata.reference.typical.importance < 0.4
    encoder = FeatureEncoder(metadata.spec, metadata.reference, metadata.importance)
    features = encoder.encode(data.columns_for(metadata.spec.kinds), data.rows)
    assert features.coverage.min() == 1
    assert (features.known < 0.6).mean() < 0.1
    nothing = encoder.encode(
        data.columns_for({}) | {f"f{i}": np.array([np.nan]) for i in range(6)}, 1
    )
    assert nothing.coverage.tolist() == [0]


def test_an_almost_empty_column_is_left_out_and_does_not_count(trained: TrainedModel) -> None:
    rare = [{**row, "fax": "yes" if i < 5 else ""} for i, row in enumerate(ROWS)]
    metadata = train(table(rare), OPTIONS).metadata
    assert list(metadata.spec.kinds) == list(trained.metadata.spec.kinds)
    assert metadata.reference.typical == trained.metadata.reference.typical
    (column,) = [column for column in metadata.training.columns if column.column == "fax"]
    assert (
        column.unused == "almost empty: 5 of 1,200 rows have a value (--as fax=category keeps it)"
    )


def test_rows_without_a_target_are_left_out() -> None:
    unknown = [{**row, "won": "" if i % 10 == 0 else row["won"]} for i, row in enumerate(ROWS)]
    report = train(table(unknown), OPTIONS).report
    assert report.rows == 1080
    assert any("120 rows without a target" in warning for warning in report.warnings)


def test_open_deals_are_no_failures() -> None:
    made = [{**row, "won": "open" if i % 10 == 0 else row["won"]} for i, row in enumerate(ROWS)]
    with pytest.raises(InputError, match="nothing says which of them"):
        train(table(made), OPTIONS)
    trained = train(table(made), replace(OPTIONS, positive=("yes",), negative=("no",)))
    report, labels = trained.report, trained.metadata.training.labels
    assert labels is not None
    assert labels.ignored == {"open": 120}
    assert labels.success == {"yes": report.positives}
    assert labels.failure == {"no": report.rows - report.positives}
    assert report.rows == 1080
    assert any("neither --positive nor --negative names" in w for w in report.warnings)
    assert any("'open' (120)" in w for w in report.warnings)


def noise(n: int, times: int) -> list[dict[str, Any]]:
    """Leads of which nothing tells the outcome, some times over, each with an id of its own."""
    rng = np.random.default_rng(9)
    made = [
        {
            "size": f"{rng.normal():.3f}",
            "visits": f"{rng.normal():.3f}",
            "town": f"Town {rng.integers(40)}",
            "won": "yes" if rng.random() < 0.5 else "no",
        }
        for _ in range(n)
    ]
    copies = [row for row in made for _ in range(times)]
    order = rng.permutation(len(copies))
    return [{"lead_id": f"L{i}", **copies[row]} for i, row in enumerate(order.tolist())]


NOISE = TrainOptions(target="won", name="noise")


def test_noise_three_times_over_has_no_signal() -> None:
    """Trees that have seen a copy know its outcome: the AUC was 0.7."""
    trained = train(table(noise(400, 3)), NOISE)
    assert abs(trained.report.cross_validated.auc - 0.5) < 0.06
    groups = trained.metadata.training.groups
    assert groups is not None
    assert (groups.groups, groups.identical, groups.identical_sets) == (400, 1200, 400)
    assert any("1,200 rows are identical" in warning for warning in trained.report.warnings)
    assert any("1,200 rows in 400 groups are few" in warning for warning in trained.report.warnings)


def copies_of_few() -> list[dict[str, Any]]:
    """Noise: 320 failures, and 8 successes ten times over, each row with an id of its own."""
    different = noise(328, 1)
    made = [{**row, "won": "no"} for row in different[:320]]
    made += [{**row, "won": "yes"} for row in different[320:] for _ in range(10)]
    return [{**row, "lead_id": f"L{i}"} for i, row in enumerate(made)]


def test_copies_of_few_positives_are_few_positives() -> None:
    """Folds can't keep copies of eight positives together: all figures are too good."""
    warnings = plan_training(table(copies_of_few()), NOISE).warnings
    assert any("all figures of this model are too good" in warning for warning in warnings)
    assert any("80 positives in 8 groups are few" in warning for warning in warnings)


def test_copies_of_few_positives_are_no_signal() -> None:
    """Their AUC is near 1, and everything is noise."""
    trained = train(table(copies_of_few()), replace(NOISE, trainer=QUICK))
    assert trained.report.cross_validated.auc > 0.8
    assert not trained.report.verdict.has_signal
    assert trained.report.warnings[0].startswith("Not shown to be better")
    with pytest.raises(NoSignalError, match="copies of leads are in several folds"):
        require_signal(trained.metadata, "The model is not published")
    assert trained.artefacts.onnx is not None
    scores = OnnxPredictor(trained.artefacts.onnx).predict(trained.metadata.golden.matrix)
    assert scores.probability.tolist() == pytest.approx([0.2] * len(scores.probability))


def test_rows_with_the_same_id_are_in_one_fold() -> None:
    """Each lead is there three times, with other visits: its size and town give it away."""
    rng = np.random.default_rng(2)
    made = noise(400, 3)
    keys = {tuple(row.items())[1:]: f"K{i}" for i, row in enumerate(made)}
    dependent = [
        {**row, "lead_id": keys[tuple(row.items())[1:]], "visits": f"{rng.normal():.3f}"}
        for row in made
    ]
    renamed = [{"contact": row["lead_id"], **row} for row in dependent]
    for row in renamed:
        del row["lead_id"]
    quick = replace(NOISE, trainer=QUICK)
    by_default = train(table(dependent), quick).report
    given = train(table(renamed), replace(quick, id="contact")).report
    by_group = train(table(renamed), replace(quick, group="contact")).report
    grouped = [{**row, "firm": f"F{i}"} for i, row in enumerate(renamed)]
    beside = train(table(grouped), replace(quick, id="contact", group="firm")).report
    apart = train(table(renamed), replace(quick, exclude=("contact",))).report
    for report in (by_default, given, by_group, beside):
        assert abs(report.cross_validated.auc - 0.5) < 0.06
        assert any("1,200 rows share their" in warning for warning in report.warnings)
    assert by_group.dropped["contact"] == "what groups rows (--group)"
    assert apart.cross_validated.auc > 0.56


def test_a_key_that_repeats_suggests_to_group_by_it() -> None:
    made = [{**row, "customer_id": f"C{i % 400}"} for i, row in enumerate(ROWS)]
    warnings = train(table(made), replace(OPTIONS, text=())).report.warnings
    assert any("--group customer_id keeps them in one fold" in warning for warning in warnings)


def test_the_latest_leads_are_others_than_the_earlier_ones() -> None:
    made = [{**row, "customer": f"C{i % 1100}"} for i, row in enumerate(ROWS)]
    trained = train(table(made), replace(OPTIONS, group="customer"))
    assert trained.report.latest is not None
    assert trained.report.latest.rows == 140
    assert any("100 of the latest 20 %" in warning for warning in trained.report.warnings)


def test_a_calendar_is_no_group() -> None:
    made = [{**row, "quarter": f"Q{i * 4 // len(ROWS)}"} for i, row in enumerate(ROWS)]
    with pytest.raises(InputError, match=r"the 4 groups .* are too few"):
        train(table(made), replace(OPTIONS, group="quarter"))


def test_leads_without_an_outcome_yet_are_left_out() -> None:
    """The latest lead, which says how old the others are, need not have an outcome itself."""
    made = [{**row, "won": "" if i == len(ROWS) - 1 else row["won"]} for i, row in enumerate(ROWS)]
    trained = train(table(made), replace(OPTIONS, matured=timedelta(days=60)))
    times = [datetime.fromisoformat(row["created"]) for row in made]
    limit = max(times) - timedelta(days=60)
    old = [row for row, time in zip(made, times, strict=True) if row["won"] and time <= limit]
    labels = trained.metadata.training.labels
    assert labels is not None
    assert trained.report.rows == len(old)
    assert trained.report.positives == sum(row["won"] == "yes" for row in old)
    assert labels.immature == 1199 - len(old)
    assert labels.missing == 1
    assert any("younger than 60 days at 2024-12-" in w for w in trained.report.warnings)


def test_thresholds_go_into_the_model() -> None:
    high, medium = BandRule("score", 0.6, "0.6"), BandRule("score", 0.3, "0.3")
    trained = train(TABLE.slice(0, 400), replace(OPTIONS, high=high, medium=medium))
    assert trained.metadata.thresholds == Thresholds(high=0.6, medium=0.3)


def test_rare_success_has_bands_and_a_healthy_range_of_its_own() -> None:
    kept = [row for i, row in enumerate(rows(3000)) if row["won"] == "no" or i % 12 == 0]
    trained = train(table(kept), OPTIONS)
    report, metadata = trained.report, trained.metadata
    rate = report.positives / report.rows
    assert rate < 0.07
    assert report.bands.high.share == pytest.approx(0.1, abs=0.01)
    assert report.bands.medium.share == pytest.approx(0.2, abs=0.02)
    assert report.bands.high.lift > report.bands.low.lift
    assert metadata.metrics["band_high"]["leads"] == report.bands.high.leads  # type: ignore[call-overload]
    assert metadata.engagement.low < rate < metadata.engagement.high < 0.15
    assert metadata.reference.score.counts == _counted(metadata, report.cross_validated.served)


def _counted(metadata: BundleMetadata, scores: NDArray[np.float64]) -> tuple[int, ...]:
    bins = metadata.reference.score
    return tuple(np.bincount(bins.codes_of(scores), minlength=bins.codes).tolist())


def test_the_bands_are_those_of_the_calibration_that_serves(trained: TrainedModel) -> None:
    validated = trained.report.cross_validated
    assert trained.metadata.calibration == validated.calibration
    from_high = validated.served >= trained.metadata.thresholds.high
    assert from_high.sum() == trained.report.bands.high.leads
    assert from_high.mean() == pytest.approx(0.1, abs=0.01)


@pytest.fixture(scope="module")
def without_signal() -> TrainedModel:
    outcomes = np.random.default_rng(4).permutation([row["won"] for row in ROWS])
    return train(
        table([{**row, "won": won} for row, won in zip(ROWS, outcomes, strict=True)]), OPTIONS
    )


def test_no_signal_is_the_verdict_and_the_first_warning(without_signal: TrainedModel) -> None:
    report = without_signal.report
    assert not report.verdict.has_signal
    assert report.warnings[0].startswith(report.verdict.sentence)
    assert report.verdict.sentence.startswith("No better than giving everyone the base rate")
    assert without_signal.metadata.metrics["verdict"] == report.verdict.as_dict()


def test_without_signal_every_lead_gets_the_base_rate_in_both_engines(
    without_signal: TrainedModel,
) -> None:
    metadata, files = without_signal.metadata, without_signal.artefacts
    assert files.onnx is not None
    assert files.ubj is not None
    rate = without_signal.report.positives / without_signal.report.rows
    columns = TABLE.columns_for(metadata.spec.kinds)
    matrix = FeatureEncoder(metadata.spec, metadata.reference).encode(columns, TABLE.rows).matrix
    for predictor in (OnnxPredictor(files.onnx), NativePredictor(files.ubj)):
        prediction = predictor.predict(matrix)
        np.testing.assert_allclose(prediction.probability, rate, atol=1e-7)
        assert not prediction.reason_value.any()
        contributions = predictor.contributions(matrix)
        assert not contributions.fields.any()
        assert not contributions.aspects.any()
    # The drift of the score is measured against what is served.
    score = metadata.reference.score
    assert score.counts[score.codes_of(prediction.probability)[0]] == TABLE.rows
    assert metadata.importance == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"target": "wno"}, r"no column 'wno' \(--target\). Did you mean 'won'"),
        ({"exclude": ("citi",)}, r"\(--exclude\). Did you mean 'city'"),
        ({"id": "nope"}, r"\(--id\)"),
        ({"text": ("nope",)}, r"\(--text\)"),
        ({"time": "nope"}, r"\(--time\)"),
        ({"time": "city"}, "expected a time"),
        ({"target": "source"}, "should have two values, but it has 3"),
        ({"target": "country"}, "one value only"),
        ({"positive": ("maybe",)}, "no value 'maybe'"),
        ({"time": None, "matured": timedelta(days=9)}, "--matured needs --time"),
        (
            {"matured": timedelta(days=999)},
            r"0 positives and 0 negatives \(.*younger than 999 days",
        ),
        ({"exclude": ("won",)}, "it can be one thing only"),
        ({"text": ("notes", "won")}, "the column is the target"),
        ({"ordered": True}, "exclude each other"),
        (
            {"exclude": ("company.size", "city", "source", "opt_in", "notes"), "text": ()},
            "no column left to learn from",
        ),
    ],
)
def test_options_that_contradict_the_table_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        train(TABLE, replace(OPTIONS, **change))


def test_a_missing_time_is_refused() -> None:
    late = [{**row, "created": "" if i == 3 else row["created"]} for i, row in enumerate(ROWS)]
    with pytest.raises(InputError, match=r"missing in 1 rows \(the first is row 4\)"):
        train(table(late), OPTIONS)


def test_a_missing_time_is_named_by_its_row_of_the_file() -> None:
    late = [{**row, "created": "" if i == 3 else row["created"]} for i, row in enumerate(ROWS)]
    late[0]["won"] = ""
    with pytest.raises(InputError, match=r"the first is row 4\)"):
        train(table(late), OPTIONS)


def test_a_time_without_values_is_refused_where_young_leads_are_left_out() -> None:
    empty = [{**row, "created": ""} for row in ROWS]
    with pytest.raises(InputError, match=r"'created' is missing in 1,200 rows"):
        train(table(empty), replace(OPTIONS, matured=timedelta(days=90)))


def test_without_young_leads_there_is_no_warning_on_age() -> None:
    """The latest row is no lead whose outcome is known: none of the others is young."""
    made = [{**row, "won": "" if i == 1 else row["won"]} for i, row in enumerate(ROWS)]
    made[1]["created"] = "2026-01-01"
    plan = plan_training(table(made), replace(OPTIONS, matured=timedelta(days=90)))
    assert plan.labels.immature == 0
    assert not [warning for warning in plan.warnings if "younger than" in warning]


@pytest.mark.parametrize(("few", "many"), [("yes", "no"), ("no", "yes")])
def test_too_few_of_a_kind_are_refused(few: str, many: str) -> None:
    made = [{**row, "won": few if i < 39 else many} for i, row in enumerate(ROWS)]
    with pytest.raises(InputError, match=r"39 (positives|negatives).*at least 40 of each"):
        train(table(made), OPTIONS)


def test_forty_of_a_kind_are_enough() -> None:
    made = [{**row, "won": "yes" if i % 30 == 0 else "no"} for i, row in enumerate(ROWS)]
    report = train(table(made), replace(OPTIONS, time=None, exclude=("created",))).report
    assert report.positives == 40


def test_an_export_that_scores_otherwise_gives_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.training.export.parity", lambda *_: 2e-6)
    with pytest.raises(BundleError, match="differ from the trainer's by up to 2e-06"):
        train(TABLE.slice(0, 400), OPTIONS)
