"""JSON of leads in every shape."""

from __future__ import annotations

import json

import numpy as np
import pytest

from features.table_file import find_json
from tests.unit.features.tables import NUMBER, strings, table

JSON_LEADS = [
    {"id": "L-1", "n": 1250, "won": True, "s": "web", "big": 123456789012345678},
    {"id": "L-2", "n": 0.5, "won": False, "s": None},
]


JSON_SHAPES = {
    "lines": "\n".join(map(json.dumps, JSON_LEADS)) + "\n",
    "lines of Windows": "\ufeff" + "\r\n".join(map(json.dumps, JSON_LEADS)),
    "an array": json.dumps(JSON_LEADS),
    "an indented array": json.dumps(JSON_LEADS, indent=2),
    "indented objects": "\n".join(json.dumps(lead, indent=2) for lead in JSON_LEADS),
    "objects with commas": ",\n".join(json.dumps(lead, indent=2) for lead in JSON_LEADS),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", JSON_SHAPES.values(), ids=JSON_SHAPES.keys())
def test_json_of_every_shape_is_a_table(text: str, encoding: str) -> None:
    parsed = table(text.encode(encoding))
    assert parsed.rows == 2
    assert parsed.names == ("id", "n", "won", "s", "big")
    np.testing.assert_array_equal(parsed.columns_for({"n": NUMBER})["n"], [1250, 0.5])
    assert strings(parsed, "won") == ["true", "false"]
    assert strings(parsed, "big") == ["123456789012345678", None]
    assert find_json(text.encode(encoding), "leads") is not None


def test_a_pair_of_escapes_in_json_is_one_character() -> None:
    assert strings(table(rb'{"a": "\ud83d\ude00", "b": 1}'), "a") == ["\U0001f600"]


def test_numbers_of_json_have_a_point_before_decimals() -> None:
    lines = "\n".join(f'{{"a": "x", "n": {i}.250}}' for i in range(1, 9))
    assert table(lines).columns_for({"n": NUMBER})["n"][0] == 1.25


def test_lists_in_json_are_reported() -> None:
    parsed = table('{"a": 1, "b": [1], "c": {"d": 1, "e": [2]}}\n{"a": 2}\n')
    assert list(parsed.unusable) == ["b", "c.e"]
    assert parsed.names == ("a", "c_d")


def test_objects_know_their_lines() -> None:
    leads = find_json(json.dumps(JSON_LEADS, indent=2).encode(), "leads") or []
    assert [lead.line for lead in leads] == [2, 9]
