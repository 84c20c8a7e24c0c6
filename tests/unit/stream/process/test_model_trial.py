"""A model that kills, hangs or swells whoever opens it does so to a process of its own."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from model.metadata import BundleError, UnavailableError
from schemas.errors import LoadFailure
from stream.process import model_trial_job as trial_job
from stream.process.model_trial import Trials
from tests.unit.small_model import SmallModel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no trial on Windows")


def job(body: str) -> Sequence[str]:
    """The program with other code in the model's place."""
    program = f"""
import os, sys, resource, time
from stream.process import model_trial_job as trial_job
def verify(model):
    {body}
trial_job.verify = verify
trial_job.main()
"""
    return (sys.executable, "-P", "-c", program)


def files(model: SmallModel, *names: str) -> dict[str, bytes]:
    return {name: model.bundle.files[name] for name in names or ("model.onnx",)}


def test_a_sound_model_passes_and_is_not_tried_again(model: SmallModel) -> None:
    trials = Trials()
    trials(files(model))
    trials._job = ("no-such-program",)
    trials(files(model))
    with pytest.raises(UnavailableError, match="none could be run"):
        trials(files(model, "model.ubj"))


def test_a_model_of_xgboost_alone_is_tried_too(model: SmallModel) -> None:
    Trials()(files(model, "model.ubj"))
    with pytest.raises(BundleError, match=r"model\.ubj is not a model that XGBoost"):
        Trials()({"model.ubj": b"{" * 100})


def test_a_refusal_has_its_reason(model: SmallModel) -> None:
    with pytest.raises(BundleError, match=r"model\.onnx should be an ONNX file") as refused:
        Trials()({"model.onnx": b"\xff" * 20})
    assert refused.value.failure is LoadFailure.REFUSED


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("os.abort()", "signal SIGABRT"),
        ("os.kill(os.getpid(), 9)", "signal SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", "signal SIGSEGV"),
        ("os._exit(7)", "exit code 7"),
    ],
)
def test_a_model_that_kills_is_refused(model: SmallModel, body: str, says: str) -> None:
    trials = Trials(job(body))
    for _ in range(2):  # it is tried again when it is asked for again
        with pytest.raises(BundleError, match=says) as refused:
            trials(files(model))
        assert refused.value.failure is LoadFailure.CRASHED


def test_a_model_that_hangs_is_refused(model: SmallModel) -> None:
    with pytest.raises(BundleError, match=r"within 0\.5 s, but it does not") as refused:
        Trials(job("time.sleep(300)"), seconds=0.5)(files(model))
    assert refused.value.failure is LoadFailure.TIMED_OUT


def test_a_model_that_computes_for_ever_is_refused(model: SmallModel) -> None:
    body = "resource.setrlimit(resource.RLIMIT_CPU, (1, 9))\n    while True: pass"
    with pytest.raises(BundleError, match="of processor time, but it does not") as refused:
        Trials(job(body))(files(model))
    assert refused.value.failure is LoadFailure.TIMED_OUT


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_a_model_that_swells_is_refused(model: SmallModel) -> None:
    # Twice the limit: the memory that the process frees after it sets the limit adds to it.
    body = f"import numpy; numpy.ones({trial_job.MEMORY} // 4)"
    with pytest.raises(
        BundleError, match="take at most 256 MiB of memory, but it takes more"
    ) as refused:
        Trials(job(body))(files(model))
    assert refused.value.failure is LoadFailure.OUT_OF_MEMORY


def test_output_of_libraries_is_no_verdict(model: SmallModel) -> None:
    trials = Trials(job("os.write(1, b'x' * 100_000); print('{}')"))
    trials(files(model))
    assert len(trials._passed) == 1


@pytest.mark.parametrize(
    "program", [("/no/such/program",), (sys.executable, "-c", "raise SystemExit(1)")]
)
def test_a_process_that_can_not_be_run_is_no_verdict(
    model: SmallModel, program: Sequence[str]
) -> None:
    with pytest.raises(UnavailableError, match="none could be run") as unavailable:
        Trials(program)(files(model))
    assert unavailable.value.failure is LoadFailure.UNAVAILABLE


def test_a_trial_ends_when_the_worker_stops(model: SmallModel) -> None:
    trials = Trials(job("time.sleep(300)"))
    failures: list[BaseException] = []

    def run() -> None:
        try:
            trials(files(model))
        except BundleError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    trials.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert "this process stops" in str(failures)


def test_the_process_gets_no_secret_and_no_descriptor(
    model: SmallModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADSCORE_SASL_PASSWORD", "hush")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    seen = tmp_path / "seen"
    with open(tmp_path / "open", "w") as held:
        os.set_inheritable(held.fileno(), True)
        body = (
            f"open({str(seen)!r}, 'w').write(repr((dict(os.environ), "
            "[os.readlink('/proc/self/fd/' + f) for f in os.listdir('/proc/self/fd')[:-1]])))"
        )
        if sys.platform == "linux":
            Trials(job(body))(files(model))
            assert "hush" not in seen.read_text()
            assert "LEADSCORE" not in seen.read_text()
            assert "socket" not in seen.read_text()
            assert str(tmp_path / "open") not in seen.read_text()


def test_the_process_needs_no_library_of_training(model: SmallModel, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    body = (
        "from model.serving.golden import verify\n    verify(model)\n"
        f"    open({str(seen)!r}, 'w').write(repr(sorted(sys.modules)))"
    )
    Trials(job(body))(files(model))
    loaded = {name.strip("'[]").partition(".")[0] for name in seen.read_text().split(", ")}
    assert "onnxruntime" in loaded
    others = {"xgboost", "onnx", "sklearn", "pandas", "faust", "aiokafka", "fsspec", "uvloop"}
    assert not loaded & others
