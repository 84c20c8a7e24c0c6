"""The account of a lead: an id, or a domain that is no free mail's."""

from __future__ import annotations

from typing import Any

import pytest

from agents.sales.account import account_of
from agents.sales.rules import AccountRule

RULE = AccountRule(field="account_id")
DOMAIN = AccountRule(field="email", by_domain=True)


@pytest.mark.parametrize(
    ("value", "account"),
    [
        ("ada@example.com", "example.com"),
        ("ADA@Example.COM.", "example.com"),
        ("https://www.example.com/about?x=1", "example.com"),
        ("example.com", "example.com"),
        ("ada@gmail.com", None),
        ("ada", None),
        ("", None),
        ("//[", None),
        (None, None),
        (7, None),
    ],
)
def test_the_domain_of_a_lead(value: Any, account: str | None) -> None:
    assert account_of({"email": value}, DOMAIN) == account


@pytest.mark.parametrize(
    ("value", "account"), [(" A-7 ", "A-7"), (7, "7"), (True, None), ("", None), (None, None)]
)
def test_the_account_id_of_a_lead(value: Any, account: str | None) -> None:
    assert account_of({"account_id": value}, RULE) == account
