"""The split of a canary: stable, growing with its share, uniform, and another for another salt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.canary_split import CanarySplit
from schemas.model_identity import ModelIdentity

CANARY = ModelIdentity("leads", "2", "2" * 64)
LEADS = [b"lead-%06d" % number for number in range(20_000)]

salts = st.text(min_size=1, max_size=8)
shares = st.floats(0.01, 99.99)
lead_ids = st.lists(st.binary(max_size=40), max_size=30)


def split(share: float, salt: str = "5ba2") -> CanarySplit:
    return CanarySplit(CANARY, share, salt)


@given(lead_ids, shares, salts)
def test_a_lead_has_the_same_model_alone_and_in_any_batch(
    leads: list[bytes], share: float, salt: str
) -> None:
    together = split(share, salt).chosen(leads).tolist()
    alone = [bool(split(share, salt).chosen([lead])[0]) for lead in leads]
    assert together == alone


@given(lead_ids, shares, shares, salts)
def test_a_larger_share_takes_no_lead_from_the_canary(
    leads: list[bytes], one: float, other: float, salt: str
) -> None:
    smaller, larger = sorted((one, other))
    assert not np.any(split(smaller, salt).chosen(leads) & ~split(larger, salt).chosen(leads))


@pytest.mark.parametrize("share", [0.5, 10, 50, 99])
def test_the_canary_gets_its_share(share: float) -> None:
    found = split(share).chosen(LEADS).mean()
    error = (share / 100 * (1 - share / 100) / len(LEADS)) ** 0.5
    assert abs(found - share / 100) < 4 * error


def test_another_salt_chooses_other_leads_independently() -> None:
    one, other = (split(50, salt).chosen(LEADS) for salt in ("5ba2", "5ba3"))
    assert abs((one & other).mean() - 0.25) < 0.015


def test_the_choice_is_the_same_in_every_release() -> None:
    """Workers of two releases share a group while an upgrade is under way."""
    assert split(10).chosen(LEADS[:60]).nonzero()[0].tolist() == [
        15,
        16,
        17,
        22,
        24,
        26,
        29,
        31,
        42,
        47,
        57,
    ]


@pytest.mark.parametrize(("share", "salt"), [(0, "a"), (100, "a"), (10, ""), (10, "a" * 33)])
def test_a_split_outside_of_its_range_is_refused(share: float, salt: str) -> None:
    with pytest.raises(ValueError, match="expected a"):
        split(share, salt)
