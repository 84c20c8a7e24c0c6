"""The parts of a Faust app that services use, and a model trial with a fixed verdict."""

from __future__ import annotations

from collections.abc import (
    Mapping,
)

import faust

from stream.process.model_trial import Trials

__all__ = ["FakeApp", "FakeTrials"]


class FakeTrials(Trials):
    """A trial that accepts every model, or raises a given error."""

    def __init__(self, verdict: Exception | None = None) -> None:
        super().__init__()
        self.verdict = verdict
        self.tried = 0

    def __call__(self, files: Mapping[str, bytes]) -> None:
        self.tried += 1
        if self.verdict is not None:
            raise self.verdict


class FakeApp:
    """As much of a Faust app as the source looks at."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    @property
    def crashed(self) -> bool:
        return bool(self.errors)

    async def crash(self, error: BaseException) -> None:
        self.errors.append(error)

    def as_faust(self) -> faust.App:
        """Return itself as an app, which makes channels as well."""
        fake = self

        class App(faust.App):
            trials = FakeTrials()
            crash = staticmethod(fake.crash)
            crashed = property(lambda _: fake.crashed)

        return App("test", broker="memory://")
