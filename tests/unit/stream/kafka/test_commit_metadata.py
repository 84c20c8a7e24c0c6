"""Commit metadata: who committed, and the model that the partition is pinned to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiokafka import OffsetAndMetadata
from hypothesis import given
from hypothesis import strategies as st

from agents.canary_split import CanarySplit
from schemas.model_identity import ModelIdentity
from stream.kafka.commit_metadata import Commit, ModelPin, metadata_of

MODEL = ModelIdentity("leads", "3", "9f" * 32)
PIN = ModelPin(MODEL, 4096)
CANARY = ModelIdentity("leads", "4", "c1" * 32)
SPLIT = ModelPin(MODEL, 17, 5000, CanarySplit(CANARY, 12.5, "5ba2"))


@pytest.mark.parametrize("pin", [None, PIN, ModelPin(MODEL, 17, until=5000), SPLIT])
def test_written_metadata_are_read_back(pin: ModelPin | None) -> None:
    commit = Commit(4711, metadata_of(4711, pin))
    assert commit.is_ours
    assert commit.pin == pin
    assert commit.topic_id is None


def test_a_pin_with_a_canary_scores_otherwise_than_without_or_with_another_share() -> None:
    assert SPLIT.canary is not None
    others = [
        replace(SPLIT, canary=None),
        replace(SPLIT, canary=replace(SPLIT.canary, share=50)),
        replace(SPLIT, canary=replace(SPLIT.canary, salt="5ba3")),
        replace(SPLIT, canary=replace(SPLIT.canary, model=MODEL)),
    ]
    assert len({SPLIT.key, *(pin.key for pin in others)}) == 5
    assert replace(SPLIT, since=1, until=2).key == SPLIT.key
    assert SPLIT.hashes == (MODEL.sha256, CANARY.sha256)
    assert PIN.hashes == (MODEL.sha256,)


@pytest.mark.parametrize("written", ["[1]", "null", '[["leads","4"],10,"a"]', "7"])
def test_a_canary_in_another_form_makes_the_pin_unreadable(written: str) -> None:
    """Without its canary the pin would be another one, and records would be scored otherwise."""
    metadata = metadata_of(7, PIN).removesuffix("}") + f',"canary":{written}}}'
    assert Commit(7, metadata).is_ours
    assert Commit(7, metadata).pin is None


def test_the_topics_id_is_read_where_it_was_written() -> None:
    commit = Commit(4711, metadata_of(4711, PIN, "8rXZ4bvrTs2nqgZC5jkHIw"))
    assert (commit.topic_id, commit.pin) == ("8rXZ4bvrTs2nqgZC5jkHIw", PIN)
    assert Commit(4712, commit.metadata).topic_id is None, "metadata of another offset"
    assert Commit(7, '{"leadscore": 1, "at": 7, "topic": 5}').topic_id is None


def test_a_bound_that_is_passed_is_left_out() -> None:
    assert Commit(50, metadata_of(50, ModelPin(MODEL, 17, until=50))).pin == ModelPin(MODEL, 17)


def test_it_is_short_ascii_text() -> None:
    model = ModelIdentity("ü" * 100, "9" * 9, "f" * 64)
    longest = ModelPin(model, 2**62, 2**63, CanarySplit(model, 99.123456789, "a" * 32))
    metadata = metadata_of(2**62, longest)
    assert metadata.isascii()
    assert len(metadata) < 2048  # Kafka takes 4,096


@pytest.mark.parametrize(
    "metadata", ["", "x", "{}", "[1]", "1", "null", '{"at": 7}', '{"leadscore": true, "at": 7}']
)
def test_metadata_of_other_clients_are_not_ours(metadata: str) -> None:
    commit = Commit(7, metadata)
    assert not commit.is_ours
    assert commit.pin is None


def test_our_metadata_at_another_offset_is_not_ours() -> None:
    commit = Commit(8, metadata_of(7, PIN))
    assert not commit.is_ours
    assert commit.pin is None


def test_a_later_versions_commit_is_ours_but_its_pin_is_not_read() -> None:
    commit = Commit(7, '{"leadscore": 2, "at": 7, "model": {"name": "leads"}}')
    assert commit.is_ours
    assert commit.pin is None


@given(st.text(max_size=200), st.integers(0, 2**40))
def test_any_text_is_read_without_an_error(metadata: str, offset: int) -> None:
    assert Commit(offset, metadata).pin is None
    assert OffsetAndMetadata(*Commit(offset, metadata)) == (offset, metadata)
