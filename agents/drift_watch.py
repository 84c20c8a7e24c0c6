"""From partials to reports and alarms: what the drift agent does, without Kafka.

The table `drift_windows` holds the counts of the open windows. A window that the watermark has
passed is reported and then removed from the table; after a restart the longer horizons are restored
from its report. The detectors' state is restored by replaying the latest partials. That repairs the
table, too, if a zombie worker has written outdated counts to it. Of several reports of a window,
the one with the most leads is valid.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

from agents.drift_alarms import alarms_of, since_reported, since_when, states_of
from agents.drift_reports import Report, assessments_of, counts_of
from agents.drift_windows import BlockSet, Watermark, WindowCounts, WindowKey, summed
from agents.partials import Partial, Sample
from agents.watched_model import NEVER, WatchedModel, WatchOptions
from monitoring.drift.assessment import Assessment
from monitoring.drift.detectors import Change, Rolling
from schemas.model_identity import ModelIdentity

__all__ = ["Closing", "DriftWatch"]

log = logging.getLogger(__name__)

REMEMBERED = 4096
"""Closed windows whose blocks are kept, to distinguish late leads from repeated partials."""


@dataclass(frozen=True, slots=True)
class Closing:
    """A complete window: its reports, and the keys that leave the table once they are delivered.

    The window's own report is the last one: if a worker dies between two, the alarms are repeated.
    """

    reports: tuple[Report, ...]
    keys: tuple[WindowKey, ...]


class DriftWatch:
    """Keeps the counts of windows, closes complete windows, and makes their reports.

    Parameters
    ----------
    table
        The windows as they are kept: by key, a `WindowCounts` as bytes.
    find_model
        Finds a model by its identity; None while the registry does not have it.
    watermark
        Says which windows are complete.
    options
        How drift is watched.
    """

    def __init__(
        self,
        table: MutableMapping[str, bytes],
        find_model: Callable[[ModelIdentity], WatchedModel | None],
        watermark: Watermark,
        options: WatchOptions,
    ) -> None:
        self._table = table
        self._find_model = find_model
        self._watermark = watermark
        self._options = options
        self._models: dict[str, WatchedModel] = {}
        self._entries = {
            WindowKey.parse(key): WindowCounts.decode(value) for key, value in table.items()
        }
        self._sampled: dict[WindowKey, int] = {}
        self._reported: OrderedDict[WindowKey, tuple[BlockSet, dict[int, int]]] = OrderedDict()
        self.late = 0
        self.closed_early = 0
        self.changes = 0

    # State

    @property
    def open_windows(self) -> int:
        """How many windows the table holds, counted per partition."""
        return len(self._entries)

    @property
    def latest(self) -> WatchedModel | None:
        """The model whose window was closed last."""
        models = self._models.values()
        return max(models, key=lambda model: model.closed_through, default=None)

    @property
    def reached(self) -> int | None:
        """The watermark, milliseconds since 1970, as of the last look."""
        return self._watermark.reached

    def rolling(self) -> Rolling | None:
        """Return statistics of the latest scores of the latest model."""
        return None if self.latest is None else self.latest.detectors.rolling()

    def current(self, model: WatchedModel) -> tuple[Assessment, ...]:
        """Assess the horizons that end with the last closed window."""
        if not model.windows:
            return ()
        start = max(model.windows)
        return model.horizons(start, model.closed_through - start, self._options)

    # Restart

    def restore(self, reports: Iterable[Mapping[str, Any]]) -> None:
        """Restore the closed windows from their reports, the oldest first."""
        for record in reports:
            identity = ModelIdentity(
                record["model_id"], record["model_version"], record["model_sha256"]
            )
            model = self._model(identity)
            if model is None:
                continue
            start, end = record["window_start"], record["window_end"]
            if (alarm := record["alarm"]) is not None:
                model.confirmed[alarm["detector"], alarm["stream"]] = end
                continue
            counts = counts_of(record, model.layout.size)
            if start in model.windows and model.windows[start].leads >= counts.leads:
                continue
            model.add(start, end, counts, self._options)
            horizons = assessments_of(record)
            model.confirmation.assessed(horizons)
            model.since = since_reported(horizons)
            model.alarmed = states_of(horizons, model.confirmation.drifted, model.alarmed)

    def rehearse(self, partials: Iterable[Partial], now: float) -> None:
        """Replay partials that were processed before, for detectors, watermark and table."""
        changes = self.changes
        self.take(partials, now)
        self.changes, self.late = changes, 0

    # Partials

    def take(self, partials: Iterable[Partial], now: float) -> None:
        """Count partials, and write the windows that have changed to the table, each once."""
        changed = set()
        for partial in partials:
            key, model = WindowKey.from_partial(partial), self._model(partial.model)
            self._watermark.saw(partial.partition, partial.last_event, now)
            if model is not None:
                self._detect(model, key, partial)
            entry = self._entries.get(key)
            if entry is None:
                end = partial.window_start + partial.window_ms
                if model is not None and end <= model.closed_through:
                    self.late += self._late_leads(key, partial)
                    continue
                entry = self._entries[key] = WindowCounts.empty_for(partial)
            if entry.add(partial):
                changed.add(key)
        for key in sorted(changed):
            self._table[str(key)] = self._entries[key].encode()

    def _detect(self, model: WatchedModel, key: WindowKey, partial: Partial) -> None:
        """Update the detectors with a partial, late or not: they follow the order of the log."""
        for change in self._sample(model, key, partial.sample):
            self.changes += 1
            confirmed = model.confirmed.get((change.detector, change.stream))
            if confirmed is None or partial.last_event >= confirmed:  # else it is found again
                model.confirmation.found(change, partial.last_event)

    def _sample(self, model: WatchedModel, key: WindowKey, sample: Sample) -> list[Change]:
        """Update the detectors with the leads of a window's sample that are new."""
        seen = self._sampled.get(key, -1)
        new = sample.offsets > seen
        if not new.any():
            return []
        self._sampled[key] = int(sample.offsets[-1])
        return model.detectors.update(sample.scores[new], sample.codes[new])

    def _late_leads(self, key: WindowKey, partial: Partial) -> int:
        """Count the leads of a partial that its closed window does not hold."""
        blocks, open_blocks = self._reported.setdefault(key, (BlockSet(), {}))
        if partial.block in blocks:
            return 0
        counted = open_blocks.get(partial.block, 0)
        leads = partial.counts.leads
        open_blocks[partial.block] = max(counted, leads)
        if partial.is_closed:
            blocks.add(partial.block)
        self._forget_oldest()
        return max(0, leads - counted)

    def _forget_oldest(self) -> None:
        while len(self._reported) > REMEMBERED:
            key, _ = self._reported.popitem(last=False)
            self._sampled.pop(key, None)

    # Closing windows

    def due(self, now: float, wall_ms: int) -> list[tuple[WindowKey, ...]]:
        """Return the keys of the windows to close, window by window, the oldest first.

        These are the complete windows and, while more than `WatchOptions.open_windows` are open,
        the oldest ones. A window of a model that the registry does not have waits for it, for as
        long as the longest horizon would include the window.

        Parameters
        ----------
        now
            Seconds of the watermark's clock.
        wall_ms
            Milliseconds since 1970.
        """
        self._watermark.at(now, wall_ms)
        crowded = self._crowded_through()
        windows: dict[tuple[int, str], list[WindowKey]] = {}
        for key, entry in self._entries.items():
            if key.start <= crowded or self._is_due(key, entry):
                windows.setdefault((key.start + entry.window_ms, key.sha256), []).append(key)
        return [tuple(sorted(keys)) for _, keys in sorted(windows.items())]

    def _is_due(self, key: WindowKey, entry: WindowCounts) -> bool:
        longest = max(self._options.horizons) * entry.window_ms
        waits = self._waits(key, entry)
        return waits >= 0 and (self._model(entry.model) is not None or waits >= longest)

    def _waits(self, key: WindowKey, entry: WindowCounts) -> int:
        """Return for how long a window is complete, in milliseconds; below 0 while it is not."""
        mark = self._watermark.reached
        if mark is None:
            return -1
        return mark - self._options.lateness_ms - (key.start + entry.window_ms)

    def _crowded_through(self) -> int:
        """Return the start of the newest window that closes because too many are open.

        The newest window of all is never one of them.
        """
        excess = len(self._entries) - self._options.open_windows
        if excess <= 0:
            return NEVER
        starts = sorted(key.start for key in self._entries)
        return max((start for start in starts[:excess] if start < starts[-1]), default=NEVER)

    def close(self, keys: tuple[WindowKey, ...], wall_ms: int) -> Closing:
        """Close a window that is due.

        Parameters
        ----------
        keys
            The keys of the window.
        wall_ms
            Milliseconds since 1970, for the report.

        Returns
        -------
        Closing
            To be delivered, then passed to `settle`. It has no reports if the window was reported
            with as many leads before: it is in the table again because a worker died before it was
            removed, or a zombie worker has written to it. Nor if the model is not found.
        """
        first = self._entries[keys[0]]
        model = self._model(first.model)
        if model is None:
            log.warning(
                "drift windows dropped without a report: the registry does not have their model",
                extra={"model": f"{first.model.id}/{first.model.version}"},
            )
            return Closing((), keys)
        counts = summed((self._entries[key].total() for key in keys), model.layout.size)
        start, end = keys[0].start, keys[0].start + first.window_ms
        reported = model.windows.get(start)
        if reported is not None and reported.leads >= counts.leads:
            return Closing((), keys)
        model.add(start, end, counts, self._options)
        horizons = model.horizons(start, first.window_ms, self._options)
        model.since = since_when(horizons, model.since, start)
        horizons = tuple(
            horizon.with_since(
                [model.since.get((horizon.name, column)) for column in range(len(horizon.fields))]
            )
            for horizon in horizons
        )
        confirmed = model.confirmation.assessed(horizons)
        before = model.alarmed
        model.alarmed = states_of(horizons, model.confirmation.drifted, before)
        alarms = alarms_of(horizons, before, model.alarmed, confirmed)
        report = Report(wall_ms, first.topic, model.identity, start, end, counts, horizons)
        return Closing((*(replace(report, alarm=alarm) for alarm in alarms), report), keys)

    def settle(self, closing: Closing) -> None:
        """Remove a window from the table: its report is delivered."""
        for key in closing.keys:
            entry = self._entries.pop(key)
            self.closed_early += self._waits(key, entry) < 0
            self._reported[key] = (
                entry.blocks,
                {block: version.counts.leads for block, version in entry.open.items()},
            )
            self._table.pop(str(key), None)
        self._forget_oldest()

    def _model(self, identity: ModelIdentity) -> WatchedModel | None:
        model = self._models.get(identity.sha256)
        if model is None:
            model = self._find_model(identity)
            if model is not None:
                self._models[identity.sha256] = model
        return model
