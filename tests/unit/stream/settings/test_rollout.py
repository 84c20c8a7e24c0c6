"""Settings of rollouts: their steps, and what the role needs."""

from __future__ import annotations

import pytest

from schemas.errors import StartupError
from stream.settings import load_settings


def test_steps_are_checked_when_they_are_read() -> None:
    assert load_settings(rollout_steps="5@1h").rollout_steps == "5@1h"
    with pytest.raises(StartupError, match="such as 10@1d,50@2d"):
        load_settings(rollout_steps="50@1h,5@1h")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"model": "leads/3"}, "LEADSCORE_MODEL to be a name alone"),
        (
            {"output_format": "confluent", "schema_registry_url": "http://127.0.0.1:1"},
            "LEADSCORE_OUTPUT_FORMAT=avro or json",
        ),
    ],
)
def test_a_role_that_could_not_roll_out_anything_does_not_start(
    given: dict[str, str], says: str
) -> None:
    load_settings(**given)
    with pytest.raises(StartupError, match=says):
        load_settings(role="rollout", **given)
