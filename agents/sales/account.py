"""The account that a lead belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from agents.sales.rules import AccountRule

__all__ = ["account_of"]


def account_of(lead: Mapping[str, Any], rule: AccountRule) -> str | None:
    """Return the account of a lead; None if it has none.

    Examples
    --------
    >>> rule = AccountRule(field="email", by_domain=True)
    >>> account_of({"email": "Ada@Example.com "}, rule)
    'example.com'
    >>> account_of({"email": "ada@gmail.com"}, rule) is None
    True
    """
    value = lead.get(rule.field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        return None
    if not rule.by_domain:
        return value.strip()
    domain = _domain(value.strip())
    return domain if domain and domain not in rule.ignore else None


def _domain(text: str) -> str | None:
    """Return the domain of a mail address, a URL or a domain, in lower case."""
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname
    except ValueError:
        return None
    found = (host or "").removeprefix("www.").rstrip(".")
    return found if "." in found else None
