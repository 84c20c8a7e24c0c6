"""Targets of the sink `webhook`: one from the settings, or several from a file."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from schemas.errors import StartupError
from stream.settings import PREFIX, Settings
from stream.sinks.target import target_of

__all__ = ["STANDARD", "Target", "read_targets"]

STANDARD = "standard"
"""Name of the payload of Standard Webhooks."""
FROM_ENVIRONMENT = "env:"
"""Begins a value that names an environment variable, in a file of targets."""


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    try:
        is_valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # the port is no number
        is_valid = False
    if not is_valid or re.search(r"\s", url) or not url.isprintable():
        raise ValueError("expected https://HOST/PATH")
    return url


def _check_template(name: str) -> str:
    if not name:
        raise ValueError("expected standard, slack or a file")
    return name


class Target(BaseModel):
    """A receiver of webhooks; docs/sinks.md lists the keys.

    Attributes
    ----------
    name
        For messages.
    url
        Receives a POST per event.
    secret
        Signs; several are separated by spaces while they change.
    template
        `standard`, `slack`, or a file with a template.
    hot_only, band_crossed, score_changed
        Filters (stream/sinks/webhook_filters.py).
    allow_private
        Whether the host may be in a private network, and the URL begin with http://.
    ssl_cafile
        CA certificates (PEM); None: the system's.
    timeout_seconds
        Time limit of an attempt.
    concurrency
        Most attempts at once, each for another lead.
    attempts
        Number of answers such as 500 to a record after which it is refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    url: Annotated[str, AfterValidator(_check_url)] = Field(repr=False)
    secret: SecretStr | None = None
    template: Annotated[str, AfterValidator(_check_template)] = STANDARD
    hot_only: bool = False
    band_crossed: bool = False
    score_changed: Annotated[float, Field(ge=0, lt=1)] | None = None
    allow_private: bool = False
    ssl_cafile: Path | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    attempts: Annotated[int, Field(ge=1, le=10_000)] = 20

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.url.startswith("http:") and not self.allow_private:
            raise ValueError(
                "expected https://, as http:// is not encrypted: use it in private networks alone,"
                " with allow_private"
            )
        if self.template == STANDARD and self.secret is None:
            raise ValueError("expected a secret: receivers verify the signature with it")
        return self

    @property
    def needs_previous(self) -> bool:
        """Whether its filters need the lead's score before."""
        return self.band_crossed or self.score_changed is not None

    @property
    def origin(self) -> str:
        """Scheme, host and port: a path may be a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that sign."""
        return () if self.secret is None else tuple(self.secret.get_secret_value().split())

    def __str__(self) -> str:
        return f"{self.name} ({self.origin})"


def read_targets(settings: Settings) -> tuple[Target, ...]:
    """Return the targets that the settings name.

    Raises
    ------
    StartupError
        None is named, a value is invalid, or the file can't be read.
    """
    to = target_of(settings, "the URL of a webhook, or a file with targets (TOML)")
    if "://" in to:
        return (
            _target({"name": "webhook", "url": to} | _of_settings(settings), f"{PREFIX}SINK_TO"),
        )
    return _from_file(Path(to))


def _of_settings(settings: Settings) -> dict[str, Any]:
    prefix = "sink_webhook_"
    return {
        name.removeprefix(prefix): value
        for name, value in settings
        if name.startswith(prefix) and name.removeprefix(prefix) in Target.model_fields
    }


def _from_file(file: Path) -> tuple[Target, ...]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartupError(
            f"expected the URL of a webhook, or a readable file with targets, but {file}:"
            f" {error.strerror}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise StartupError(
            f"expected TOML in {file}: docs/sinks.md#webhook has an example"
        ) from None
    entries = found.get("target")
    if not isinstance(entries, list) or not entries or found.keys() != {"target"}:
        raise StartupError(f"expected one [[target]] or more in {file}, and nothing beside them")
    targets = tuple(
        _target(_with_environment(entry, file), f"target {number} of {file}")
        for number, entry in enumerate(entries, start=1)
    )
    if len({target.name for target in targets}) < len(targets):
        raise StartupError(f"expected a name of its own for each target in {file}")
    return targets


def _with_environment(entry: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Return an entry with the values of the environment variables that it names."""
    values = dict(entry)
    for name, value in entry.items():
        if isinstance(value, str) and value.startswith(FROM_ENVIRONMENT):
            variable = value.removeprefix(FROM_ENVIRONMENT)
            if variable not in os.environ:
                raise StartupError(f"{file} names the environment variable {variable}: set it")
            values[name] = os.environ[variable]
    return values


def _target(values: Mapping[str, Any], where: str) -> Target:
    try:
        return Target(**values)
    except ValidationError as error:
        wrongs = [
            ": ".join([*map(str, wrong["loc"][:1]), wrong["msg"].removeprefix("Value error, ")])
            for wrong in error.errors(include_url=False, include_input=False)
        ]
        raise StartupError(f"{where}: {'; '.join(wrongs)} (docs/sinks.md#webhook)") from None
