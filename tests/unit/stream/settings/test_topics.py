from __future__ import annotations

import pytest

from schemas.errors import StartupError
from stream.settings import load_settings


def test_topics_follow_the_prefix_unless_they_are_named() -> None:
    settings = load_settings(topic_prefix="staging.", leads_created="crm.leads")
    assert settings.group_id == "staging.leadscore", "else it would share its drift windows"

    assert settings.leads_created == "crm.leads"
    assert settings.leads_created_dlq == "crm.leads.dlq"
    assert settings.leads_scored == "staging.leads.scored"
    assert settings.leads_drift_partials == "staging.leads.drift.partials"


def test_the_changelog_is_no_other_topic() -> None:
    changelog = load_settings().drift_changelog
    with pytest.raises(StartupError, match="LEADSCORE_LEADS_DRIFT and LEADSCORE_GROUP_ID with"):
        load_settings(leads_drift=changelog)
