"""`leadscore lag`: how far consumer groups are behind, with no worker alive."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    aclosing,
    asynccontextmanager,
    contextmanager,
)
from datetime import timedelta

import click
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from monitoring.telemetry.lag_gauges import GroupLagGauges
from schemas.display import for_terminal
from schemas.errors import InputError, StartupError
from stream.cli.lag_table import lag_table, summary
from stream.cli.options import DURATION
from stream.cli.output import console, print_json
from stream.cli.until_signal import expose_until_signal, until_signal
from stream.kafka.access import client_name
from stream.kafka.reachability import unreachable
from stream.lag.exporter import export
from stream.lag.figures import GroupLag, LagState
from stream.lag.reader import GroupTopics
from stream.lag.rounds import Round, rounds
from stream.lag.source import Lags, open_lags
from stream.process.exit_codes import EXIT_STOPPED, exit_codes
from stream.process.refusals import REFUSALS
from stream.settings import Settings, load_settings

__all__ = ["lag"]

WIDTH_IN_A_PIPE = 200
PATIENCE = 3.0
"""Seconds beyond the interval after which --watch says that there is no answer."""


@click.command()
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="GROUP",
    help="A consumer group; may be repeated.  [default: LEADSCORE_GROUP_ID]",
)
@click.option(
    "--topic",
    "topics",
    multiple=True,
    metavar="TOPIC",
    help="Only this topic, also where the group has no commit; may be repeated.  [default: all"
    " that the group has committed, and the leads topic for LEADSCORE_GROUP_ID]",
)
@click.option("--watch", is_flag=True, help="Keep running, and show the lag at an interval.")
@click.option(
    "--interval",
    type=DURATION,
    metavar="SPAN",
    default="5s",
    show_default=True,
    help="Time between two readings with --watch and --port.",
)
@click.option(
    "--over",
    type=DURATION,
    metavar="SPAN",
    default="5s",
    show_default=True,
    help="Time over which rates are measured without --watch, if a partition is behind; give more"
    " for a group that commits seldom.",
)
@click.option(
    "--isolation-level",
    type=click.Choice(["read_committed", "read_uncommitted"]),
    help="Which records the group sees.  [default: LEADSCORE_ISOLATION_LEVEL]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Run as an exporter: metrics for Prometheus on this port; 0: any free port.",
)
@click.option("--json", "as_json", is_flag=True, help="Print NDJSON: a line for each partition.")
def lag(
    groups: Sequence[str],
    topics: Sequence[str],
    watch: bool,
    interval: timedelta,
    over: timedelta,
    isolation_level: str | None,
    port: int | None,
    as_json: bool,
) -> None:
    """Show how far consumer groups are behind: in messages, in time, and when they catch up.

    \b
      leadscore lag
      leadscore lag --watch
      leadscore lag --group crm-sync --topic leads.scored --json | jq .seconds
      leadscore lag --port 9102

    It works for any group, with no worker alive. The time is the age of the first record that the
    group would read next. Expired, compacted and control records are no lag. Without a commit the
    lag is unknown. "catches up" is the backlog divided by the difference of the rates; a ≤ marks an
    upper bound of the messages.

    With --port it runs until it is stopped, also while Kafka is unavailable: the metrics then keep
    their last values, and leadscore_group_lag_age_seconds grows.

    Exit codes: 0 shown; 2 an option is invalid, or there is no such group or topic; 3 Kafka can't
    be reached or refuses; 130 stopped by Ctrl-C.
    """  # noqa: D301
    with exit_codes():
        if port is not None and (watch or as_json):
            raise InputError("--port excludes --watch and --json: run two commands")
        settings = load_settings()
        asked = _asked(settings, groups, topics)
        level = isolation_level or settings.isolation_level
        run = _Run(settings, asked, level, as_json=as_json)
        if port is not None:
            code = asyncio.run(run.export(port, interval.total_seconds()))
        elif watch:
            code = asyncio.run(run.watch(interval.total_seconds()))
        else:
            code = asyncio.run(run.once(over.total_seconds()))
    raise SystemExit(code)


def _asked(
    settings: Settings, groups: Sequence[str], topics: Sequence[str]
) -> tuple[GroupTopics, ...]:
    """Return the groups to read; those of the workers show their topic also without a commit."""
    sources = {settings.group_id: (settings.leads_created,)}
    return tuple(
        GroupTopics(group, tuple(topics) or sources.get(group, ()), only_these=bool(topics))
        for group in groups or (settings.group_id,)
    )


class _Run:
    """One run of the command.

    Parameters
    ----------
    settings, asked, isolation_level, as_json
        What is read and how it is shown.
    """

    def __init__(
        self,
        settings: Settings,
        asked: Sequence[GroupTopics],
        isolation_level: str,
        *,
        as_json: bool,
    ) -> None:
        self._settings = settings
        self._asked = asked
        self._isolation_level = isolation_level
        self._as_json = as_json
        self._console = console(WIDTH_IN_A_PIPE)

    def _connect(self) -> AbstractAsyncContextManager[Lags]:
        return open_lags(self._settings, self._asked, self._isolation_level)

    async def once(self, over: float) -> int:
        """Show the lag; measure the rates first if a partition is behind."""
        _silence_aiokafka()
        async with _reached(self._settings), self._connect() as lags:
            found = await lags.read()
            self._require(found)
            if any(lag.state is LagState.BEHIND for lag in found):
                with Console(stderr=True).status(f"measuring the rates for {over:g} s"):
                    await asyncio.sleep(over)
                found = await lags.read()
            self._show(Round(lags.now(), found))
        return 0

    async def watch(self, interval: float) -> int:
        """Show the lag at an interval until a signal; across failures once it was reached."""
        _silence_aiokafka()
        async with _reached(self._settings), self._connect() as lags:
            self._require(await lags.read())
        with self._screen() as show:
            async with aclosing(rounds(self._connect, interval)) as read:
                await until_signal(_show_all(read, show, interval + PATIENCE))
        return EXIT_STOPPED

    async def export(self, port: int, interval: float) -> int:
        """Expose the lag as metrics until a signal."""
        registry = CollectorRegistry()
        gauges = GroupLagGauges(registry, time.monotonic)
        groups = [asked.group for asked in self._asked]
        work = export(self._connect, gauges, interval, groups)
        await expose_until_signal(self._settings, registry, port, work)
        return 0

    def _require(self, found: Sequence[GroupLag]) -> None:
        """Raise an InputError if a group has no commit, or a named topic does not exist."""
        for asked in self._asked:
            shown = {lag.topic for lag in found if lag.group == asked.group}
            if missing := [topic for topic in asked.topics if topic not in shown]:
                raise InputError(
                    f"expected the topic {', '.join(missing)}, but it does not exist: correct its"
                    " name, or create the topics of LeadScore with `leadscore topics create`"
                )
            if not shown:
                raise InputError(
                    f"expected the group {asked.group} to have a commit, but it has none: check its"
                    " name (`kafka-consumer-groups.sh --list`), or name a topic with --topic"
                )

    def _show(self, found: Round) -> None:
        if self._as_json:
            for lag in found.lags:
                print_json(lag.as_record(found.at))
        else:
            self._console.print(lag_table(found.lags))
            click.echo(summary(found.lags))

    @contextmanager
    def _screen(self) -> Iterator[Callable[[Round], None]]:
        """Yield a function that shows a round: in place on a terminal, else below the last one."""
        if self._as_json or not self._console.is_terminal:
            yield lambda found: _complain(found.failure) if found.failure else self._show(found)
            return
        with Live(console=self._console, auto_refresh=False) as live:
            last: list[Round] = []

            def show(found: Round) -> None:
                if found.failure is None:
                    last[:] = [found]
                parts: list[RenderableType] = []
                for one in last:
                    parts += [lag_table(one.lags), summary(one.lags)]
                if found.failure is not None:
                    failure = for_terminal(found.failure)
                    parts.append(Text(f"old figures, as Kafka does not answer: {failure}"))
                live.update(Group(*parts), refresh=True)

            yield show


async def _show_all(
    read: AsyncIterator[Round], show: Callable[[Round], None], patience: float
) -> None:
    """Show each round; one that takes longer than a limit, in seconds, is reported as a failure."""
    while True:
        coming = asyncio.ensure_future(anext(read))
        try:
            done, _ = await asyncio.wait({coming}, timeout=patience)
            if not done:
                show(Round(0.0, (), f"no answer for {patience:g} s"))
            show(await coming)
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)  # else it can't be closed


def _complain(failure: str) -> None:
    click.echo(f"lags can't be read: {for_terminal(failure)}", err=True)


def _silence_aiokafka() -> None:
    """Silence aiokafka, which logs every failed attempt to reach a broker."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@asynccontextmanager
async def _reached(settings: Settings) -> AsyncIterator[None]:
    """Turn an error of Kafka in the body into a StartupError with the cause."""
    try:
        yield
    except REFUSALS as error:
        raise StartupError(
            f"expected {client_name(settings)} to have the rights Describe on the group and Read on"
            f" its topics, but Kafka refuses: {error!r}: `leadscore acls --role lag` prints the"
            " commands that grant them"
        ) from error
    except (KafkaError, OSError, TimeoutError) as error:
        why = await unreachable(settings.kafka_client_options())
        raise StartupError(
            why
            or f"expected Kafka to answer, but it said {error!r}: try again, or look into the"
            " log of the brokers"
        ) from error
