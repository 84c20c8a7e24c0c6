"""Accounts of CRMs from the settings."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import StartupError
from stream.crm.accounts import CRMS, make_account
from stream.settings import load_settings

COMPLETE = {"crm_url": "https://o.example.com", "crm_key": "k", "crm_token": "t"}


@pytest.mark.parametrize("name", CRMS)
async def test_each_crm_can_be_made(name: str) -> None:
    account = make_account(name, load_settings(**COMPLETE))
    assert account.title.lower() == name
    assert account.most_records == {"salesforce": 200}.get(name, 100)
    await account.close()


@pytest.mark.parametrize(
    ("name", "missing", "sentence"),
    [
        ("salesforce", "crm_url", "LEADSCORE_CRM_URL"),
        ("hubspot", "crm_key", "LEADSCORE_CRM_KEY"),
        ("hubspot", "crm_token", "LEADSCORE_CRM_TOKEN, or LEADSCORE_CRM_CLIENT_ID"),
    ],
)
def test_a_setting_that_is_missing_is_named(name: str, missing: str, sentence: str) -> None:
    given: dict[str, Any] = {to: value for to, value in COMPLETE.items() if to != missing}
    with pytest.raises(StartupError, match=sentence):
        make_account(name, load_settings(**given))


def test_dynamics_has_no_token_endpoint_of_its_own() -> None:
    given = {"crm_token": None, "crm_client_id": "c", "crm_client_secret": "s"}
    with pytest.raises(StartupError, match="LEADSCORE_CRM_TOKEN_URL"):
        make_account("dynamics", load_settings(**COMPLETE | given))


@pytest.mark.parametrize("url", ["http://crm.example.com", "https://", "crm.example.com"])
def test_a_token_is_sent_over_tls_alone(url: str) -> None:
    with pytest.raises(StartupError, match="LEADSCORE_CRM_URL"):
        load_settings(crm_url=url)


def test_fields_are_pairs() -> None:
    settings = load_settings(crm_fields="score = a,order=b")
    assert dict(settings.crm_fields) == {"score": "a", "order": "b"}
    with pytest.raises(StartupError, match="expected FIELD=PROPERTY"):
        load_settings(crm_fields="score")
