from __future__ import annotations

from stream.settings import load_settings


def test_a_sink_without_a_name_is_named_after_kind_and_content() -> None:
    assert load_settings(sink="sql", sink_content="leads").sink_label == "sql-leads"
    assert load_settings(sink="sql", sink_name="warehouse").sink_label == "warehouse"
