"""An exported model in a real MLflow, in an environment of its own: the same scores."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from model.bundle import Bundle
from stream.__main__ import main
from testing.locked_environment import locked_python

SCORE = """
import json, sys
import mlflow, numpy
model = mlflow.pyfunc.load_model(sys.argv[1])
rows = numpy.array(json.load(open(sys.argv[2])), dtype=numpy.float32)
example = model.input_example
outputs, of_example = model.predict(rows), model.predict(example)
print(json.dumps({
    "scores": numpy.asarray(outputs["probability"]).ravel().tolist(),
    "example": len(numpy.asarray(of_example["probability"]).ravel()),
    "columns": model.metadata.signature.inputs.to_dict()[0]["tensor-spec"]["shape"][1],
    "metadata": model.metadata.metadata,
}))
"""
LOADED_WITHIN, READY_WITHIN = 120.0, 240.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A tracking server, with files of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(locked_python("mlflow.lock"), "-m", "mlflow", "server", "--host", "127.0.0.1"),
        *("--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.sqlite"),
        *("--artifacts-destination", f"{tmp_path}/artifacts"),
    ]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _until_ready(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, 9)
            process.wait()


def _until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
            return
        except OSError:
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.5)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_mlflow_loads_an_exported_model_and_scores_equal(
    bank_model: Bundle, tmp_path: Path
) -> None:
    """The golden rows, some with missing values."""
    folder, rows = tmp_path / "exported", tmp_path / "rows.json"
    exported = CliRunner().invoke(
        main, ["models", "export", bank_model.location, "--mlflow", str(folder)]
    )
    assert exported.exit_code == 0, exported.output
    golden = bank_model.metadata.golden
    assert np.isnan(golden.matrix).any()
    rows.write_text(json.dumps(golden.matrix.tolist()))
    done = subprocess.run(
        [locked_python("mlflow.lock"), "-c", SCORE, str(folder), str(rows)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LOADED_WITHIN,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(found["scores"], golden.scores, rtol=0, atol=1e-6)
    assert found["columns"] == golden.matrix.shape[1]
    assert found["example"] > 0
    assert found["metadata"]["leadscore.sha256"] == bank_model.sha256


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_model_registered_on_a_server_is_loaded_from_it_by_name(
    bank_model: Bundle, server: str, tmp_path: Path
) -> None:
    given = ["models", "export", bank_model.location, "--mlflow", server, "--json"]
    first, again = (CliRunner().invoke(main, given) for _ in range(2))
    assert first.exit_code == 0, first.output
    printed = json.loads(first.stdout)
    assert (printed["mlflow_version"], printed["is_new"]) == ("1", True)
    assert json.loads(again.stdout) == printed | {"is_new": False}
    rows = tmp_path / "rows.json"
    golden = bank_model.metadata.golden
    rows.write_text(json.dumps(golden.matrix.tolist()))
    done = subprocess.run(
        [locked_python("mlflow.lock"), "-c", SCORE, f"models:/{bank_model.name}/1", str(rows)],
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_TRACKING_URI": server},
        capture_output=True,
        text=True,
        timeout=LOADED_WITHIN,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(found["scores"], golden.scores, rtol=0, atol=1e-6)
