"""Headers that are sent again, and those that are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.headers import ATTEMPT
from stream.dead_letters.deny_list import ERROR_PREFIXES, ERRORS, REPLICATION, TRACING, sendable

RESERVED = (*ERRORS, *REPLICATION, *TRACING, *ERROR_PREFIXES)
NAMES = st.text(max_size=30) | st.builds(
    # Near misses of the reserved names: their beginnings, and longer names.
    lambda name, cut, more: name[:cut] + more,
    st.sampled_from(RESERVED),
    st.integers(0, 40),
    st.text(max_size=3),
)
VALUES = st.none() | st.binary(max_size=10)


def is_reserved(name: str) -> bool:
    """The documented rule, word for word."""
    return (
        name in (ATTEMPT, *ERRORS, *REPLICATION)
        or name.lower() in TRACING
        or any(name.startswith(prefix) for prefix in ERROR_PREFIXES)
    )


@given(st.lists(st.tuples(NAMES, VALUES)))
def test_a_header_of_the_user_is_never_dropped(headers: list[tuple[str, bytes | None]]) -> None:
    """Each is kept as it is, as often as it is there, in its order."""
    kept = sendable(headers, 2)
    assert kept[:-1] == [header for header in headers if not is_reserved(header[0])]
    assert kept[-1] == (ATTEMPT, b"2")


@pytest.mark.parametrize(
    "name",
    [
        "__mskmr",
        "__replicator_id",
        "traceparent",
        "X-B3-TraceId",
        "__connect.errors.topic",
        "kafka_dlt-exception-message",
        "leadscore.error.code",
        "leadscore.value.left.out.bytes",
    ],
)
def test_headers_of_replication_tracing_and_errors_are_dropped(name: str) -> None:
    assert sendable([(name, b"x"), ("x-request-id", b"r")], 1) == [
        ("x-request-id", b"r"),
        (ATTEMPT, b"1"),
    ]


@pytest.mark.parametrize("name", ["leadscore.campaign", "x-traceparent", "__mskmr2", "b3x"])
def test_a_name_that_only_resembles_a_reserved_one_is_kept(name: str) -> None:
    assert sendable([(name, b"x")], 1)[0] == (name, b"x")
