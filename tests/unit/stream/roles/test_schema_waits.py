"""The wait for schema ids stands before the pipeline only if a schema registry is set."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stream.consume.batch_source import BatchSource
from stream.consume.partition_progress import Batch
from stream.roles.schema_waits import wait_for_schemas
from stream.roles.score import ScoringRole
from tests.unit.stream.roles.role_app import monitor_of, role_app

pytestmark = pytest.mark.usefixtures("current_loop")


async def accept(_: Sequence[Batch]) -> None:
    """Accept everything."""


def test_without_a_schema_registry_nothing_waits() -> None:
    app = role_app("score")
    source: BatchSource = ScoringRole(app, monitor_of(app)).source
    assert wait_for_schemas(app, source, accept) == (accept, ())


def test_with_a_schema_registry_batches_pass_the_wait() -> None:
    app = role_app("score", schema_registry_url="http://registry")
    source: BatchSource = ScoringRole(app, monitor_of(app)).source
    passed, [wait] = wait_for_schemas(app, source, accept)
    assert passed == wait.accept
