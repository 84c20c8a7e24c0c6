"""The parts of the role start and stop in order; an error ends the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stream.outcomes.service import OutcomeService
from testing.fake_app import FakeApp
from tests.unit.stream.sinks.fake_sink import until


class Part:
    """Notes the calls of its methods."""

    started = False

    def __init__(self, name: str, calls: list[str]) -> None:
        self._name, self._calls = name, calls
        self.fails = False
        self.limits = self

    def __getattr__(self, method: str) -> Any:
        def call(*_: object) -> Any:
            self._calls.append(f"{self._name} {method}")

        return call


class AsyncPart(Part):
    def __getattr__(self, method: str) -> Any:
        async def call(*_: object) -> None:
            self._calls.append(f"{self._name} {method}")
            if self.fails:
                raise OSError("no broker")
            if method == "start":
                self.started = True

        return call


class Follower(AsyncPart):
    def start(self) -> None:
        self._calls.append("follower start")


class Place:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.app = FakeApp()
        self.source: Any = AsyncPart("source", self.calls)
        names = ("partitions", "emitter")
        partitions, emitter = (AsyncPart(name, self.calls) for name in names)
        parts: Any = (
            *(self.source, Follower("follower", self.calls), partitions, emitter),
            *(Part("letters", self.calls), AsyncPart("publisher", self.calls)),
            AsyncPart("cleaner", self.calls),
            *(Part("placement", self.calls), AsyncPart("clock", self.calls)),
        )
        self.service = OutcomeService(
            *parts, count_partitions=self._count, report_seconds=0.01, crash=self.app.crash
        )

    async def _count(self) -> Mapping[str, int]:
        return {}


async def test_the_parts_start_and_stop_in_order() -> None:
    place = Place()
    await place.service.start()
    await until(lambda: "placement look" in place.calls)
    assert place.calls[:9] == [
        *("clock compare", "emitter start", "letters verify", "placement start"),
        *("follower start", "source start", "publisher publish", "cleaner look"),
        "placement look",
    ]
    await place.service.stop()
    assert place.calls[-5:] == [
        *("source stop", "follower stop", "publisher publish", "partitions stop", "emitter stop"),
    ]


async def test_an_error_ends_the_worker_and_what_was_not_started_is_not_stopped() -> None:
    place = Place()
    place.source.fails = True
    await place.service.start()
    await until(lambda: bool(place.app.errors))
    place.calls.clear()
    await place.service.stop()
    assert place.calls == ["partitions stop"]
