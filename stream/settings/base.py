"""The base class of the groups of settings, and the types of their values."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = [
    "IS_TOPIC",
    "LONGEST",
    "MOST",
    "PREFIX",
    "Count",
    "Name",
    "Port",
    "Seconds",
    "SettingsGroup",
    "Share",
    "Topic",
    "check_private_url",
    "check_servers",
    "check_urls",
    "named",
    "split",
    "split_pairs",
    "split_words",
]

PREFIX = "LEADSCORE_"

MOST = 2**31 - 1
"""Largest value of counts and milliseconds in Kafka's protocol."""
Count = Annotated[int, Field(ge=1, le=MOST)]
LONGEST = 10 * 366 * 86_400.0
"""Seconds: ten years. A longer time must be a typo, and overflows some clocks."""
Seconds = Annotated[float, Field(gt=0, le=LONGEST, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Port = Annotated[int, Field(ge=0, le=65535)]


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,249}", name):
        raise ValueError("expected at most 249 letters, digits, '.', '_' and '-'")
    return name


def check_servers(servers: str) -> str:
    """Return addresses of brokers: host:port, separated by commas."""
    for server in servers.split(","):
        host, _, port = server.rpartition(":")
        if not re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]", host) or not port.isdecimal():
            raise ValueError("expected host:port, several separated by commas")
    return servers


def check_urls(urls: str) -> str:
    """Return URLs separated by commas."""
    for url in urls.split(","):
        if not re.match(r"\s*https?://[^/\s]+", url):
            raise ValueError("expected http:// or https:// and a host, several separated by commas")
    return urls


def check_private_url(url: str) -> str:
    """Return a URL to which a secret may be sent: https, or this machine's own."""
    if not re.match(r"https://[^/\s]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)", url):
        raise ValueError("expected https:// and a host: an access token is sent there")
    return url.rstrip("/")


def split(given: Any) -> Any:
    """Return the parts of a text separated by commas; other values as they are."""
    return given.split(",") if isinstance(given, str) else given


def split_words(given: Any) -> Any:
    """Return the words of a text separated by commas, without case."""
    if not isinstance(given, str):
        return given
    words = tuple(word.strip().casefold() for word in given.split(","))
    if not all(words):
        raise ValueError("expected words, several separated by commas")
    return words


def split_pairs(given: Any) -> Any:
    """Return the pairs of a text such as `FIELD=PROPERTY,FIELD=PROPERTY`."""
    if not isinstance(given, str):
        return given
    pairs = [pair.partition("=") for pair in given.split(",")]
    if not all(re.fullmatch(r"\s*\w+\s*=\s*\w+\s*", "".join(pair)) for pair in pairs):
        raise ValueError("expected FIELD=PROPERTY, several separated by commas")
    return {field.strip(): to.strip() for field, _, to in pairs}


Name = Annotated[str, AfterValidator(_check_name)]
IS_TOPIC = "topic"
"""Marks settings that name topics; no two of them may be equal."""
Topic = Annotated[Name, Field(min_length=1), IS_TOPIC]


def _prefixed(name: str, validated: dict[str, Any]) -> str:
    return f"{validated.get('topic_prefix', '')}{name}"


def named(name: str) -> Any:
    """Return a field whose default is a name after the prefix of all topics."""
    return Field(default_factory=partial(_prefixed, name))


class SettingsGroup(BaseSettings):
    """Settings that belong together: read from the environment, frozen."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        protected_namespaces=(),
        use_attribute_docstrings=True,
    )
