"""The hold-out is the latest fifth, and a model knows of no outcome that came after its start."""

from __future__ import annotations

import numpy as np
import pytest

from agents.retraining.hold_out import segments_of, side_of, split_by_time
from schemas.errors import InputError
from schemas.scored_event import CATEGORIES
from tests.unit.small_model import SmallModel

TIMES = np.arange(1000) * 10
CONVERTED = np.arange(1000) % 3 == 0


def test_without_a_delay_of_outcomes_all_earlier_leads_are_learnt_from() -> None:
    split = split_by_time(TIMES, 0, CONVERTED)
    assert (split.earlier, split.start) == (800, 800)


def test_leads_whose_outcome_was_not_known_when_the_hold_out_began_are_left_out() -> None:
    split = split_by_time(TIMES, 1000, CONVERTED)
    assert (split.earlier, split.start) == (701, 800)
    assert TIMES[split.earlier - 1] + 1000 <= TIMES[split.start]


def test_too_few_leads_of_a_kind_are_refused_with_the_place() -> None:
    with pytest.raises(InputError, match="before the hold-out"):
        split_by_time(TIMES, 7900, CONVERTED)
    few = CONVERTED.copy()
    few[810:] = False
    with pytest.raises(InputError, match="in the hold-out"):
        split_by_time(TIMES, 0, few)


def test_scores_have_their_bands(model: SmallModel) -> None:
    side = side_of(model.bundle, model.columns, len(model.leads))
    thresholds = model.bundle.metadata.thresholds
    assert len(side.scores) == len(model.leads)
    assert (side.scores[side.bands == CATEGORIES.index("High")] >= thresholds.high).all()
    assert (side.scores[side.bands == CATEGORIES.index("Low")] < thresholds.medium).all()


def test_segments_are_the_bins_of_named_fields(model: SmallModel) -> None:
    [industry] = segments_of(model.bundle, model.columns, len(model.leads), ["industry"])
    assert industry.field == "industry"
    assert industry.codes.max() < len(industry.labels)


def test_an_unknown_field_is_refused(model: SmallModel) -> None:
    with pytest.raises(InputError, match="RETRAIN_SEGMENTS, but it has no colour"):
        segments_of(model.bundle, model.columns, len(model.leads), ["colour"])
