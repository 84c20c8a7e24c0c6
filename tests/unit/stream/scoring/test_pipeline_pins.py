"""Records that an earlier owner may have scored, and those after them, through the pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition

from schemas.headers import EventIds
from schemas.model_identity import ModelIdentity
from stream.consume.assignment import Assignment
from stream.consume.partition_progress import Batch
from stream.consume.pin_ends import Fetched, divided_at_pins
from stream.kafka.commit_metadata import ModelPin
from stream.scoring.model_changes import ModelChanges
from stream.scoring.serving_model import Serving
from tests.unit.stream.scoring.pipeline_bench import Place, batch, scorer

PARTITION = TopicPartition("leads", 0)


def serving(version: str) -> Serving:
    sha256 = version * 2
    own = scorer(version, sha256)
    return Serving(own, ModelIdentity("m", version, sha256), "constant", "none", {})


class PinnedPlace:
    """A pipeline that starts with the pin of an earlier owner; its commits succeed."""

    def __init__(self, place: Place, until: int) -> None:
        self.place = place
        self.assignment = Assignment(1, [PARTITION])
        old = serving("1")
        self.assignment.start(PARTITION, 0, ModelPin(old.identity, 0, until))
        changes = ModelChanges(
            assignment_now=lambda: self.assignment,
            commit=self.commit,
            is_accepting=lambda: True,
            quiet=place.pipeline.quiet,
            publish_rest=self.publish_rest,
        )
        changes.serve(serving("2"))
        changes.keep(old)
        place.pipeline.changes = changes

    async def commit(self, _: float) -> None:
        progress = self.assignment[PARTITION]
        progress.settle()
        if progress.is_due:
            progress.is_committed(*progress.to_commit())

    async def publish_rest(self, _: Mapping[TopicPartition, int]) -> None:
        """Nothing is counted here."""

    async def accept(self, first: int, count: int) -> None:
        """Accept what one fetch has brought, as the source hands it over."""
        records: Any = batch(first, count).records
        parts = divided_at_pins(Fetched({PARTITION: records}, {}), self.assignment)
        batches = [Batch(PARTITION, part.records[PARTITION]) for part in parts]
        for each in batches:
            self.assignment[PARTITION].add(each)
        for each in batches:
            await self.place.pipeline.accept([each])

    @property
    def models(self) -> dict[int, str]:
        """The model that scored each offset."""
        bases = {EventIds("leads", version * 2).of([0], [0])[0][:-4]: version for version in "12"}
        found = {}
        for _, _, rows in self.place.emitter.sent:
            for _, _, headers in rows:
                base, _, offset = (dict(headers)["ce_id"] or b"").rsplit(b"-", 2)
                found[int(offset)] = bases[base]
        return found


@pytest.mark.parametrize("until", [4, 6])
async def test_only_leads_that_may_have_been_scored_before_get_the_pinned_model(until: int) -> None:
    """The whole first batch of a worker that was started again was scored by it, and the next."""
    async with Place() as place:
        pinned = PinnedPlace(place, until)
        accepted = [asyncio.create_task(pinned.accept(first, 6)) for first in (0, 6)]
        await place.until_sent(1)
        await place.settle()
        assert pinned.models == dict.fromkeys(range(until), "1"), "the rest waits for the change"
        await place.deliver(0)
        await asyncio.gather(*accepted)
        await place.until_sent(3 if until < 6 else 2)
        assert not place.crashes
        assert pinned.models == {at: "1" if at < until else "2" for at in range(12)}
        assert pinned.assignment[PARTITION].pin == ModelPin(serving("2").identity, until)
