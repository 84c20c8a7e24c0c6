"""The child process that tries a model: what it reads, and what it answers."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from model.metadata import BundleError
from stream.process import model_trial_job as module
from stream.process.model_trial_job import BEGUN, MEMORY, SIZE
from tests.unit.small_model import SmallModel


def sent(onnx: bytes | None, ubj: bytes | None) -> bytes:
    return b"".join(
        SIZE.pack(-1) if file is None else SIZE.pack(len(file)) + file for file in (onnx, ubj)
    )


@pytest.mark.parametrize(
    ("onnx", "ubj", "files"),
    [
        (b"graph", b"booster", {"model.onnx": b"graph", "model.ubj": b"booster"}),
        (None, b"booster", {"model.ubj": b"booster"}),
        (b"", None, {"model.onnx": b""}),
    ],
)
def test_files_are_read_by_their_lengths(
    onnx: bytes | None, ubj: bytes | None, files: dict[str, bytes]
) -> None:
    assert module._received(io.BytesIO(sent(onnx, ubj))) == files


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (None, {}),
        (BundleError("it is no model"), {"refusal": "it is no model"}),
        (MemoryError(), {"out_of_memory": ""}),
    ],
)
def test_the_answer_says_what_became_of_the_model(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, answer: dict[str, str]
) -> None:
    def verify(_: object) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(module, "verify", verify)
    assert module._outcome(module._Files({})) == answer


def run(given: bytes, program: str = "job.main()") -> subprocess.CompletedProcess[bytes]:
    code = f"from stream.process import model_trial_job as job\n{program}"
    return subprocess.run(
        [sys.executable, "-c", code],
        input=given,
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[4],
        timeout=120,
    )


def test_a_sound_model_is_answered_with_nothing_to_refuse(model: SmallModel) -> None:
    done = run(sent(model.bundle.files["model.onnx"], None))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(BEGUN)
    assert json.loads(done.stdout.removeprefix(BEGUN)) == {}


def test_bytes_that_are_no_model_are_refused_with_a_sentence() -> None:
    answer = json.loads(run(sent(b"\xff" * 20, None)).stdout.removeprefix(BEGUN))
    assert "model.onnx should be an ONNX file" in answer["refusal"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_memory_may_grow_by_the_limit_and_no_further() -> None:
    program = (
        "import sys\n"
        "job._limit_memory()\n"
        f"small = bytearray({MEMORY} // 2)\n"
        "try:\n"
        f"    bytearray({2 * MEMORY})\n"
        "except MemoryError:\n"
        "    sys.stdout.write('refused')\n"
    )
    assert run(b"", program).stdout == b"refused"


def test_the_process_has_a_limit_of_cpu_time_and_writes_no_core_file() -> None:
    program = (
        "import resource, sys\n"
        "job._limit_time()\n"
        "sys.stdout.write(repr([resource.getrlimit(limit) for limit in"
        " (resource.RLIMIT_CORE, resource.RLIMIT_CPU)]))\n"
    )
    limits = run(b"", program).stdout.decode()
    assert limits == repr([(0, 0), (module.CPU_SECONDS, module.CPU_SECONDS + 1)])
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] != module.CPU_SECONDS, "only of the child"
