"""From assessments to alarms: which streams have drifted, and since when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from agents.drift_reports import Alarm
from monitoring.drift.assessment import Assessment
from monitoring.drift.change_confirmation import ConfirmedChange
from monitoring.drift.diagnosis import ADVICE
from monitoring.drift.field_drift import DriftState
from monitoring.drift.seasonality import Stream

__all__ = ["alarms_of", "since_reported", "since_when", "states_of"]

ALARMING = (DriftState.WARN, DriftState.CRITICAL)


def since_when(
    horizons: Iterable[Assessment], before: Mapping[tuple[str, int], int], start: int
) -> dict[tuple[str, int], int]:
    """Return the first window in which each drifted field left OK; too few leads end no drift."""
    since = {}
    for horizon in horizons:
        for column, drift in enumerate(horizon.fields):
            place = (horizon.name, column)
            if drift.state in ALARMING:
                since[place] = before.get(place, start)
            elif drift.state is DriftState.TOO_FEW and place in before:
                since[place] = before[place]
    return since


def since_reported(horizons: Iterable[Assessment]) -> dict[tuple[str, int], int]:
    """Return what `since_when` returned for assessments that were reported."""
    return {
        (horizon.name, column): drift.since
        for horizon in horizons
        for column, drift in enumerate(horizon.fields)
        if drift.since is not None
    }


def _worst(states: Iterable[DriftState]) -> DriftState:
    order = list(DriftState)
    return max(states, key=order.index, default=DriftState.TOO_FEW)


def states_of(
    horizons: Sequence[Assessment],
    out_of_season: Collection[Stream],
    before: Mapping[Stream, DriftState],
) -> dict[Stream, DriftState]:
    """Return each stream's worst state over the horizons; too few leads end no alarm.

    A seasonal drift, such as every night's, counts as OK.
    """
    alarmed = {}
    for column, stream in enumerate(_streams(horizons)):
        drifts = [horizon.fields[column] for horizon in horizons]
        worst = _worst(
            drift.state if stream in out_of_season or not drift.is_drifted else DriftState.OK
            for drift in drifts
        )
        alarmed[stream] = before.get(stream, worst) if worst is DriftState.TOO_FEW else worst
    return alarmed


def _streams(horizons: Sequence[Assessment]) -> list[Stream]:
    return [Stream(drift.name, drift.is_score) for drift in horizons[0].fields]


def alarms_of(
    horizons: Sequence[Assessment],
    before: Mapping[Stream, DriftState],
    now: Mapping[Stream, DriftState],
    confirmed: Iterable[ConfirmedChange],
) -> list[Alarm]:
    """Return an alarm for every stream that has become worse, and for every confirmed change.

    Parameters
    ----------
    horizons
        Assessments of the spans that end with a window, the shortest first.
    before, now
        By stream: its state as last reported, and by these assessments (`states_of`).
    confirmed
        Changes that these assessments have confirmed.
    """
    return [*_windowed_alarms(horizons, before, now), *map(_confirmed_alarm, confirmed)]


def _windowed_alarms(
    horizons: Sequence[Assessment],
    before: Mapping[Stream, DriftState],
    now: Mapping[Stream, DriftState],
) -> Iterator[Alarm]:
    order = list(DriftState)
    for column, stream in enumerate(_streams(horizons)):
        state, last = now[stream], before.get(stream, DriftState.OK)
        if state not in ALARMING or order.index(state) <= order.index(last):
            continue
        horizon = next(h for h in horizons if h.fields[column].state is state)
        found = horizon.fields[column]
        psi = "" if found.psi is None else f", PSI {found.psi:.2f}"
        yield Alarm(
            detector="windowed",
            stream=stream.name,
            is_confirmed=True,
            before=None,
            after=None,
            diagnosis=horizon.diagnosis,
            sentence=f"{stream.name}: {state} over {horizon.name} of {horizon.leads:,} leads{psi}."
            f" {ADVICE[horizon.diagnosis].sentence}",
        )


def _confirmed_alarm(confirmed: ConfirmedChange) -> Alarm:
    change, horizon = confirmed.change, confirmed.by
    before = "" if change.before is None else f" from {change.before:.3f}"
    return Alarm(
        detector=change.detector,
        stream=change.stream,
        is_confirmed=True,
        before=change.before,
        after=change.after,
        diagnosis=horizon.diagnosis,
        sentence=f"{change.stream}: {change.detector} saw the mean go{before} to"
        f" {change.after:.3f}, and {horizon.name} of {horizon.leads:,} leads agree."
        f" {ADVICE[horizon.diagnosis].sentence}",
    )
