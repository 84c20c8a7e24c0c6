"""A snapshot's process is watched: how it ends is known, and none is left behind."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from stream.snapshot.runner import run_snapshot
from tests.unit.stream.snapshot.test_archive import SUMMARY

GIB = 2**30


async def run(
    program: Any,
    *,
    order: Any = "{}",
    memory_limit: Any = GIB,
    stop: Any = None,
    time_limit: Any = None,
) -> Any:
    return await run_snapshot(
        order,
        memory_limit=memory_limit,
        stop=stop or asyncio.Event(),
        time_limit=time_limit,
        job=(sys.executable, "-c", program),
    )


async def test_the_printed_json_is_the_summary() -> None:
    ended = await run("import sys; print(sys.argv[1])", order=SUMMARY.model_dump_json())
    assert (ended.code, ended.summary, ended.reason) == (0, SUMMARY, None)


async def test_its_exit_code_is_handed_on_without_another_word() -> None:
    ended = await run("raise SystemExit(3)")
    assert (ended.code, ended.summary, ended.reason) == (3, None, None)


async def test_a_crash_has_a_name() -> None:
    ended = await run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert (ended.code, ended.summary) == (139, None)
    assert "signal 11" in ended.reason


@pytest.mark.skipif(sys.platform != "linux", reason="memory is looked at in /proc")
async def test_one_that_takes_too_much_memory_is_ended() -> None:
    greedy = "held = bytearray(400 * 2**20); import time; time.sleep(60)"
    ended = await run(greedy, memory_limit=200 * 2**20)
    assert (ended.code, ended.summary) == (1, None)
    assert "200 MiB" in ended.reason
    assert "--memory-limit" in ended.reason


async def test_one_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); "
    ended = await run(program + "time.sleep(60)", time_limit=3)
    assert (ended.code, ended.summary) == (1, None)
    assert "period of 3 s" in ended.reason
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


async def test_one_that_is_not_wanted_any_more_is_ended() -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(run("import time; time.sleep(60)", stop=stop))
    await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(10):
        assert (await running).code == 130


async def test_evidentlys_usage_statistics_are_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    ended = await run("import os; raise SystemExit(40 + int(os.environ['DO_NOT_TRACK']))")
    assert ended.code == 41
