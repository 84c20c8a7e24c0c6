"""The meaning of HTTP statuses."""

from __future__ import annotations

import pytest

from stream.sinks.webhook_answer import Meaning, meaning_of


@pytest.mark.parametrize(
    ("statuses", "meaning"),
    [
        ((200, 201, 202, 204), Meaning.DELIVERED),
        ((400, 406, 411, 413, 415, 422, 451), Meaning.REFUSED),
        ((409, 500, 501, 505, 599), Meaning.FAILED),
        ((301, 302, 307, 401, 403, 404, 408, 410, 425, 429, 502, 503, 504), Meaning.UNAVAILABLE),
    ],
)
def test_each_status_has_a_meaning(statuses: tuple[int, ...], meaning: Meaning) -> None:
    assert {meaning_of(status) for status in statuses} == {meaning}
