"""Words of persons: what a model must not keep of its training data."""

from __future__ import annotations

import pytest

from features.personal import (
    LEAST_LEADS,
    addresses_in,
    kinds_of,
    looks_like,
    withheld_levels,
    without_addresses,
)


@pytest.mark.parametrize(
    ("level", "kind"),
    [
        ("jane.doe@example.com", "e-mail addresses"),
        ("@janedoe", "e-mail addresses"),
        ("https://www.linkedin.com/in/jane-doe/", "personal pages"),
        ("example.com/users/42", "personal pages"),
        ("192.168.1.20", "IP addresses"),
        ("+49 30 1234567", "phone numbers"),
        ("(030) 123 45 67", "phone numbers"),
    ],
)
def test_addresses_and_numbers_of_persons_are_found(level: str, kind: str) -> None:
    assert looks_like(level) == kind


@pytest.mark.parametrize(
    "level",
    ["director", "2024-05-31", "31.05.2024", "1000-5000", "1 000 000 000", "linkedin.com", "12"],
)
def test_other_levels_are_of_nobody(level: str) -> None:
    assert looks_like(level) is None


def test_bare_digits_are_phone_numbers_where_the_column_says_so() -> None:
    assert looks_like("4930123456", "Phone") == "phone numbers"
    assert looks_like("4930123456", "order") is None


def test_levels_of_few_leads_and_addresses_are_withheld() -> None:
    levels = {
        "director": LEAST_LEADS,
        "jane doe": LEAST_LEADS - 1,
        "jane@example.com": 1000,
        "yes": 1,
    }
    assert withheld_levels(levels, "contact") == {"jane doe", "jane@example.com"}


def test_each_kind_is_named_once() -> None:
    levels = ["a@example.com", "b@example.com", "10.0.0.1", "web"]
    assert kinds_of(levels, "contact") == ["IP addresses", "e-mail addresses"]


def test_addresses_are_taken_out_of_a_text() -> None:
    text = "ask jane@example.com or see https://example.com/jane for the price"
    assert without_addresses(text) == "ask   or see   for the price"
    assert without_addresses("asks for the price") == "asks for the price"
    assert addresses_in("jane@example.com and @jane, please") == ["jane@example.com", "@jane,"]
