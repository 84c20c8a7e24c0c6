"""All settings together: read from the environment, checked, masked for logs."""

from __future__ import annotations

import re
from typing import Any, Self

from pydantic import AliasChoices, SecretStr, ValidationError, model_validator

from model.registry import followed_model
from schemas.errors import StartupError
from schemas.urls import mask_url
from stream.settings.archive import ArchiveSettings
from stream.settings.base import IS_TOPIC, PREFIX
from stream.settings.crm import CrmSettings
from stream.settings.delivery import DeliverySettings
from stream.settings.drift import DriftSettings
from stream.settings.kafka import KafkaSettings
from stream.settings.leads import LeadSettings
from stream.settings.models import ModelSettings
from stream.settings.outcomes import OutcomeSettings
from stream.settings.rest import RestSettings
from stream.settings.retraining import RetrainingSettings
from stream.settings.rollout import RolloutSettings
from stream.settings.schema_registry import SchemaRegistrySettings
from stream.settings.sinks import SinkSettings
from stream.settings.timers import TimerSettings
from stream.settings.topics import CHANGELOG, TopicSettings
from stream.settings.worker import WorkerSettings

__all__ = ["GROUPS", "PREFIX", "Settings", "load_settings", "variable_of"]


MIB = 1 << 20
LEADS_OF_BUDGET = 96
"""Number of the largest leads that must fit into the memory budget, some at each stage."""


class Settings(  # fields are in the order of the bases from the last to the first
    RestSettings,
    CrmSettings,
    SinkSettings,
    ArchiveSettings,
    RetrainingSettings,
    TimerSettings,
    OutcomeSettings,
    DriftSettings,
    RolloutSettings,
    DeliverySettings,
    SchemaRegistrySettings,
    LeadSettings,
    ModelSettings,
    TopicSettings,
    KafkaSettings,
    WorkerSettings,
):
    """The settings of every command, from the environment."""

    @model_validator(mode="after")
    def _check_memory(self) -> Self:
        least = -(-self.max_event_bytes * LEADS_OF_BUDGET // MIB)
        if self.memory_budget_mb < least:
            raise ValueError(
                f"{PREFIX}MEMORY_BUDGET_MB is {self.memory_budget_mb}, but"
                f" {PREFIX}MAX_EVENT_BYTES={self.max_event_bytes} needs at least {least}: raise the"
                " one, or lower the other"
            )
        return self

    @model_validator(mode="after")
    def _check_archive(self) -> Self:
        if self.role == "archive" and self.archive is None:
            raise ValueError(
                f"{PREFIX}ROLE=archive needs the folder of the archive: set {PREFIX}ARCHIVE"
            )
        return self

    @model_validator(mode="after")
    def _check_shadow(self) -> Self:
        if self.role == "shadow" and not re.fullmatch(r"[\w.-]+([@/][\w.-]+)?", self.model):
            raise ValueError(
                f"{PREFIX}ROLE=shadow needs the name of a model, as it follows the alias shadow,"
                f" but {PREFIX}MODEL={self.model} is a path: set the name"
            )
        return self

    @model_validator(mode="after")
    def _check_outcomes_role(self) -> Self:
        if self.role != "outcomes":
            return self
        if self.outcome_store is None:
            raise ValueError(
                f"{PREFIX}ROLE=outcomes needs a folder for its stores: set {PREFIX}OUTCOME_STORE"
            )
        if self.output_format == "confluent":
            raise ValueError(
                f"{PREFIX}ROLE=outcomes reads scored events in Avro single-object encoding and in"
                f" JSON, not in Confluent's framing: expected {PREFIX}OUTPUT_FORMAT=avro or json of"
                " the workers"
            )
        return self

    @model_validator(mode="after")
    def _check_rollout(self) -> Self:
        if self.role != "rollout":
            return self
        if followed_model(self.model) is None:
            raise ValueError(
                f"{PREFIX}ROLE=rollout needs a model whose production the workers follow: expected"
                f" {PREFIX}MODEL to be a name alone, but it is {self.model}"
            )
        if self.output_format == "confluent":
            raise ValueError(
                f"{PREFIX}ROLE=rollout reads scored events in Avro single-object encoding and in"
                f" JSON, not in Confluent's framing: expected {PREFIX}OUTPUT_FORMAT=avro or json"
            )
        return self

    @model_validator(mode="after")
    def _check_topics(self) -> Self:
        used: dict[str, str] = {}
        for says, name in self._named_topics().items():
            key = name.replace(".", "_")  # Kafka refuses topics that differ in these alone
            if key in used:
                raise ValueError(
                    f"{used[key]} and {says} are both the topic {name}, but each topic needs a name"
                    " of its own, which differs in more than '.' and '_': a worker would read what"
                    " it writes"
                )
            used[key] = says
        return self

    @model_validator(mode="after")
    def _check_schema_registry(self) -> Self:
        variable = f"{PREFIX}SCHEMA_REGISTRY"
        if self.output_format == "confluent" and self.schema_registry_url is None:
            raise ValueError(
                f"{PREFIX}OUTPUT_FORMAT=confluent needs a schema registry: set {variable}_URL"
            )
        if (self.schema_registry_username is None) != (self.schema_registry_password is None):
            raise ValueError(
                f"{variable}_USERNAME and {variable}_PASSWORD belong together: set both, or none"
            )
        if self.schema_registry_token is not None and self.schema_registry_username is not None:
            raise ValueError(
                f"{variable}_TOKEN and {variable}_USERNAME are two ways to log in: set one of them"
            )
        if self.schema_registry_ssl_keyfile and not self.schema_registry_ssl_certfile:
            raise ValueError(
                f"{variable}_SSL_KEYFILE needs the certificate that it belongs to: set"
                f" {variable}_SSL_CERTFILE"
            )
        return self

    @property
    def sink_group(self) -> str:
        """Consumer group of the sink."""
        return f"{self.group_id}-sink-{self.sink_label}"

    @property
    def sink_topic(self) -> str:
        """Topic that the sink reads."""
        return {
            "scores": self.leads_scored,
            "leads": self.leads_created,
            "overdue": self.leads_overdue,
        }[self.sink_content]

    @property
    def is_scorer(self) -> bool:
        """Whether the worker scores leads."""
        return self.role in ("score", "all", "shadow")

    @property
    def shadow_group(self) -> str:
        """Consumer group of the shadow."""
        return f"{self.group_id}-shadow"

    @property
    def shadow_model(self) -> str:
        """Reference to the shadow's model: the alias `shadow` of the model that scores."""
        return f"{re.split('[@/]', self.model)[0]}@shadow"

    @property
    def has_constant_model(self) -> bool:
        """Whether a model that gives a constant score stands in where there is none."""
        return self.role != "shadow" and self.environment in ("development", "test")

    def _named_topics(self) -> dict[str, str]:
        """Return the name of each topic, by its setting."""
        fields = [
            name for name, field in Settings.model_fields.items() if IS_TOPIC in field.metadata
        ]
        return {variable_of(name): getattr(self, name) for name in fields} | {
            f"{variable_of('group_id')} with '{CHANGELOG}'": self.drift_changelog
        }

    def masked(self) -> dict[str, Any]:
        """Return all settings by name, without passwords, for logs."""
        shown = self.model_dump(mode="json")
        for name, value in self:
            if isinstance(value, SecretStr):
                shown[name] = "***"
            elif isinstance(shown[name], str):
                shown[name] = mask_url(shown[name])
        if self.sink == "webhook":  # the path of a webhook is its password
            shown["sink_to"] = re.sub(r"(://[^/]+/).+", r"\1***", shown["sink_to"])
        return shown


GROUPS = Settings.__bases__[::-1]
"""The groups of settings, in the order of their fields."""


def load_settings(**given: Any) -> Settings:
    """Read the settings from the environment.

    Parameters
    ----------
    **given
        Settings by field name; they override the environment.

    Raises
    ------
    StartupError
        A value is invalid. The message names each variable, its value and the expected one.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        raise StartupError(_sentence(error)) from None


def variable_of(field: str) -> str:
    """Return the environment variable of a field."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        alias = alias.choices[0]
    return alias if isinstance(alias, str) else f"{PREFIX}{field}".upper()


def _sentence(error: ValidationError) -> str:
    wrongs = []
    for wrong in error.errors(include_url=False):
        if wrong["type"] == "default_factory_not_called":  # a consequence of another error
            continue
        message = wrong["msg"].removeprefix("Value error, ")
        if not wrong["loc"]:
            wrongs.append(message)
            continue
        name = str(wrong["loc"][0])
        field = Settings.model_fields.get(name)
        variable = variable_of(name) if field else name
        is_secret = field is not None and "SecretStr" in str(field.annotation)
        value = "***" if is_secret else repr(wrong["input"])
        wrongs.append(f"{variable} is {value}: {message[:1].lower()}{message[1:]}")
    return f"invalid settings: {'; '.join(wrongs)} (docs/settings.md lists the allowed values)"
