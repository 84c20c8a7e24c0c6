"""Summary of a run, or of its rehearsal: a few lines, or a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.display import for_terminal
from schemas.errors import ErrorCode
from stream.simulator.dry_run import Rehearsal
from stream.simulator.playing import LEAD
from stream.simulator.playlist import Playlist
from stream.simulator.run import Played

__all__ = ["rehearsal_record", "rehearsal_summary", "summary", "summary_record"]


def summary(
    played: Played, playlist: Playlist, topic: str, seed: int, outcomes: Played | None = None
) -> str:
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
    outcomes
        The counts of the outcomes; None: there were none.
    """
    lines = [*_lines(played, playlist, topic), *_outcome_lines(outcomes), ("seed", f"{seed}")]
    return "\n".join(f"{name:<12}{for_terminal(text)}" for name, text in lines)


def rehearsal_summary(found: Rehearsal, playlist: Playlist, topic: str, seed: int) -> str:
    """Return what a run would send, as lines; the parameters are those of `summary`."""
    events, size = found.kinds.total(), found.bytes / 1e6
    lines = [
        ("would send", f"{events:,} events of {playlist.contract.name} to {topic}, {size:,.2f} MB")
    ]
    if found.codes:
        lines.append(("good", f"{found.kinds[LEAD]:,}"))
        lines += _broken(found.kinds, found.codes)
    lines += [*_unused(playlist), ("seed", str(seed))]
    lines.append(("dry run", "nothing was sent, and no broker was asked"))
    return "\n".join(f"{name:<12}{for_terminal(text)}" for name, text in lines)


def summary_record(
    played: Played, playlist: Playlist, topic: str, seed: int, outcomes: Played | None = None
) -> dict[str, Any]:
    """Return the summary of a run as one object; the parameters are those of `summary`."""
    outcomes = outcomes or Played()
    return {
        "is_dry_run": False,
        "topic": topic,
        "contract": playlist.contract.name,
        "delivered": played.sent,
        "failed": dict(played.failed),
        "is_stopped": played.stopped,
        "seconds": round(played.seconds, 3),
        "kinds": dict(played.delivered),
        "codes": {event.kind: str(event.code) for event in played.broken},
        "partitions": {str(at): sum(map(len, runs)) for at, runs in played.offsets.items()},
        "outcomes": outcomes.sent,
        "failed_outcomes": dict(outcomes.failed),
        "unused": list(playlist.unused),
        "seed": seed,
    }


def rehearsal_record(found: Rehearsal, playlist: Playlist, topic: str, seed: int) -> dict[str, Any]:
    """Return what a run would send as one object; the parameters are those of `summary`."""
    return {
        "is_dry_run": True,
        "topic": topic,
        "contract": playlist.contract.name,
        "events": found.kinds.total(),
        "bytes": found.bytes,
        "kinds": dict(found.kinds),
        "codes": {kind: str(code) for kind, code in found.codes.items()},
        "unused": list(playlist.unused),
        "seed": seed,
    }


def _broken(kinds: Mapping[str, int], codes: Mapping[str, ErrorCode]) -> Iterator[tuple[str, str]]:
    count = sum(kinds[kind] for kind in codes)
    yield "broken", f"{count:,}, each with the code of its dead letter"
    for kind in sorted(codes):
        yield "", f"{kinds[kind]:>7,}  {kind} ({codes[kind]})"


def _unused(playlist: Playlist) -> Iterator[tuple[str, str]]:
    if playlist.unused:
        name = playlist.contract.name
        yield "not sent", f"{', '.join(playlist.unused)}: {name} has no such field"


def _outcome_lines(outcomes: Played | None) -> Iterator[tuple[str, str]]:
    if outcomes is None or not (outcomes.sent or outcomes.failed):
        return
    yield "outcomes", f"{outcomes.sent:,} delivered"
    if outcomes.failed:
        failures = ", ".join(f"{count:,} ({error})" for error, count in outcomes.failed.items())
        yield "FAILED", f"{failures}: not acknowledged by the broker"


def _lines(played: Played, playlist: Playlist, topic: str) -> Iterator[tuple[str, str]]:
    rate = f"{played.seconds:,.1f} s ({played.rate:,.0f}/s)"
    yield "delivered", f"{played.sent:,} events of {playlist.contract.name} to {topic} in {rate}"
    if played.failed:
        failures = ", ".join(f"{count:,} ({error})" for error, count in played.failed.items())
        yield "FAILED", f"{failures}: not acknowledged by the broker"
    if played.stopped:
        yield "stopped", "before the end, as requested"
    if played.broken:
        yield "good", f"{played.delivered[LEAD]:,}"
        yield from _broken(played.delivered, {event.kind: event.code for event in played.broken})
    partitions = sorted((at, sum(map(len, runs))) for at, runs in played.offsets.items())
    if partitions:
        yield "partitions", "  ".join(f"{at}: {count:,}" for at, count in partitions)
    yield from _unused(playlist)
