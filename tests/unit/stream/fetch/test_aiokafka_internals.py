"""The private parts of aiokafka that are used still exist, with the same meaning."""

from __future__ import annotations

import inspect

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v4, FetchRequest_v11
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder

from stream.fetch.aiokafka_internals import crc32c, read_legacy_batch


def test_the_client_has_what_a_fetch_needs() -> None:
    for name in ("bootstrap", "close", "send", "_wait_on_metadata", "force_metadata_update"):
        assert callable(getattr(AIOKafkaClient, name))
    assert [*inspect.signature(AIOKafkaClient.send).parameters][:3] == [
        "self",
        "node_id",
        "request",
    ]


def test_a_fetch_request_says_what_it_is_given() -> None:
    request = FetchRequest(200, 1, 1000, 1, [("leads", [(3, 17, 1000)])])
    for struct in (FetchRequest_v4, FetchRequest_v11):
        [topic] = request.build(struct).topics
        assert topic[0] == "leads"
        [asked] = topic[1]
        assert (asked[0], asked[-1]) == (3, 1000)
        assert 17 in asked
    for struct, behind in ((FetchRequest_v4, 2), (FetchRequest_v11, 3)):
        [_, partitions] = struct.RESPONSE_TYPE.SCHEMA.fields[-1].array_of.fields
        names = partitions.array_of.names
        assert names[1:3] == ("error_code", "highwater_offset")
        assert names[-behind] == "aborted_transactions"
        assert names[-1] == "message_set"


def test_the_checksum_is_castagnolis() -> None:
    assert crc32c(memoryview(b"123456789")) == 0xE3069283, "RFC 3720, B.4"


def test_older_formats_are_read() -> None:
    builder = LegacyRecordBatchBuilder(1, 0, 1000)
    builder.append(5, timestamp=7, key=b"k", value=b"v")
    [record] = read_legacy_batch(bytes(builder.build()))
    assert (record.offset, record.timestamp, record.key, record.value) == (5, 7, b"k", b"v")
