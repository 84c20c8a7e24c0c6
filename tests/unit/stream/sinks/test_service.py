"""The life cycle of a sink: nothing is read before the target answers; the stop closes all."""

from __future__ import annotations

import asyncio

from schemas.errors import FatalError
from stream.sinks.service import SinkService
from tests.unit.stream.sinks.fake_sink import until


class Parts:
    """Stands for the source, runner, emitter, dead letters and clock; remembers calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.started = False
        self.answers = asyncio.Event()
        self.errors: list[BaseException] = []
        self.limits = self

    async def open(self) -> None:
        await self.answers.wait()
        self.calls.append("sink opened")

    async def compare(self) -> None:
        self.calls.append("clock")

    def verify(self) -> None:
        self.calls.append("limits")

    async def crash(self, error: BaseException) -> None:
        self.errors.append(error)


class Part:
    """One part that is started and stopped."""

    def __init__(self, name: str, parts: Parts) -> None:
        self.name, self.parts, self.started = name, parts, False

    async def start(self) -> None:
        self.started = True
        self.parts.calls.append(f"{self.name} started")

    async def stop(self) -> None:
        self.parts.calls.append(f"{self.name} stopped")


class Runner(Part):
    """The runner starts at once."""

    async def open(self) -> None:
        await self.parts.open()

    def start(self) -> None:  # type: ignore[override]
        self.parts.calls.append("runner started")


def service(parts: Parts) -> SinkService:
    return SinkService(
        Part("source", parts),  # type: ignore[arg-type]
        Runner("runner", parts),  # type: ignore[arg-type]
        Part("emitter", parts),  # type: ignore[arg-type]
        parts,  # type: ignore[arg-type]
        parts,  # type: ignore[arg-type]
        crash=parts.crash,
    )


async def test_the_group_is_joined_once_the_target_answers() -> None:
    parts = Parts()
    made = service(parts)
    await made.start()
    await asyncio.sleep(0)
    assert parts.calls == []
    parts.answers.set()
    await until(lambda: "source started" in parts.calls)
    assert parts.calls == [
        *("sink opened", "clock", "emitter started", "limits", "runner started", "source started")
    ]
    await made.stop()
    assert parts.calls[6:] == ["source stopped", "runner stopped", "emitter stopped"]


async def test_a_stop_before_the_target_answers_closes_the_sink() -> None:
    parts = Parts()
    made = service(parts)
    await made.start()
    await made.stop()
    assert parts.calls == ["runner stopped"]


async def test_an_error_of_the_target_that_does_not_pass_ends_the_worker() -> None:
    parts = Parts()
    made = service(parts)

    async def fail() -> None:
        raise FatalError("no such table")

    parts.open = fail  # type: ignore[method-assign]
    await made.start()
    await until(lambda: bool(parts.errors))
    await made.stop()
    assert isinstance(parts.errors[0], FatalError)
