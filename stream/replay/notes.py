"""Notes on a plan before it is executed: which parts of its range no longer exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from features.field_spec import DateField, DatePart
from model.bundle import describe_bundle
from model.registry import Registry
from stream.archive.reader import Archive
from stream.kafka.log_reader import LogReader
from stream.process.model_trial import Trials
from stream.replay.account import Account
from stream.replay.launch import Wanted
from stream.replay.plan import ReplayPlan
from stream.replay.ranges import AtPlaces, AtTime, read_bounds
from stream.settings import Settings

__all__ = ["note_on_filter", "notes_on", "notes_on_ages", "notes_on_later"]


def notes_on(plan: ReplayPlan, wanted: Wanted) -> Iterator[str]:
    """Yield a sentence for each part of the range that a replay can't reach.

    Parameters
    ----------
    plan
        The plan.
    wanted
        What it was made of.

    Raises
    ------
    InputError
        The archive can't be read.
    """
    source = plan.archive or plan.topic
    expired = sum(each.expired for each in plan.ranges)
    if expired:
        yield (
            f"note: {expired:,} offsets of the range are not in {source} any more: they count as"
            " expired"
        )
    # Between offsets the number of missing records is known; between times it is not.
    at_start = [each for each in plan.ranges if each.start == each.log_start > 0]
    if isinstance(wanted.start, AtTime) and at_start:
        yield (
            f"note: {len(at_start)} of {len(plan.ranges)} partitions are replayed from the start of"
            f" {source}: if --from is before that, older leads have been removed, and are not in"
            " the account"
        )
    if plan.archive is not None:
        yield from _holes(plan, Archive(plan.archive, plan.topic))


def note_on_filter(plan: ReplayPlan, accounts: Iterable[Account]) -> str | None:
    """Return a sentence if the filter of a replay that has ended left out all leads."""
    whole = Account.total(accounts)
    if not plan.filters or whole.scored or not whole.filtered:
        return None
    given = ", ".join(field for field, _ in plan.filters)
    return (
        f"note: no lead has the value that --filter asks for: check the fields ({given}) and the"
        " values"
    )


def notes_on_ages(plan: ReplayPlan, settings: Settings) -> Iterator[str]:
    """Yield a sentence if leads are to be scored with their age, and the model reads no age."""
    if plan.ages_at is None:
        return
    name = f"{plan.model_id}/{plan.model_version}"
    spec = describe_bundle(Registry(settings.registry).resolve(name), Trials()).metadata.spec
    dates = [field for field in spec.fields if isinstance(field, DateField)]
    if not any(DatePart.AGE in field.parts for field in dates):
        yield (
            f"note: the model {name} reads the age of no date, so its scores are those that it gave"
            " when the leads came; train it on a date, such as the last visit"
        )


async def notes_on_later(plan: ReplayPlan, settings: Settings, wanted: Wanted) -> list[str]:
    """Return a sentence about leads of the range that are in the topic, but not in the archive.

    Parameters
    ----------
    plan
        The plan.
    settings
        Kafka's address.
    wanted
        What it was made of.

    Raises
    ------
    FatalError
        Kafka did not answer.
    """
    if plan.archive is None or plan.untouched_since is not None:
        return []
    archived = await Archive(plan.archive, plan.topic).end()
    reader = LogReader(settings.kafka_client_options(), settings.isolation_level)
    ranges = await read_bounds(reader, plan.topic, plan.partitions, wanted.start, wanted.end)
    starts = {each.partition: max(each.start, archived.get(each.partition, 0)) for each in ranges}
    later = {each.partition: each.end - starts[each.partition] for each in ranges}
    beyond = [number for number, count in later.items() if count > 0]
    if not beyond:
        return []
    places = AtPlaces({number: starts[number] for number in beyond})
    return [
        f"note: {sum(later[number] for number in beyond):,} later offsets of the range are in"
        f" {plan.topic} only, not in the archive: another replay, without --archive and with --from"
        f" {places}, scores them"
    ]


def _holes(plan: ReplayPlan, archive: Archive) -> Iterator[str]:
    holes = archive.holes()
    for each in plan.ranges:
        for start, end in holes.get(each.partition, ()):
            if start < each.end and end > each.start:
                yield (
                    f"note: the archive has no file of the offsets {start} to {end - 1} of"
                    f" partition {each.partition}: they count as expired"
                )
