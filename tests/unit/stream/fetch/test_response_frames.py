"""Responses out of what a broker sends, however it is cut into pieces."""

from __future__ import annotations

import random
from collections.abc import Sequence
from io import BytesIO

import pytest
from aiokafka.protocol.fetch import FetchResponse_v11

from stream.fetch.response_frames import KEPT_BYTES, ResponseFrames

LIMIT = 200_000


def framed(*responses: bytes) -> bytes:
    """Return responses as they are sent: each behind its length."""
    return b"".join(len(one).to_bytes(4, "big") + one for one in responses)


def responses_of(pieces: Sequence[bytes], *, version: int | None = None) -> list[bytes]:
    """Return the responses in these pieces."""
    found: list[bytes] = []
    frames = ResponseFrames(found.append, lambda: version, lambda: LIMIT)
    for piece in pieces:
        frames.feed(piece)
    return found


def test_a_response_in_one_piece_is_handled_when_it_arrives() -> None:
    assert responses_of([framed(b"first"), framed(b""), framed(b"third")]) == [
        b"first",
        b"",
        b"third",
    ]


@pytest.mark.parametrize("seed", range(50))
def test_the_responses_are_the_same_however_they_are_cut(seed: int) -> None:
    draw = random.Random(seed)
    responses = [draw.randbytes(draw.choice([0, 1, 3, 4, 5, 40, 3000])) for _ in range(12)]
    sent = framed(*responses)
    cuts = sorted(draw.choices(range(len(sent) + 1), k=draw.choice([0, 1, 5, 60])))
    pieces = [sent[at:to] for at, to in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    assert responses_of(pieces) == responses


@pytest.mark.parametrize("piece", [7, 4096, 10**7])
def test_records_beyond_the_limit_are_cut(piece: int) -> None:
    large, small = bytes(range(256)) * 1000, b"small"
    rows = [(0, 0, 9, 9, 0, [(7, 3)], -1, large), (1, 0, 9, 9, 0, None, -1, small)]
    response = bytes(4) + FetchResponse_v11(0, 0, 0, [("leads", rows)]).encode()
    sent = framed(response, b"next one")
    pieces = [sent[at : at + piece] for at in range(0, len(sent), piece)]
    cut, following = responses_of(pieces, version=11)
    [(_, found)] = FetchResponse_v11.decode(BytesIO(cut[4:])).topics
    assert [row[-1] for row in found] == [large[:KEPT_BYTES], small]
    assert following == b"next one"


def test_a_response_beyond_the_limit_that_is_of_no_fetch_comes_whole() -> None:
    assert responses_of([framed(bytes(LIMIT + 1))]) == [bytes(LIMIT + 1)]


def test_an_error_of_the_handler_is_raised() -> None:
    def refuse(_: bytes) -> None:
        raise ValueError("unknown response")

    sent = framed(b"one")
    for cut in (0, 5):
        frames = ResponseFrames(refuse, lambda: None, lambda: LIMIT)
        if cut:
            frames.feed(sent[:cut])
        with pytest.raises(ValueError, match="unknown response"):
            frames.feed(sent[cut:])
