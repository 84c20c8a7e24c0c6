"""Error codes of CRMs, without the texts around them."""

from __future__ import annotations

import pytest

from stream.crm.account import plain_code


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ("INVALID_OPTION", "INVALID_OPTION"),
        ("0x80048d19", "0x80048d19"),
        ("Jane Doe is no option", "unknown"),
        ("x" * 65, "unknown"),
        (None, "None"),
        ({"a": "Jane"}, "unknown"),
    ],
)
def test_only_a_code_is_quoted(found: object, code: str) -> None:
    assert plain_code(found) == code
