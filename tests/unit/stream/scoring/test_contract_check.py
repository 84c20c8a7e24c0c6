"""The contract of the leads holds every field that the model reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import StartupError
from stream.scoring.contract_check import verify_contract
from tests.unit.small_model import SmallModel
from tests.unit.stream.test_startup_checks import settings_of


def test_a_contract_of_a_folder_may_promise_more(model: SmallModel, tmp_path: Path) -> None:
    fields = (
        '{"name": "lead_id", "type": "string"}, {"name": "created_at", "type": "long"},'
        '{"name": "page_views", "type": "int"}, {"name": "industry", "type": "string"},'
        '{"name": "job_title", "type": ["null", "string"]}, {"name": "summary", "type": "string"}'
    )
    for name, further in (
        (
            "wide",
            ', {"name": "company_size", "type": "double"}, {"name": "extra", "type": "bytes"}',
        ),
        ("narrow", ""),
    ):
        (tmp_path / f"{name}.avsc").write_text(
            f'{{"type": "record", "name": "{name}", "fields": [{fields}{further}]}}'
        )
    verify_contract(model.bundle, settings_of(model, schema_dir=tmp_path, contract="wide"))
    with pytest.raises(StartupError, match=r"narrow does not promise: .*company_size"):
        verify_contract(model.bundle, settings_of(model, schema_dir=tmp_path, contract="narrow"))
