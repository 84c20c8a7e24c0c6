"""The header that says what scored a lead, written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.canary_mark import Arm, CanaryMark
from agents.canary_split import CanarySplit
from schemas.headers import CANARY
from schemas.model_identity import ModelIdentity


@given(st.sampled_from(Arm), st.floats(0.01, 99.99).map(lambda share: round(share, 2)))
def test_a_mark_is_read_as_it_was_written(arm: Arm, share: float) -> None:
    split = CanarySplit(ModelIdentity("leads", "2", "9f"), share, "a;b")
    mark = CanaryMark.of(arm, split, 0.0018432)
    assert CanaryMark.read([("ce_id", b"1"), *mark.headers()]) == mark
    assert mark == CanaryMark(arm, share, 1843, "a;b")


@pytest.mark.parametrize(
    "written", [None, b"", b"canary", b"canary;ten;1;a", b"other;10;1;a", b"\xff;10;1;a"]
)
def test_another_form_of_the_header_is_no_mark(written: bytes | None) -> None:
    assert CanaryMark.read([(CANARY, written)]) is None


def test_without_the_header_there_is_no_mark() -> None:
    assert CanaryMark.read([("ce_id", b"1")]) is None
