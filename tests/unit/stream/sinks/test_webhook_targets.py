"""Targets of webhooks, from settings and from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import StartupError
from stream.settings import load_settings
from stream.sinks.webhook_targets import Target, read_targets

SECRET = "whsec_YWFhYWFhYWE="


def from_file(tmp_path: Path, content: str) -> tuple[Target, ...]:
    file = tmp_path / "targets.toml"
    file.write_text(content)
    return read_targets(load_settings(sink="webhook", sink_to=str(file)))


def test_a_file_has_several_targets_with_values_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_SECRET", SECRET)
    monkeypatch.setenv("SLACK_URL", "https://hooks.slack.com/services/T/B/x")
    crm, slack = from_file(
        tmp_path,
        """
        [[target]]
        name = "crm"
        url = "https://crm.example.com/hooks"
        secret = "env:CRM_SECRET"
        score_changed = 0.1

        [[target]]
        name = "sales"
        url = "env:SLACK_URL"
        template = "slack"
        hot_only = true
        band_crossed = true
        """,
    )
    assert crm.secrets == (SECRET,)
    assert (crm.needs_previous, crm.hot_only, crm.attempts) == (True, False, 20)
    assert (slack.url, slack.secrets) == ("https://hooks.slack.com/services/T/B/x", ())
    assert str(slack) == "sales (https://hooks.slack.com)"


def test_one_target_has_the_settings() -> None:
    [target] = read_targets(
        load_settings(
            sink="webhook",
            sink_to="https://example.com/hook",
            sink_webhook_secret=SECRET,
            sink_webhook_score_changed=0.2,
            sink_webhook_timeout_seconds=3,
            sink_webhook_attempts=4,
            sink_webhook_concurrency=2,
        )
    )
    assert (target.score_changed, target.timeout_seconds) == (0.2, 3)
    assert (target.attempts, target.concurrency) == (4, 2)


def test_neither_a_path_nor_a_secret_is_shown() -> None:
    target = Target(name="a", url="https://u:pw@h.example.com:8443/token", secret=SECRET)
    assert str(target) == "a (https://h.example.com:8443)"
    assert not {"token", "pw", SECRET} & {*repr(target).replace("'", " ").split()}
    assert "token" not in repr(target)


def test_the_path_of_a_webhook_is_masked_in_the_log_of_settings() -> None:
    settings = load_settings(sink="webhook", sink_to="https://hooks.slack.com/services/T/B/x")
    assert settings.masked()["sink_to"] == "https://hooks.slack.com/***"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"url": "ftp://example.com"}, "expected https://HOST/PATH"),
        ({"url": "https://"}, "expected https://HOST/PATH"),
        ({"url": "https://example.com/\u200b"}, "expected https://HOST/PATH"),
        ({"url": "https://example.com:x"}, "expected https://HOST/PATH"),
        ({"url": "http://example.com", "secret": SECRET}, "expected https://, as http://"),
        ({"url": "https://example.com"}, "expected a secret"),
        ({"url": "https://example.com", "secret": SECRET, "atempts": 3}, "atempts"),
        ({"url": "https://example.com", "secret": SECRET, "score_changed": 1}, "score_changed"),
        ({"url": "https://example.com", "secret": SECRET, "name": "a b"}, "name"),
    ],
)
def test_a_target_that_is_not_valid_is_named_by_its_place(
    tmp_path: Path, fields: dict[str, object], sentence: str
) -> None:
    given = {"name": "crm"} | fields
    lines = [f"{name} = {value!r}".replace("'", '"') for name, value in given.items()]
    with pytest.raises(StartupError, match=sentence) as raised:
        from_file(tmp_path, "\n".join(["[[target]]", *lines]))
    assert "target 1 of" in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[[target", "expected TOML"),
        ("", r"expected one \[\[target"),
        ("other = 1", r"expected one \[\[target"),
        ('[[target]]\nurl = "env:NO_SUCH_VARIABLE"', "NO_SUCH_VARIABLE: set it"),
        (
            2 * '[[target]]\nname="a"\nurl="https://a.example"\ntemplate="slack"\n',
            "name of its own",
        ),
    ],
)
def test_a_file_that_is_none_of_targets_stops_the_start(
    tmp_path: Path, content: str, sentence: str
) -> None:
    with pytest.raises(StartupError, match=sentence):
        from_file(tmp_path, content)


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="No such file"):
        read_targets(load_settings(sink="webhook", sink_to=str(tmp_path / "none.toml")))
