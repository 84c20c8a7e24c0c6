"""A command of `leadscore` as a process of its own, with a stage's settings and no others."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any, NamedTuple

from tests.integration.worker_process import Stage

__all__ = ["CommandResult", "begin_command", "ended", "run_command"]

ENDED_WITHIN = 300.0


class CommandResult(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as lines of JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


async def begin_command(
    stage: Stage, *arguments: str, **environment: str
) -> asyncio.subprocess.Process:
    """Start a command: `process = await begin_command(stage, "replay", "list")`."""
    given = {name: v for name, v in os.environ.items() if not name.startswith("LEADSCORE_")}
    own = {"LEADSCORE_HTTP_HOST": "127.0.0.1", "COLUMNS": "100"}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stream", *arguments),
        env=given | own | stage.environment | environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process) -> CommandResult:
    """Wait for the end of a command, and kill it if the test ends before."""
    try:
        async with asyncio.timeout(ENDED_WITHIN):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return CommandResult(process.returncode, out.decode(), err.decode())


async def run_command(stage: Stage, *arguments: str, **environment: str) -> CommandResult:
    """Run a command to its end."""
    return await ended(await begin_command(stage, *arguments, **environment))
