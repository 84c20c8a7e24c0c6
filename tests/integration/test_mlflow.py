"""An exported model in a real MLflow, in an environment of its own: the same scores."""

from __future__ import annotations

import json
import subprocess
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
LOADED_WITHIN = 120.0


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
