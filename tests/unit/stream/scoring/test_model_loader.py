"""Loading the model: what fails is tried again until it can be loaded, and said until then."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from model.bundle import Artefacts
from model.fsspec_folder import FsspecFolder
from model.manifest import MANIFEST
from model.metadata import BundleError, UnavailableError
from model.registry import Alias, Registry
from monitoring.telemetry.metrics import Metrics, worker_registry
from schemas.errors import LoadFailure
from stream.scoring import model_loader
from stream.scoring.model_loader import LONGEST_WAIT, ModelLoader
from stream.settings import load_settings
from testing.fake_app import FakeTrials
from testing.made import MADE
from tests.unit.small_model import SmallModel

POLL = 10.0


class Place:
    """A loader whose clock stands still until it is moved."""

    def __init__(self, registry: Path, **given: Any) -> None:
        self.now, self.drawn = 1000.0, 1.0
        self.metrics = Metrics(worker_registry(), version="1")
        self.trials = FakeTrials()
        self.loader = ModelLoader(
            load_settings(registry=str(registry), **{"model_poll_seconds": POLL, **given}),
            self.metrics,
            self.trials,
            clock=lambda: self.now,
            draw=lambda: self.drawn,
        )

    async def look(self) -> str | None:
        """Look once; returns the version that is to be served from now on."""
        serving = await self.loader.look()
        return None if serving is None else serving.identity.version

    async def waits(self, count: int = 8) -> list[float]:
        """Seconds between the attempts of failures."""
        waits: list[float] = []
        since = self.now
        while len(waits) < count:
            self.now += 1.0
            before = self.failures
            await self.look()
            if self.failures != before:
                waits.append(self.now - since)
                since = self.now
        return waits

    @property
    def failures(self) -> float:
        return sum(self.of(failure) for failure in LoadFailure)

    def of(self, failure: LoadFailure) -> float:
        name = "leadscore_model_load_failures_total"
        value = self.metrics.registry.get_sample_value(name, {"reason": failure.value})
        assert value is not None
        return value

    @property
    def is_failing(self) -> bool:
        return self.metrics.registry.get_sample_value("leadscore_model_load_failing") == 1


@pytest.fixture
def registry(model: SmallModel, tmp_path: Path) -> Path:
    """A copy of the model's registry, to change."""
    return shutil.copytree(model.registry, tmp_path / "models")


def half_copied(registry: Path, model: SmallModel) -> Path:
    """Begin to copy version 2 as rsync does: in the order of the files' names."""
    Registry(registry).publish("leads", Artefacts(onnx=model.bundle.files["model.onnx"]))
    (registry / "leads" / "2" / "model.onnx").unlink()
    return registry / "leads" / "2" / "model.onnx"


async def test_a_bundle_that_was_seen_half_copied_is_served_once_it_is_complete(
    registry: Path, model: SmallModel, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(registry)
    assert await place.look() == "1"
    missing = half_copied(registry, model)
    for content in (None, b"", model.bundle.files["model.onnx"][:1000]):
        if content is not None:
            missing.write_bytes(content)
        assert await place.look() is None
        assert place.is_failing
        place.now += LONGEST_WAIT
    assert place.of(LoadFailure.INCOMPLETE) == 3
    assert "leads/1 continues to score; tried again" in caplog.text
    missing.write_bytes(model.bundle.files["model.onnx"])
    assert await place.look() == "2"
    assert not place.is_failing
    assert place.loader.problem is None


async def test_a_bundle_that_was_half_copied_at_the_start_is_waited_for(
    registry: Path, model: SmallModel
) -> None:
    missing = half_copied(registry, model)
    place = Place(registry)
    assert await place.look() is None
    assert place.loader.problem is not None
    assert "is incomplete. There should be a file model.onnx in it" in place.loader.problem
    missing.write_bytes(model.bundle.files["model.onnx"])
    place.now += LONGEST_WAIT
    assert await place.look() == "2"


async def test_attempts_come_ever_more_seldom_up_to_a_bound(
    registry: Path, model: SmallModel
) -> None:
    place = Place(registry)
    await place.look()
    half_copied(registry, model)
    assert await place.waits() == [1, 10, 20, 40, 60, 60, 60, 60]


async def test_the_waits_of_many_workers_differ(registry: Path, model: SmallModel) -> None:
    half_copied(registry, model)
    place = Place(registry)
    place.drawn = 0.0
    assert await place.waits() == [1, 5, 10, 20, 30, 30, 30, 30]


async def test_a_poll_that_is_longer_than_the_bound_stays_as_it_is(
    registry: Path, model: SmallModel
) -> None:
    half_copied(registry, model)
    place = Place(registry, model_poll_seconds=300)
    assert (await place.waits(3))[1:] == [300, 300]


async def test_an_alias_that_moves_elsewhere_is_tried_at_once(
    registry: Path, model: SmallModel
) -> None:
    half_copied(registry, model)
    place = Place(registry)
    assert await place.look() is None
    Registry(registry).set_alias("leads", Alias.PRODUCTION, "1", MADE)
    assert await place.look() == "1"
    assert not place.is_failing


async def test_an_alias_that_moves_back_ends_the_failure_and_loads_nothing(
    registry: Path, model: SmallModel
) -> None:
    place = Place(registry)
    await place.look()
    half_copied(registry, model)
    await place.look()
    assert place.is_failing
    Registry(registry).set_alias("leads", Alias.PRODUCTION, "1", MADE)
    assert await place.look() is None
    assert not place.is_failing
    assert place.trials.tried == 1


async def test_aliases_that_are_half_written_are_read_again(
    registry: Path, model: SmallModel
) -> None:
    place = Place(registry)
    await place.look()
    Registry(registry).publish("leads", Artefacts(onnx=model.bundle.files["model.onnx"]))
    (registry / "leads" / "aliases.json").write_text('{"production": "2')
    assert await place.look() is None
    assert place.is_failing
    assert place.of(LoadFailure.INCOMPLETE) == 1
    (registry / "leads" / "aliases.json").write_text('{"production": "2"}')
    assert await place.look() == "2"


async def test_a_model_that_is_not_there_yet_is_no_failing_load(
    registry: Path, tmp_path: Path
) -> None:
    place = Place(tmp_path / "none", environment="production")
    assert await place.look() is None
    assert place.of(LoadFailure.NOT_FOUND) == 1
    assert not place.is_failing
    assert "should have a model 'leads'" in str(place.loader.problem)


async def test_a_model_that_disappears_is_one(registry: Path) -> None:
    place = Place(registry)
    await place.look()
    shutil.rmtree(registry)
    assert await place.look() is None
    assert place.is_failing


@pytest.mark.parametrize("fault", [PermissionError(13, "denied"), TimeoutError("no answer")])
async def test_a_store_that_is_unavailable_is_no_verdict(
    registry: Path, model: SmallModel, fault: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    Registry(registry).publish("leads", Artefacts(onnx=model.bundle.files["model.onnx"]))
    place = Place(registry)
    read = FsspecFolder("/")._files.__class__.cat_file

    def refuse(self: Any, path: str, **given: Any) -> bytes:
        if path.endswith("model.onnx"):
            raise fault
        content: bytes = read(self, path, **given)
        return content

    with monkeypatch.context() as away:
        away.setattr(FsspecFolder("/")._files.__class__, "cat_file", refuse)
        assert await place.look() is None
    assert place.of(LoadFailure.UNAVAILABLE) == 1
    problem = str(place.loader.problem)
    assert "model.onnx can't be read or written" in problem
    assert "refused" not in problem
    place.now += LONGEST_WAIT
    assert await place.look() == "2"


async def test_a_folder_that_must_not_be_read_is_no_model_that_is_not_there(
    registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Any, path: str, **given: Any) -> dict[str, Any]:
        raise PermissionError(13, "denied")

    monkeypatch.setattr(FsspecFolder("/")._files.__class__, "info", refuse)
    place = Place(registry)
    assert await place.look() is None
    assert place.of(LoadFailure.UNAVAILABLE) == 1


async def test_a_manifest_that_is_replaced_meanwhile_is_no_verdict(
    registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(registry)
    read, reads = FsspecFolder.read, []

    def replaced(self: FsspecFolder, name: str, most: int) -> bytes | None:
        reads.append(name)
        content = read(self, name, most)
        if reads.count(MANIFEST) == 2 and name == MANIFEST:
            return json.dumps({"other": 1}).encode()
        return content

    monkeypatch.setattr(FsspecFolder, "read", replaced)
    assert await place.look() is None
    assert place.of(LoadFailure.INCOMPLETE) == 1
    assert "it was replaced while the bundle was read" in str(place.loader.problem)


@pytest.mark.parametrize(
    ("verdict", "failure"),
    [
        (BundleError("another graph"), LoadFailure.REFUSED),
        (BundleError("it aborts", LoadFailure.CRASHED), LoadFailure.CRASHED),
        (BundleError("it hangs", LoadFailure.TIMED_OUT), LoadFailure.TIMED_OUT),
        (BundleError("it is large", LoadFailure.OUT_OF_MEMORY), LoadFailure.OUT_OF_MEMORY),
        (UnavailableError("no process"), LoadFailure.UNAVAILABLE),
    ],
)
async def test_a_verdict_is_counted_by_its_reason_and_the_model_that_serves_continues(
    registry: Path, model: SmallModel, verdict: BundleError, failure: LoadFailure
) -> None:
    place = Place(registry)
    await place.look()
    Registry(registry).publish("leads", Artefacts(onnx=model.bundle.files["model.onnx"]))
    place.trials.verdict = verdict
    assert await place.look() is None
    assert place.of(failure) == place.failures == 1
    assert str(verdict) in str(place.loader.problem)
    place.trials.verdict = None
    place.now += LONGEST_WAIT
    assert await place.look() == "2"


async def test_a_model_of_another_contract_is_counted_as_such(registry: Path) -> None:
    place = Place(registry, contract="bank_contact")
    assert await place.look() is None
    assert place.of(LoadFailure.CONTRACT) == 1


async def test_whatever_a_model_brings_about_ends_no_worker(
    registry: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def load(*_: Any, **__: Any) -> None:
        raise MemoryError("too large")

    monkeypatch.setattr(model_loader, "load_serving", load)
    place = Place(registry)
    assert await place.look() is None
    assert place.of(LoadFailure.REFUSED) == 1
    assert "MemoryError" in caplog.text


async def test_the_same_problem_is_logged_once(
    registry: Path, model: SmallModel, caplog: pytest.LogCaptureFixture
) -> None:
    half_copied(registry, model)
    place = Place(registry)
    await place.waits()
    assert len([r for r in caplog.records if "is incomplete" in r.message]) == 1


async def test_a_trial_that_ends_with_the_worker_is_no_failure(
    registry: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(registry)
    place.trials.verdict = UnavailableError("this process stops")
    place.loader.stop()
    assert await place.look() is None
    assert place.failures == 0
    assert caplog.text == ""


async def test_a_store_that_does_not_answer_is_reported_as_unavailable_and_asked_once(
    registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = threading.Event(), []
    found = model_loader.locate  # type: ignore[attr-defined]

    def locate(settings: Any) -> str | None:
        asked.append(settings)
        answers.wait(60)
        return found(settings)

    monkeypatch.setattr(model_loader, "locate", locate)
    place = Place(registry)
    with monkeypatch.context() as impatient:
        impatient.setattr(model_loader, "PATIENCE", 0.01)
        for _ in range(3):
            assert await place.look() is None
    assert len(asked) == 1
    assert place.is_failing
    assert place.of(LoadFailure.UNAVAILABLE) == 3
    assert "should answer within 0.01 s" in str(place.loader.problem)
    answers.set()
    assert await place.look() == "1"
    assert not place.is_failing
