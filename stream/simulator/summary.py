"""Summary of a run, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.display import for_terminal
from stream.simulator.playing import LEAD
from stream.simulator.playlist import Playlist
from stream.simulator.run import Played

__all__ = ["summary"]


def summary(played: Played, playlist: Playlist, topic: str, seed: int) -> str:
    """Return the summary of a run.

    Parameters
    ----------
    played
        The counts.
    playlist
        The leads of the run.
    topic
        Destination topic.
    seed
        The seed, with which the run can be repeated.
    """
    lines = _lines(played, playlist, topic, seed)
    return "\n".join(f"{name:<12}{for_terminal(text)}" for name, text in lines)


def _lines(played: Played, playlist: Playlist, topic: str, seed: int) -> Iterator[tuple[str, str]]:
    rate = f"{played.seconds:,.1f} s ({played.rate:,.0f}/s)"
    yield "delivered", f"{played.sent:,} events of {playlist.contract.name} to {topic} in {rate}"
    if played.failed:
        failures = ", ".join(f"{count:,} ({error})" for error, count in played.failed.items())
        yield "FAILED", f"{failures}: not acknowledged by the broker"
    if played.stopped:
        yield "stopped", "before the end, as requested"
    codes = {event.kind: event.code for event in played.broken}
    if codes:
        yield "good", f"{played.delivered[LEAD]:,}"
        yield "broken", f"{len(played.broken):,}, each with the code of its dead letter"
        for kind in sorted(codes):
            yield "", f"{played.delivered[kind]:>7,}  {kind} ({codes[kind]})"
    partitions = sorted((at, sum(map(len, runs))) for at, runs in played.offsets.items())
    if partitions:
        yield "partitions", "  ".join(f"{at}: {count:,}" for at, count in partitions)
    if playlist.unused:
        yield (
            "not sent",
            f"{', '.join(playlist.unused)}: {playlist.contract.name} has no such field",
        )
    yield "seed", f"{seed}"
