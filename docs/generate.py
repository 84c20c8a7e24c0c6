"""Makes the reference pages from the declarations: run by `make docs`, held to by a test.

A page is a function that returns Markdown and an entry of ``PAGES``.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from monitoring.telemetry.declarations import DECLARATIONS
from schemas.errors import ErrorCode, LoadFailure
from stream.kafka.access import Operation, Use
from stream.kafka.declared_rights import RESOURCES
from stream.kafka.topic_catalog import TOPICS
from stream.settings import Settings, variable_of

FOLDER = Path(__file__).parent


def settings_page() -> str:
    """Every environment variable, from stream/settings.py."""
    described = Settings.model_json_schema(by_alias=False)["properties"]
    rows = (
        (
            f"`{variable_of(name)}`",
            _default(declared.get_default(call_default_factory=True, validated_data={})),
            _takes(described[name]),
            declared.description or "",
        )
        for name, declared in Settings.model_fields.items()
    )
    return _page(
        "Settings",
        "stream/settings.py",
        "All settings are environment variables; an empty one counts as not set. Kafka's address is"
        " also taken from `KAFKA_BOOTSTRAP_SERVERS`. A value that is unusable ends the program with"
        " exit code 3 and a sentence that names the variable. The values in force are logged when a"
        " worker starts, passwords masked.",
        ("variable", "default", "takes", "meaning"),
        rows,
    )


def topics_page() -> str:
    """Every topic, from stream/kafka/topic_catalog.py."""
    defaults = Settings.model_construct()
    rows = (
        (
            f"`{topic.name(defaults)}`",
            topic.purpose,
            topic.key,
            topic.value,
            "as the source" if topic.follows_source else "1",
            "<br>".join(f"`{name}={value}`" for name, value in topic.configs.items()),
            _workers(topic.rights) or "none yet",
        )
        for topic in TOPICS
    )
    return _page(
        "Topics",
        "stream/kafka/topic_catalog.py",
        "`leadscore topics create` makes those that are missing, `leadscore topics check` says what"
        " is wrong, and a worker refuses to start without those of its role, or without its"
        " [rights](rights.md) on them. It never makes one."
        " Names and their prefix are [settings](settings.md).",
        ("topic", "purpose", "key", "value", "partitions", "settings", "needed by role"),
        rows,
    )


def rights_page() -> str:
    """Return the page of every right in Kafka, out of its declarations."""
    defaults = Settings.model_construct()
    rows = (
        (
            f"{resource.type}s that begin with" if resource.is_prefix else resource.type,
            f"`{resource.name(defaults)}`",
            *(_operations(resource.rights, uses) for uses in RIGHTS_COLUMNS.values()),
        )
        for resource in RESOURCES
        if any(use is not Use.CREATE for use in resource.rights)
    )
    return _page(
        "Rights",
        "stream/kafka/topic_catalog.py and stream/kafka/declared_rights.py",
        "The least rights of each role and command in Kafka's authorizer. `leadscore acls` prints"
        " them as commands of `kafka-acls.sh`, or with `--json`, for the names in your settings and"
        " the user of `LEADSCORE_SASL_USERNAME` or `--principal`. Role `all` needs those of `score`"
        " and of `drift`. A worker and `leadscore topics check` look for all rights of their role"
        " at the start; what is missing ends them with exit code 3 and a sentence that names user,"
        " operation and resource. `leadscore topics create` needs Create and Describe on each of"
        " the [topics](topics.md), or Create on the cluster and Describe on the topics. Brokers"
        " before Kafka 2.8 also want IdempotentWrite on the cluster of whoever writes. Optional:"
        " Describe on the cluster, by which a worker learns Kafka's time; Read on the topics of"
        " scored leads and dead letters, by which a new owner of a partition finds how far the"
        " earlier one came under another model; and DescribeConfigs on the topics that it writes"
        " scored leads, dead letters, partials and reports to: without it records are taken to fit"
        " up to 1,000,000 bytes, and larger ones are found by the broker's refusal; and on the"
        " topic of leads: without it nothing warns of [batches that are too"
        " large](operations.md#batches-that-are-too-large).",
        ("resource", "name", *RIGHTS_COLUMNS),
        rows,
    )


RIGHTS_COLUMNS = {
    "score": (Use.SCORE, Use.COUNT),
    "score, exactly once, also": (Use.TRANSACT,),
    "drift": (Use.DRIFT,),
    "produce": (Use.PRODUCE,),
    "snapshot": (Use.SNAPSHOT,),
    "drift status": (Use.STATUS,),
}


def _operations(rights: Mapping[Use, tuple[Operation, ...]], uses: tuple[Use, ...]) -> str:
    return ", ".join(operation.title for use in uses for operation in rights.get(use, ()))


def _workers(rights: Mapping[Use, tuple[Operation, ...]]) -> str:
    roles = {Use.SCORE: "score", Use.COUNT: "score, unless `LEADSCORE_DRIFT=false`"}
    roles[Use.DRIFT] = "drift"
    return ", ".join(role for use, role in roles.items() if use in rights)


def metrics_page() -> str:
    """Every metric, from monitoring/telemetry/declarations.py."""
    rows = (
        (
            f"`{metric.name}`",
            metric.type,
            metric.unit,
            ", ".join(f"`{label}`" for label in metric.labels),
            metric.shown_by,
            metric.sentence,
        )
        for metric in DECLARATIONS
    )
    return _page(
        "Metrics",
        "monitoring/telemetry/declarations.py",
        "A worker of the role score or drift shows its own at `/metrics`; the snapshot job shows"
        " the others. What a drift gauge says of a horizon is absent, not 0, while there are too"
        " few leads.",
        ("metric", "type", "unit", "labels", "shown by", "meaning"),
        rows,
    )


def errors_page() -> str:
    """Every error code of a dead letter, and every reason of a failed load."""
    dead_letters = _page(
        "Error codes",
        "schemas/errors.py",
        "Why a lead became a dead letter: the header `leadscore.error.code` of the dead letter and"
        " the label `code` of its metric.",
        ("code", "meaning"),
        _members(ErrorCode),
    )
    failures = _table(("reason", "meaning"), _members(LoadFailure))
    return (
        f"{dead_letters}\n## Failed model loads\n\nWhy a model could not be loaded: the label"
        f" `reason` of `leadscore_model_load_failures_total`.\n\n{failures}\n"
    )


def _members(codes: type[StrEnum]) -> Iterable[tuple[str, str]]:
    meanings = _member_docstrings(codes)
    return ((f"`{code}`", meanings[code.name]) for code in codes)


PAGES = {
    "settings.md": settings_page,
    "topics.md": topics_page,
    "rights.md": rights_page,
    "metrics.md": metrics_page,
    "errors.md": errors_page,
}


def _page(
    title: str, source: str, text: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]
) -> str:
    table = _table(head, rows)
    return (
        f"<!-- Made by `make docs` from {source}: edit that. -->\n# {title}\n\n{text}\n\n{table}\n"
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _default(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, tuple):
        return f"`{','.join(map(str, value))}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _takes(schema: Mapping[str, Any]) -> str:
    """Say in words what a JSON schema allows."""
    choices = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    [schema] = choices
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    words = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
    formats = {"path": "path", "password": "secret"}
    what = words.get(schema["type"]) or formats.get(schema.get("format", ""), "text")
    return f"{what}{_bounds(schema)}"


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']:g}"
    if high is not None:
        return f" from {low:g} to {high:g}" if high < 1e6 else f" from {low} to {high}"
    return f" from {low}" if low is not None else ""


def _member_docstrings(enum: type) -> dict[str, str]:
    """Read the docstring under each member of an enum."""
    [declared] = ast.parse(inspect.getsource(enum)).body
    assert isinstance(declared, ast.ClassDef)
    meanings = {}
    for member, below in pairwise(declared.body):
        match member, below:
            case ast.Assign(targets=[ast.Name(name)]), ast.Expr(ast.Constant(str(text))):
                meanings[name] = text
    return meanings


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
