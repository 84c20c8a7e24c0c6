"""The codecs of frequent messages against those of aiokafka, which its other versions still use."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from aiokafka.protocol.api import RequestHeader_v1, ResponseHeader_v0
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v11, FetchResponse_v11
from aiokafka.protocol.produce import ProduceRequest, ProduceRequest_v7, ProduceResponse_v7
from aiokafka.protocol.struct import Struct
from hypothesis import given
from hypothesis import strategies as st

from stream.fetch.frequent_messages import use_fast_codecs

use_fast_codecs()

TOPIC = st.text(max_size=8)
INT16, INT32, INT64 = (st.integers(-(2**bits), 2**bits - 1) for bits in (15, 31, 63))
RECORDS = st.binary(max_size=40)
ABORTED = st.none() | st.lists(st.tuples(INT64, INT64), max_size=3)
FETCHED = st.tuples(INT32, INT16, INT64, INT64, INT64, ABORTED, INT32, st.none() | RECORDS)
PRODUCED = st.tuples(INT32, INT16, INT64, INT64, INT64)


def topics(partition: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.tuples(TOPIC, st.lists(partition, max_size=4)), max_size=3)


def decoded(response: type[Any], body: bytes) -> Any:
    """Return a response that follows a header, as a connection decodes it."""
    frame = BytesIO(b"head" + body)
    frame.seek(4)
    return response.decode(frame)


@given(INT32, INT32, INT32, st.integers(0, 1), topics(st.tuples(INT32, INT64, INT32)), TOPIC)
def test_a_fetch_has_the_bytes_that_aiokafka_gives_it(
    wait: int, least: int, most: int, isolation: int, asked: list[Any], rack: str
) -> None:
    request = FetchRequest(wait, least, most, isolation, asked, rack).prepare({1: (4, 17)})
    assert type(request) is FetchRequest_v11, "the version that brokers and aiokafka agree on"
    assert request.encode() == Struct.encode(request)


@given(INT32, INT16, INT32, topics(FETCHED))
def test_a_fetch_response_has_the_values_that_aiokafka_reads(
    throttled: int, error: int, session: int, found: list[Any]
) -> None:
    body = Struct.encode(FetchResponse_v11(throttled, error, session, found))
    expected = Struct.decode.__func__(FetchResponse_v11, body)  # type: ignore[attr-defined]
    assert decoded(FetchResponse_v11, body) == FetchResponse_v11.decode(body) == expected


@given(st.none() | TOPIC, INT16, INT32, topics(st.tuples(INT32, RECORDS)))
def test_a_produce_request_has_the_bytes_that_aiokafka_gives_it(
    transaction: str | None, acks: int, limit: int, given_topics: list[Any]
) -> None:
    request = ProduceRequest(transaction, acks, limit, given_topics).prepare({0: (3, 13)})
    assert type(request) is ProduceRequest_v7, "the version that brokers and aiokafka agree on"
    assert request.encode() == Struct.encode(request)


@given(topics(PRODUCED), INT32)
def test_a_produce_response_has_the_values_that_aiokafka_reads(
    found: list[Any], throttled: int
) -> None:
    body = Struct.encode(ProduceResponse_v7(found, throttled))
    expected = Struct.decode.__func__(ProduceResponse_v7, body)  # type: ignore[attr-defined]
    assert decoded(ProduceResponse_v7, body) == ProduceResponse_v7.decode(body) == expected


@given(INT32, TOPIC)
def test_headers_are_those_of_aiokafka(correlation_id: int, client_id: str) -> None:
    request = ProduceRequest(None, -1, 1000, []).prepare({0: (3, 13)})
    header = request.build_request_header(correlation_id, client_id)
    assert header.encode() == RequestHeader_v1(request, correlation_id, client_id).encode()
    answer = BytesIO(ResponseHeader_v0(correlation_id).encode() + b"body")
    assert request.parse_response_header(answer).correlation_id == correlation_id
    assert answer.read() == b"body"


def test_a_response_that_ends_within_its_records_is_an_error() -> None:
    partition = (0, 0, 5, 5, 0, None, -1, b"records")
    body = Struct.encode(FetchResponse_v11(0, 0, 0, [("leads", [partition])]))
    with pytest.raises(ValueError, match="expected 7 bytes of records, got 6"):
        FetchResponse_v11.decode(body[:-1])
