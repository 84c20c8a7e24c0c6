"""The name of a column: as a field's name, and its words."""

from __future__ import annotations

import pytest

from features.column_name import ID_WORDS, PHONE_WORDS, TIME_WORDS, field_name, name_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("callDuration_sec", {"call", "duration", "sec"}),
        ("poutcome", {"poutcome"}),
        ("CRM_ID2", {"crm", "id"}),
        ("Telefonnummer", {"telefonnummer", "telefon", "nummer"}),
        ("客户编号", {"客户编号", "客户", "编号"}),
        ("", set()),
    ],
)
def test_a_name_is_cut_at_cases_marks_digits_and_compounds(name: str, words: set[str]) -> None:
    assert name_words(name) == words


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lastVisit", TIME_WORDS),
        ("Erstellt am", TIME_WORDS),
        ("Kundennummer", ID_WORDS),
        ("sku", ID_WORDS),
        ("Handy (privat)", PHONE_WORDS),
    ],
)
def test_a_word_of_the_name_shows_its_kind(name: str, kind: frozenset[str]) -> None:
    assert not kind.isdisjoint(name_words(name))


def test_a_part_of_a_word_shows_nothing() -> None:
    """A grid has no id, and a candidate no date."""
    assert name_words("grid").isdisjoint(ID_WORDS)
    assert name_words("candidate").isdisjoint(TIME_WORDS)


@pytest.mark.parametrize(
    ("column", "name"),
    [("emp.var.rate", "emp_var_rate"), (" 2nd call ", "_2nd_call"), ("a-b c", "a_b_c"), ("é", "e")],
)
def test_the_name_of_a_field_has_only_what_avro_allows(column: str, name: str) -> None:
    assert field_name(column) == name
