"""Bodies of requests, right and wrong."""

from __future__ import annotations

import pytest

from stream.rest.bodies import read_batch, read_lead
from stream.rest.problems import Problem


@pytest.mark.parametrize("body", [b'["a","b"]', b'{"lead_ids":["a","b"]}'])
def test_ids_are_read_from_an_array_or_an_object(body: bytes) -> None:
    batch = read_batch(body)
    assert (batch.ids, batch.leads) == (["a", "b"], ())


@pytest.mark.parametrize("body", [b'[{"lead_id":"a"}]', b'{"leads":[{"lead_id":"a"}]}'])
def test_leads_are_read_from_an_array_or_an_object(body: bytes) -> None:
    batch = read_batch(body)
    assert (batch.ids, batch.leads) == ((), [{"lead_id": "a"}])


@pytest.mark.parametrize(
    "body",
    [
        *(b"{}", b"[]", b'{"leads":[],"lead_ids":[]}', b'{"leads":{}}', b'{"lead_ids":"a"}'),
        *(b'["a",{}]', b"[1]", b'[""]', b"7", b"null", b'{"lead_ids":["a",null]}'),
    ],
)
def test_everything_else_is_refused(body: bytes) -> None:
    with pytest.raises(Problem, match="expected") as caught:
        read_batch(body)
    assert (caught.value.status, caught.value.code) == (422, "VALIDATION")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b'{"a":Infinity}'])
def test_invalid_json_is_refused_with_its_place(body: bytes) -> None:
    with pytest.raises(Problem, match="at byte ") as caught:
        read_lead(body)
    assert caught.value.code == "DECODE"
