"""Bundles that are half copied, or harm whoever opens them, under the alias of running workers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest

from model.bundle import Artefacts, Bundle, write_bundle
from model.registry import Alias, Registry
from model.serving.onnx_format import message
from model.storage import open_folder
from stream.simulator.playing import Lead
from testing.kafka_client import until
from testing.made import MADE
from tests.integration.worker_process import Stage, WorkerProcess

FAILING = "leadscore_model_load_failing"


class Shelf:
    """A registry of a test's own, in which version 1 is sound, and what is put beside it."""

    def __init__(self, folder: Path, bundle: Bundle) -> None:
        self.root = shutil.copytree(Path(bundle.location).parents[1], folder / "models")
        self.onnx = bundle.files["model.onnx"]
        self.ubj = bundle.files["model.ubj"]
        self._registry = Registry(self.root)

    def put(self, version: str, artefacts: Artefacts) -> Path:
        """Write a bundle whose hashes are right, whatever is in it."""
        folder = self.root / "bank" / version
        folder.mkdir()
        write_bundle(open_folder(str(folder)), "bank", version, artefacts)
        return folder

    def name(self, version: str) -> None:
        self._registry.set_alias("bank", Alias.PRODUCTION, version, MADE)

    def with_negative_targets(self) -> Artefacts:
        """ONNX Runtime aborts the process on it."""
        model = message("Model").FromString(self.onnx)
        for node in model.graph.node:
            for attribute in node.attribute:
                if attribute.name == b"n_targets":
                    attribute.i = -1
        return Artefacts(onnx=model.SerializeToString())

    def with_a_broken_booster(self) -> Artefacts:
        """XGBoost ends the process on it: a node's children lie far outside its tree."""
        at = self.ubj.index(b"left_children") + len(b"left_children")
        start = self.ubj.index(b"#L", at) + 10
        return Artefacts(ubj=self.ubj[:start] + b"\x7f" * 8 + self.ubj[start + 8 :])


@pytest.fixture
def shelf(tmp_path: Path, bank_model: Bundle) -> Shelf:
    return Shelf(tmp_path, bank_model)


def given(shelf: Shelf) -> dict[str, str]:
    return {"LEADSCORE_REGISTRY": str(shelf.root), "LEADSCORE_MODEL_POLL_SECONDS": "0.2"}


async def is_failing(worker: WorkerProcess, reason: str) -> None:
    """Wait until the worker has failed of this reason, and shows it."""
    series = f'leadscore_model_load_failures_total{{reason="{reason}"}}'

    async def has_failed() -> bool:
        return await worker.metric(series) > 0 and await worker.metric(FAILING) == 1

    await until(has_failed, within=120, what=f"a load that fails of {reason}")


async def serves(worker: WorkerProcess, version: str) -> None:
    async def is_served() -> bool:
        status, info = await worker.answer("/model-info")
        return status == HTTPStatus.OK and info["version"] == version

    await until(is_served, within=120, what=f"version {version} served")


@pytest.mark.long
async def test_no_bundle_stops_a_worker_and_a_half_copied_one_serves_once_it_is_complete(
    stage: Stage, contacts: list[Lead], shelf: Shelf
) -> None:
    shelf.name("1")
    worker = await stage.start(**given(shelf))
    half = shelf.put("2", Artefacts(onnx=shelf.onnx, ubj=shelf.ubj))
    (half / "model.onnx").rename(half / ".model.onnx.part")
    shelf.put("3", shelf.with_negative_targets())
    shelf.put("4", shelf.with_a_broken_booster())
    batches = iter(contacts[start : start + 200] for start in range(0, 2000, 200))
    for version, reason in (("2", "incomplete"), ("3", "refused"), ("4", "crashed")):
        shelf.name(version)
        await is_failing(worker, reason)
        await stage.until_committed(await stage.play(next(batches)))
        assert (await worker.answer("/readyz"))[0] == HTTPStatus.OK
        await serves(worker, "1")
    shelf.name("2")
    (half / ".model.onnx.part").rename(half / "model.onnx")
    await serves(worker, "2")
    assert await worker.metric(FAILING) == 0
    played = await stage.play(next(batches))
    await stage.until_committed(played)
    account = await stage.account()
    assert (len(account.scored), account.repeats, account.dead) == (800, 0, {})
    await worker.stop_cleanly()


@pytest.mark.parametrize(
    ("artefacts", "reason"),
    [
        (lambda shelf: Artefacts(onnx=shelf.onnx, ubj=shelf.ubj), "incomplete"),
        (Shelf.with_negative_targets, "refused"),
    ],
)
async def test_a_worker_that_starts_with_such_a_bundle_waits_for_one_that_it_can_use(
    stage: Stage,
    contacts: list[Lead],
    shelf: Shelf,
    artefacts: Callable[[Shelf], Artefacts],
    reason: str,
) -> None:
    folder = shelf.put("2", artefacts(shelf))
    if reason == "incomplete":
        (folder / "model.ubj").unlink()
    shelf.name("2")
    worker = stage.begin(**given(shelf))
    played = await stage.play(contacts[:100])

    async def says_why() -> bool:
        answer = worker.ask("/readyz")
        return answer is not None and f"is {reason}" in answer[1]

    await until(says_why, within=120, what="/readyz that says why")
    assert await stage.committed() == {}
    if reason == "incomplete":
        (folder / "model.ubj").write_bytes(shelf.ubj)
    else:
        shelf.name("1")
    await worker.ready()
    await stage.until_committed(played)
    assert len((await stage.account()).scored) == 100
    await worker.stop_cleanly()
