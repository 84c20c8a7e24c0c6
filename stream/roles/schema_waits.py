"""The wait for schema ids, in the roles that read schemas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stream.consume.batch_source import BatchSource
from stream.roles.faust_agents import Accept
from stream.scoring.schema_wait import SchemaWait

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["wait_for_schemas"]


def wait_for_schemas(
    app: App, source: BatchSource, accept: Accept
) -> tuple[Accept, Sequence[SchemaWait]]:
    """Put the wait for schema ids before a function that accepts batches, if a registry is set.

    Returns
    -------
    accept
        Accepts the batches of a poll.
    services
        The wait; empty: no schema registry is set.
    """
    if app.schemas is None:
        return accept, ()
    wait = SchemaWait(
        app.schemas, accept, hold=source.hold, release=source.release, crash=app.crash
    )
    return wait.accept, (wait,)
