"""Codecs of the messages that every poll needs: fetches and produce requests, and their responses.

aiokafka encodes and decodes field by field, in four or five calls each: a poll of four partitions
takes some 700 calls, more than all that is done with ten leads. Here the fields of a partition are
packed and unpacked together. The bytes and the values are the same.

This replaces private parts of aiokafka, for all connections of the process: the codecs of the
versions that brokers since Kafka 2.3 take. Messages of other versions are coded by aiokafka.

Sources: Kafka's protocol guide, "Fetch API" (version 11) and "Produce API" (version 7).
"""

from __future__ import annotations

from io import BytesIO
from struct import Struct
from typing import Any, NamedTuple

from aiokafka.protocol import fetch, produce

__all__ = ["use_fast_codecs"]

INT16, INT32 = Struct(">h"), Struct(">i")
REQUEST_HEAD = Struct(">hhi")
"""Key and version of the API, correlation id."""
FETCH_HEAD = Struct(">iiiibiii")
"""Replica id, longest wait, least and most bytes, isolation level, session id and epoch, topics."""
FETCH_PARTITION = Struct(">iiqqi")
"""Partition, leader epoch, offset, first offset of the log, most bytes."""
FETCHED_HEAD = Struct(">ihii")
"""Throttle time, error, session id, topics."""
FETCHED_PARTITION = Struct(">ihqqqi")
"""Partition, error, high watermark, last stable offset, first offset of the log, aborted."""
ABORTED = Struct(">qq")
"""Producer id, first offset."""
FETCHED_RECORDS = Struct(">ii")
"""Preferred replica, bytes of the records."""
PRODUCE_HEAD = Struct(">hii")
"""Acknowledgements, time limit, topics."""
PRODUCE_PARTITION = Struct(">ii")
"""Partition, bytes of the records."""
PRODUCED_PARTITION = Struct(">ihqqq")
"""Partition, error, offset, time stamp, first offset of the log."""
NO_FORGOTTEN_TOPICS = INT32.pack(0)


class _RequestHeader(NamedTuple):
    """A request header of version 1."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str

    def encode(self) -> bytes:
        """Return the header's bytes."""
        key, version, correlation_id, client_id = self
        return REQUEST_HEAD.pack(key, version, correlation_id) + _string(client_id)


class _ResponseHeader(NamedTuple):
    """A response header of version 0."""

    correlation_id: int


def use_fast_codecs() -> None:
    """Replace aiokafka's codecs, for the whole process."""
    for request in (fetch.FetchRequest_v11, produce.ProduceRequest_v7):
        request.build_request_header = _build_request_header
        request.parse_response_header = _parse_response_header
    fetch.FetchRequest_v11.encode = _encode_fetch
    fetch.FetchResponse_v11.decode = classmethod(_decode_fetched)
    produce.ProduceRequest_v7.encode = _encode_produce
    produce.ProduceResponse_v7.decode = classmethod(_decode_produced)


def _build_request_header(request: Any, correlation_id: int, client_id: str) -> _RequestHeader:
    return _RequestHeader(request.API_KEY, request.API_VERSION, correlation_id, client_id)


def _parse_response_header(_: Any, response: BytesIO) -> _ResponseHeader:
    return _ResponseHeader(*INT32.unpack(response.read(INT32.size)))


def _encode_fetch(request: Any) -> bytes:
    head = (
        *(request.replica_id, request.max_wait_time, request.min_bytes, request.max_bytes),
        *(request.isolation_level, request.session_id, request.session_epoch),
    )
    parts = [FETCH_HEAD.pack(*head, len(request.topics))]
    for topic, partitions in request.topics:
        parts += (_string(topic), INT32.pack(len(partitions)))
        parts += [FETCH_PARTITION.pack(*partition) for partition in partitions]
    assert not request.forgotten_topics_data, "aiokafka uses no fetch sessions"
    parts += (NO_FORGOTTEN_TOPICS, _string(request.rack_id))
    return b"".join(parts)


def _decode_fetched(cls: Any, given: BytesIO | bytes) -> Any:
    content, at = _content(given)
    *head, count = FETCHED_HEAD.unpack_from(content, at)
    at += FETCHED_HEAD.size
    topics = []
    for _ in range(count):
        topic, at = _read_string(content, at)
        (partitions,) = INT32.unpack_from(content, at)
        at += INT32.size
        found = []
        for _ in range(partitions):
            partition, at = _read_fetched(content, at)
            found.append(partition)
        topics.append((topic, found))
    return cls(*head, topics)


def _read_fetched(content: bytes, at: int) -> tuple[tuple[Any, ...], int]:
    """Return what was fetched of a partition, and where it ends."""
    *head, count = FETCHED_PARTITION.unpack_from(content, at)
    at += FETCHED_PARTITION.size
    aborted: list[tuple[int, int]] | None = None
    if count >= 0:
        end = at + count * ABORTED.size
        aborted = list(ABORTED.iter_unpack(content[at:end]))
        at = end
    replica, size = FETCHED_RECORDS.unpack_from(content, at)
    at += FETCHED_RECORDS.size
    if size < 0:
        return (*head, aborted, replica, None), at
    records = content[at : at + size]
    if len(records) != size:
        raise ValueError(f"expected {size} bytes of records, got {len(records)}")
    return (*head, aborted, replica, records), at + size


def _encode_produce(request: Any) -> bytes:
    head = PRODUCE_HEAD.pack(request.required_acks, request.timeout, len(request.topics))
    parts = [_string(request.transactional_id), head]
    for topic, partitions in request.topics:
        parts += (_string(topic), INT32.pack(len(partitions)))
        for partition, records in partitions:
            parts += (PRODUCE_PARTITION.pack(partition, len(records)), records)
    return b"".join(parts)


def _decode_produced(cls: Any, given: BytesIO | bytes) -> Any:
    content, at = _content(given)
    (count,) = INT32.unpack_from(content, at)
    at += INT32.size
    topics = []
    for _ in range(count):
        topic, at = _read_string(content, at)
        (partitions,) = INT32.unpack_from(content, at)
        at += INT32.size
        end = at + partitions * PRODUCED_PARTITION.size
        topics.append((topic, list(PRODUCED_PARTITION.iter_unpack(content[at:end]))))
        at = end
    (throttle_time_ms,) = INT32.unpack_from(content, at)
    return cls(topics, throttle_time_ms)


def _content(given: BytesIO | bytes) -> tuple[bytes, int]:
    """Return the bytes of a response, and where its body starts."""
    return (given, 0) if isinstance(given, bytes) else (given.getvalue(), given.tell())


def _string(text: str | None) -> bytes:
    if text is None:
        return INT16.pack(-1)
    content = text.encode()
    return INT16.pack(len(content)) + content


def _read_string(content: bytes, at: int) -> tuple[str | None, int]:
    (size,) = INT16.unpack_from(content, at)
    at += INT16.size
    return (None, at) if size < 0 else (content[at : at + size].decode(), at + size)
