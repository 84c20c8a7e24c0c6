"""Logs name leads by a keyed hash, or not at all."""

from __future__ import annotations

import io
import json
import logging

import pytest

from stream.process.lead_keys import LeadKey, keyed_hash
from stream.process.logging import set_up_logging
from stream.settings import load_settings

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

SECRET = "a secret of sixteen"


def logged(log_format: str, secret: str | None) -> str:
    stream = io.StringIO()
    set_up_logging(load_settings(log_format=log_format, log_id_key=secret), stream)
    logging.getLogger("stream.x").warning("seen", extra={"lead": LeadKey(b"ann"), "code": "TYPE"})
    return stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "human"])
def test_a_lead_is_named_by_its_keyed_hash(log_format: str) -> None:
    text = logged(log_format, SECRET)
    assert keyed_hash(SECRET, b"ann") in text
    assert "ann" not in text


def test_without_a_secret_a_lead_has_no_name() -> None:
    [line] = [json.loads(line) for line in logged("json", None).splitlines()]
    assert "lead" not in line
    assert line["code"] == "TYPE"
    assert "lead=" not in logged("human", None)


def test_a_key_that_is_printed_by_mistake_says_nothing() -> None:
    assert "ann" not in f"{LeadKey(b'ann')} {LeadKey(b'ann')!r}"


def test_another_secret_gives_another_hash() -> None:
    """The first digits of RFC 4231's test case 2."""
    assert keyed_hash("Jefe", b"what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c7"
    assert keyed_hash("other", b"ann") != keyed_hash(SECRET, b"ann")
