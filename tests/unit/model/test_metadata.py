import json
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from features.matrix import FeatureEncoder
from model.metadata import (
    BundleError,
    BundleMetadata,
    Calibration,
    Engagement,
    Golden,
    Thresholds,
)
from schemas.fields import FieldKind
from tests.unit.small_booster import Trained


def test_metadata_survive_json(trained: Trained) -> None:
    text = trained.metadata.to_json()
    again = BundleMetadata.from_json(text)
    assert again.to_json() == text
    assert again.spec == trained.metadata.spec
    assert again.training == trained.metadata.training


def test_thresholds_and_engagement_are_those_of_the_design(trained: Trained) -> None:
    assert trained.metadata.thresholds == Thresholds(high=0.7, medium=0.4, label=0.5)
    assert trained.metadata.engagement == Engagement(low=0.15, high=0.40)


def test_golden_rows_keep_every_bit_and_nan(trained: Trained) -> None:
    again = BundleMetadata.from_json(trained.metadata.to_json()).golden
    np.testing.assert_array_equal(again.matrix, trained.matrix[:32])
    assert again.matrix.dtype == np.float32
    assert np.isnan(again.matrix).any()


def test_calibration_is_a_sigmoid_that_never_overflows() -> None:
    margin = np.array([-1e30, -3.0, 0.0, 2.5, 1e30], np.float32)
    calibration = Calibration(method="platt", slope=0.5, intercept=0.25)
    middle = 1 / (1 + np.exp(-(0.5 * margin[1:4].astype(float) + 0.25)))
    found = calibration.probability(margin)
    np.testing.assert_allclose(found[1:4], middle, rtol=1e-15)
    assert (found[0], found[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"golden": {"rows": [[1.0]], "scores": [0.5]}}, "11 columns, the golden rows have 1"),
        ({"thresholds": {"high": 0.3, "medium": 0.4}}, "medium 0.4 is above high 0.3"),
        ({"calibration": {"method": "none", "slope": 2.0}}, "slope 1 and intercept 0"),
        ({"calibration": {"method": "platt", "slope": "x"}}, r"calibration\.slope"),
        ({"engagement": {"low": 0.5, "high": 0.4}}, "mean score 0.5 is above the highest"),
        ({"importance": {"page_views": 1.0}}, "importance's fields are not the spec's"),
        ({"importance": {"page_views": -1.0}}, r"importance\.page_views"),
        ({"surprise": 1}, "surprise"),
        ({"spec": {"fields": []}}, r"spec\.fields"),
    ],
)
def test_metadata_that_contradict_themselves_are_refused(
    trained: Trained, change: Any, where: str
) -> None:
    content = json.loads(trained.metadata.to_json()) | change
    with pytest.raises(BundleError, match=where):
        BundleMetadata.from_json(json.dumps(content))


def test_a_reference_of_other_fields_is_refused(trained: Trained) -> None:
    content = json.loads(trained.metadata.to_json())
    content["reference"]["fields"].reverse()
    with pytest.raises(BundleError, match="reference's fields are not the spec's"):
        BundleMetadata.from_json(json.dumps(content))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("reference", "fields", 0, "counts", 0), 2**63, "counts"),
        (("reference", "fields", 0, "counts", 0), -1, "counts"),
        (("spec", "fields", 2, "values", 0), 1e300, "values"),
        (("spec", "fields", 2, "prior"), 1e300, "prior"),
        (("golden", "rows", 0, 0), 1e300, "rows"),
        (("reference", "fields", 0, "by"), "weekday", "codes"),
    ],
    ids=["a count of 64 bits", "a count below 0", "a value", "a prior", "a golden cell", "bins"],
)
def test_numbers_that_no_array_holds_are_refused(
    trained: Trained, path: Any, value: Any, says: str
) -> None:
    content = place = json.loads(trained.metadata.to_json())
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(BundleError, match=says):
        BundleMetadata.from_json(json.dumps(content))


def test_bins_of_another_kind_than_the_field_are_refused(trained: Trained) -> None:
    content = json.loads(trained.metadata.to_json())
    fields = content["reference"]["fields"]
    weekday = next(field for field in fields if field["by"] == "weekday")
    fields[0] = {**weekday, "name": fields[0]["name"]}
    with pytest.raises(BundleError, match="'page_views' is a number, its reference has bins by"):
        BundleMetadata.from_json(json.dumps(content))


@pytest.mark.parametrize("version", [0, 4, "1", None])
def test_another_format_is_refused_and_named(trained: Trained, version: Any) -> None:
    content = json.loads(trained.metadata.to_json()) | {"format_version": version}
    with pytest.raises(BundleError, match=f"formats 1 to 3, the model is of format {version}"):
        BundleMetadata.from_json(json.dumps(content))


NEW_IN_2 = ("reading", "truth", "missing")


def of_format_1(metadata: BundleMetadata) -> str:
    """Write metadata as the releases before format 2 did."""
    content = json.loads(metadata.to_json()) | {"format_version": 1}
    del content["spec"]["composed"]
    for field in content["spec"]["fields"]:
        for name in NEW_IN_2:
            field.pop(name, None)
    return json.dumps(content)


def test_a_model_of_format_1_is_read_and_reads_as_before(trained: Trained) -> None:
    old = BundleMetadata.from_json(of_format_1(trained.metadata))
    assert old.spec.readings == {}
    assert not old.spec.composed
    columns = {
        field.name: np.array([3.0])
        if field.kind in (FieldKind.NUMBER, FieldKind.DATE)
        else ["Sa\u0303o <NA>"]
        for field in old.spec.fields
    }
    now, before = (
        FeatureEncoder(metadata.spec, metadata.reference).encode(columns, 1)
        for metadata in (trained.metadata, old)
    )
    np.testing.assert_array_equal(now.bins, before.bins)


def test_a_model_without_a_typical_lead_is_compared_with_all_fields(trained: Trained) -> None:
    content = json.loads(trained.metadata.to_json())
    del content["reference"]["typical"]
    old = BundleMetadata.from_json(json.dumps(content))
    assert old.reference.typical is None
    assert old.reference.typical_fields == len(old.spec.fields)


def test_a_level_of_format_1_is_looked_up_as_it_came(trained: Trained) -> None:
    content = json.loads(of_format_1(trained.metadata))
    field = next(f for f in content["spec"]["fields"] if f.get("encoding") == "one_hot")
    field["levels"][0] = decomposed = "sa\u0303o"
    at = [f["name"] for f in content["spec"]["fields"]].index(field["name"])
    reference = content["reference"]["fields"][at]
    reference["levels"][0] = reference["labels"][0] = decomposed
    old = BundleMetadata.from_json(json.dumps(content))
    columns = {
        f.name: [decomposed, "s\u00e3o", "<NA>", None]
        if f.kind in (FieldKind.CATEGORY, FieldKind.TEXT)
        else np.full(4, np.nan)
        for f in old.spec.fields
    }
    codes = FeatureEncoder(old.spec, old.reference).encode(columns, 4).bins[:, at].tolist()
    bins = old.reference.fields[at]
    assert codes == [0, bins.other, bins.other, bins.missing]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '"\\ud800"'])
def test_invalid_metadata_are_refused(text: Any) -> None:
    with pytest.raises(BundleError, match="not usable"):
        BundleMetadata.from_json(text)


@pytest.mark.parametrize(
    ("rows", "scores"), [([[1.0]], [0.5, 0.5]), ([[1.0], [1.0, 2.0]], [0.5, 0.5]), ([], [])]
)
def test_golden_rows_that_do_not_fit_are_refused(rows: Any, scores: Any) -> None:
    with pytest.raises(ValidationError):
        Golden(rows=rows, scores=scores)


def test_drift_is_reported_by_names_that_people_read(trained: Trained) -> None:
    metadata = trained.metadata
    fields = metadata.spec.fields
    sources = {field.name: field.name for field in fields} | {fields[0].name: "来源:渠道"}
    spec = metadata.spec.with_sources(sources)
    importance = {field.name: 1 / len(fields) for field in fields}
    named = metadata.model_copy(update={"spec": spec, "importance": importance})
    names = ["来源 渠道", *(field.name for field in fields[1:])]
    assert [bins.name for bins in named.shown_reference.fields] == names
    assert named.shown_reference.field("来源 渠道").counts == metadata.reference.fields[0].counts
    assert list(named.shown_importance) == names
    assert metadata.shown_reference == metadata.reference
