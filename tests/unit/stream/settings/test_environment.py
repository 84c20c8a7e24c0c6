from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.errors import StartupError
from stream.kafka.topic_catalog import TOPICS
from stream.settings import Settings, load_settings, variable_of


def test_every_setting_has_a_sentence() -> None:
    for name, declared in Settings.model_fields.items():
        assert declared.description, name
        assert declared.description.endswith("."), name


def test_everything_has_a_default() -> None:
    settings = load_settings()

    assert settings.environment == "production"
    assert settings.max_event_bytes == 256 * 1024
    assert settings.min_coverage == 0.6


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSCORE_ENV", "Test")
    monkeypatch.setenv("LEADSCORE_BATCH_MAX_RECORDS", "500")
    monkeypatch.setenv("LEADSCORE_REASONS", "off")
    monkeypatch.setenv("LEADSCORE_LOG_LEVEL", "debug")
    monkeypatch.setenv("LEADSCORE_SCHEMA_DIR", "")

    settings = load_settings()

    assert settings.environment == "test"
    assert settings.batch_max_records == 500
    assert settings.reasons is False
    assert settings.log_level == "DEBUG"
    assert settings.schema_dir is None


def test_a_given_value_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSCORE_HTTP_PORT", "1")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")

    settings = load_settings(http_port=0, kafka_bootstrap_servers="localhost:1")

    assert settings.http_port == 0
    assert settings.kafka_bootstrap_servers == "localhost:1"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        load_settings().http_port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("LEADSCORE_ENV", "prod", "'production', 'staging', 'development' or 'test'"),
        ("LEADSCORE_KAFKA_BOOTSTRAP_SERVERS", "kafka", "host:port"),
        ("LEADSCORE_KAFKA_BOOTSTRAP_SERVERS", "http://kafka:9092", "host:port"),
        ("LEADSCORE_TOPIC_PREFIX", "my leads/", "letters, digits"),
        ("LEADSCORE_MIN_COVERAGE", "60", "less than or equal to 1"),
        ("LEADSCORE_HTTP_PORT", "70000", "less than or equal to 65535"),
        ("LEADSCORE_BATCH_MAX_RECORDS", "0", "greater than or equal to 1"),
        ("LEADSCORE_BATCH_MAX_RECORDS", "1" + "0" * 30, "less than or equal to 2147483647"),
        ("LEADSCORE_COMMIT_INTERVAL_SECONDS", "nan", "finite"),
        ("LEADSCORE_DRIFT_WINDOW_SECONDS", "1e308", "less than or equal to 316224000"),
        ("LEADSCORE_OUTPUT_FORMAT", "xml", "'avro', 'json' or 'confluent'"),
        ("LEADSCORE_METRICS", "perhaps", "boolean"),
        ("LEADSCORE_MEMORY_BUDGET_MB", "20", "greater than or equal to 48"),
    ],
)
def test_a_bad_value_is_one_sentence_with_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(StartupError) as failure:
        load_settings()

    sentence = str(failure.value)
    assert sentence.startswith(f"invalid settings: {variable} is {value!r}: ")
    assert expected in sentence
    assert "\n" not in sentence
    assert "Undefined" not in sentence


def test_the_memory_budget_holds_leads_of_the_largest_size() -> None:
    with pytest.raises(StartupError, match=r"LEADSCORE_MEMORY_BUDGET_MB is 96.* at least 960"):
        load_settings(max_event_bytes=10 << 20)
    load_settings(max_event_bytes=10 << 20, memory_budget_mb=960)


def test_the_role_archive_needs_a_folder() -> None:
    with pytest.raises(StartupError, match="set LEADSCORE_ARCHIVE"):
        load_settings(role="archive")
    assert load_settings(role="archive", archive="/archive").archive == Path("/archive")


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSCORE_HTTP_PORT", "x")
    monkeypatch.setenv("LEADSCORE_ROLE", "y")

    with pytest.raises(StartupError, match=r"LEADSCORE_ROLE is 'y'.*LEADSCORE_HTTP_PORT is 'x'"):
        load_settings()


def test_a_setting_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(StartupError, match="http_prot"):
        load_settings(http_prot=1)


def test_a_setting_has_a_variable_of_its_name() -> None:
    assert variable_of("environment") == "LEADSCORE_ENV"
    assert variable_of("kafka_bootstrap_servers") == "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS"
    assert variable_of("http_port") == "LEADSCORE_HTTP_PORT"


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSCORE_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("LEADSCORE_SASL_USERNAME", "scorer")
    monkeypatch.setenv("LEADSCORE_SASL_PASSWORD", "geheim1")
    monkeypatch.setenv("LEADSCORE_SSL_PASSWORD", "geheim2")
    monkeypatch.setenv("LEADSCORE_REGISTRY", "s3://key:geheim3@bucket/models")

    settings = load_settings()

    assert settings.masked()["sasl_password"] == "***"
    assert settings.masked()["registry"] == "s3://key:***@bucket/models"
    assert "geheim" not in str(settings.masked())
    assert "geheim1" not in repr(settings)


def test_no_secret_is_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSCORE_SASL_PASSWORD", "geheim")
    monkeypatch.setenv("LEADSCORE_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("LEADSCORE_HTTP_PORT", "x")

    with pytest.raises(StartupError) as failure:
        load_settings()

    assert "geheim" not in str(failure.value)


TOPICS_OF_OTHER_USES = [
    ("leads_created", "LEADSCORE_LEADS_CREATED"),
    ("leads_scored", "LEADSCORE_LEADS_SCORED"),
    ("leads_created_dlq", "LEADSCORE_LEADS_CREATED_DLQ"),
    ("leads_redrives", "LEADSCORE_LEADS_REDRIVES"),
    ("leads_scored_shadow", "LEADSCORE_LEADS_SCORED_SHADOW"),
    ("leads_outcomes", "LEADSCORE_LEADS_OUTCOMES"),
    ("leads_outcomes_dlq", "LEADSCORE_LEADS_OUTCOMES_DLQ"),
    ("leads_quality", "LEADSCORE_LEADS_QUALITY"),
    ("leads_overdue", "LEADSCORE_LEADS_OVERDUE"),
    ("leads_drift_partials", "LEADSCORE_LEADS_DRIFT_PARTIALS"),
    ("leads_drift", "LEADSCORE_LEADS_DRIFT"),
]


@pytest.mark.parametrize("pair", list(combinations(TOPICS_OF_OTHER_USES, 2)))
def test_two_uses_of_one_topic_are_refused(pair: tuple[tuple[str, str], tuple[str, str]]) -> None:
    """A scored topic that was the source turned 100 leads into 173,578 records in 20 s."""
    given = dict.fromkeys([field for field, _ in pair], "the.topic")
    with pytest.raises(StartupError) as failure:
        load_settings(**given)
    first, second = (variable for _, variable in pair)
    assert f"{first} and {second} are both the topic the.topic" in str(failure.value)


def test_topics_that_kafka_takes_for_the_same_are_refused() -> None:
    with pytest.raises(StartupError, match=r"differs in more than '.' and '_'"):
        load_settings(leads_created="crm.leads", leads_scored="crm_leads")


def test_every_declared_topic_is_checked_against_the_others() -> None:
    settings = load_settings()
    checked = settings._named_topics().values()
    assert sorted(checked) == sorted(topic.name(settings) for topic in TOPICS)
