"""Requests are written and read as records of retrain_request.avsc."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.retraining.triggers import Trigger
from stream.retraining.request import RetrainRequest, read_request

REQUEST = RetrainRequest(
    "20261129-r1", 1_764_400_000_000, "anna", Trigger.DRIFT, "drift:leads/3", "half", True
)


def test_a_request_is_read_as_it_was_written() -> None:
    assert read_request(REQUEST.encode()) == REQUEST
    plain = RetrainRequest("r2", 1, "anna")
    assert read_request(plain.encode()) == plain


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xc3\x01 no such schema"])
def test_other_bytes_are_refused(value: bytes | None) -> None:
    with pytest.raises(ValueError, match="expected a retrain_request"):
        read_request(value)


def test_an_id_that_could_not_name_a_retraining_is_refused() -> None:
    with pytest.raises(ValueError, match="request_id"):
        read_request(replace(REQUEST, request_id="a/b").encode())
