"""Write the reference pages from the declarations: `make docs` runs it, a test checks its result.

A page is a function that returns Markdown and an entry of ``PAGES``.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings

from monitoring.telemetry.declarations import DECLARATIONS
from schemas.errors import ErrorCode, LoadFailure
from stream.kafka.access import Operation, Use
from stream.kafka.declared_rights import RESOURCES
from stream.kafka.topic_catalog import TOPICS
from stream.settings import GROUPS, Settings, variable_of

FOLDER = Path(__file__).parent
SCORED = FOLDER.parent / "schemas/lead_scored.avsc"


def settings_page() -> str:
    """Return the page of every environment variable."""
    described = Settings.model_json_schema(by_alias=False)["properties"]

    def rows(group: type[BaseSettings]) -> Iterable[tuple[str, ...]]:
        for name, declared in group.model_fields.items():
            yield (
                f"`{variable_of(name)}`",
                _default(declared.get_default(call_default_factory=True, validated_data={})),
                _takes(described[name]),
                declared.description or "",
            )

    return _page(
        "Settings",
        "stream/settings/",
        "All settings are environment variables; an empty one counts as not set. Kafka's address is"
        " also read from `KAFKA_BOOTSTRAP_SERVERS`. An invalid value ends the program with exit"
        " code 3 and a message that names the variable. A worker logs the values in force when it"
        " starts, with passwords masked.",
        ("variable", "default", "takes", "meaning"),
        {(inspect.getdoc(group) or "").removesuffix("."): rows(group) for group in GROUPS},
    )


def topics_page() -> str:
    """Return the page of every topic."""
    defaults = Settings.model_construct()
    rows = (
        (
            f"`{topic.name(defaults)}`",
            topic.purpose,
            topic.key,
            topic.value,
            "as the source" if topic.follows_source else "1",
            "<br>".join(f"`{name}={value}`" for name, value in topic.configs.items()),
            _workers(topic.rights) or _command(topic.rights) or "none yet",
        )
        for topic in TOPICS
    )
    return _page(
        "Topics",
        "stream/kafka/topic_catalog.py",
        "`leadscore topics create` creates the missing topics, `leadscore topics check` reports"
        " what is wrong. A worker creates no topic, and refuses to start without the topics of its"
        " role or without its [rights](rights.md) on them. Names and their prefix are"
        " [settings](settings.md).",
        ("topic", "purpose", "key", "value", "partitions", "settings", "needed by role"),
        rows,
    )


def rights_page() -> str:
    """Return the page of every right in Kafka."""
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
        " them as commands of `kafka-acls.sh`, or as NDJSON with `--json`, for the names in your"
        " settings and the user of `LEADSCORE_SASL_USERNAME` or `--principal`. Role `all` needs the"
        " rights of `score` and of `drift`. A worker and `leadscore topics check` check all rights"
        " of their role at the start; a missing one ends them with exit code 3 and a message that"
        " names user, operation and resource. `leadscore topics create` needs Create and Describe"
        " on each of the [topics](topics.md), or Create on the cluster and Describe on the topics."
        " Brokers before Kafka 2.8 also require IdempotentWrite on the cluster for every"
        " producer. For another group, `leadscore lag` needs Describe on it and Read on its"
        " topics.\n\n"
        "Optional rights:\n\n"
        "- Describe on the workers' group and Read on the scored leads: a replay yields to the"
        " workers. To write into the workers' topics (`--into-live`) or another topic (`--out`) it"
        " needs Create and Write there.\n"
        "- DescribeConfigs on the topics of leads, scored leads, dead letters, shadow scores and"
        " outcomes: an erasure learns what ages out when; Write on those that are compacted, for"
        " its tombstones.\n"
        "- Read on the shadow's scores and on topics that begin with `leads.rescored.`: `leadscore"
        " explain` explains a score at a place in them; Read on the plans of replays: it knows the"
        " ages of a rescore.\n"
        "- Describe on the cluster: a worker, and `leadscore lag`, learn Kafka's time.\n"
        "- Read on the topics of scored leads and dead letters: a new owner of a partition finds"
        " how far the previous owner got with another model,"
        " and whether a missing commit was deleted. Without it, and with"
        " `LEADSCORE_FOREIGN_COMMITS=stop`, a worker that finds no commit ends with exit code 3.\n"
        "- DescribeConfigs on the topics of scored leads, dead letters, partials and reports: a"
        " worker learns their size limits. Without it, records of up to 1,000,000 bytes are assumed"
        " to fit, and larger ones are found when the broker refuses them.\n"
        "- DescribeConfigs on the topic of leads: a worker warns of [batches that are too"
        " large](operations.md#batches-that-are-too-large).",
        ("resource", "name", *RIGHTS_COLUMNS),
        rows,
    )


RIGHTS_COLUMNS = {
    "score": (Use.SCORE, Use.COUNT),
    "score, exactly once, also": (Use.TRANSACT,),
    "drift": (Use.DRIFT,),
    "shadow": (Use.SHADOW,),
    "shadow, exactly once, also": (Use.SHADOW_TRANSACT,),
    "archive": (Use.ARCHIVE,),
    "trainer": (Use.TRAIN,),
    "outcomes": (Use.OUTCOMES,),
    "outcomes, with timers, also": (Use.TIMERS,),
    "rollout": (Use.ROLLOUT,),
    "sink": (Use.SINK,),
    "sink of leads": (Use.SINK_LEADS,),
    "sink of overdue leads": (Use.SINK_OVERDUE,),
    "sink --redrive": (Use.SINK_REDRIVE,),
    "produce": (Use.PRODUCE,),
    "produce --outcomes, also": (Use.PRODUCE_OUTCOMES,),
    "serve": (Use.SERVE,),
    "snapshot": (Use.SNAPSHOT,),
    "replay": (Use.REPLAY,),
    "retrain": (Use.RETRAIN,),
    "diff": (Use.DIFF,),
    "diff --with-outcomes, also": (Use.DIFF_OUTCOMES,),
    "models verdict": (Use.VERDICT,),
    "models bands": (Use.BANDS,),
    "explain": (Use.EXPLAIN,),
    "erase": (Use.ERASE,),
    "drift status": (Use.STATUS,),
    "quality": (Use.QUALITY,),
    "dlq": (Use.DLQ,),
    "dlq redrive": (Use.REDRIVE,),
    "dlq purge": (Use.PURGE,),
    "lag": (Use.LAG,),
}


def _operations(rights: Mapping[Use, tuple[Operation, ...]], uses: tuple[Use, ...]) -> str:
    return ", ".join(operation.title for use in uses for operation in rights.get(use, ()))


def _workers(rights: Mapping[Use, tuple[Operation, ...]]) -> str:
    roles = {Use.SCORE: "score", Use.COUNT: "score, unless `LEADSCORE_DRIFT=false`"}
    roles |= {Use.DRIFT: "drift", Use.SHADOW: "shadow", Use.ARCHIVE: "archive"}
    roles |= {Use.OUTCOMES: "outcomes", Use.TRAIN: "trainer", Use.ROLLOUT: "rollout"}
    roles |= {Use.SINK: "sink", Use.SINK_LEADS: "sink of leads"}
    roles |= {Use.TIMERS: "outcomes, if `LEADSCORE_HOT_MINUTES` or `…SPEED_TO_LEAD_MINUTES` is set"}
    roles |= {Use.SINK_OVERDUE: "sink of overdue leads"}
    return ", ".join(role for use, role in roles.items() if use in rights)


def _command(rights: Mapping[Use, tuple[Operation, ...]]) -> str:
    """Return the command that needs a topic that no role needs."""
    names = {Use.REDRIVE: "dlq redrive", Use.REPLAY: "replay"}
    return next((f"none; `leadscore {name}`" for use, name in names.items() if use in rights), "")


def metrics_page() -> str:
    """Return the page of every metric."""
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
        "monitoring/telemetry/declarations/",
        "A worker exposes the metrics of its role at `/metrics`; a sink those marked so and the"
        " ones of its source (`leadscore_records_consumed_total`, `leadscore_rebalances_total`,"
        " `leadscore_losses_total`, `leadscore_lost_records_total`, lag, commit age, assigned and"
        " stuck partitions, bytes in flight, event loop hold, readiness); the snapshot job, a"
        " replay, the exporters `leadscore lag --port` and `leadscore quality --port` and"
        " `leadscore serve` those marked so, and"
        " `leadscore serve` also those of the model and `leadscore_ready`. While"
        " a horizon has too few leads, its drift gauges are absent, not 0.",
        ("metric", "type", "unit", "labels", "exposed by", "meaning"),
        rows,
    )


def errors_page() -> str:
    """Return the page of every error code, and of every reason of a failed load."""
    dead_letters = _page(
        "Error codes",
        "schemas/errors.py",
        "Why a record became a dead letter: the header `leadscore.error.code` of the dead letter"
        " and the label `code` of the metric `leadscore_dead_letters_total`.",
        ("code", "meaning"),
        _members(ErrorCode),
    )
    failures = _table(("reason", "meaning"), _members(LoadFailure))
    return (
        f"{dead_letters}\n## Failed model loads\n\nWhy a model could not be loaded: the label"
        f" `reason` of `leadscore_model_load_failures_total`.\n\n{failures}\n"
    )


def scored_event_page() -> str:
    """Return the page of every field of a scored event."""
    return _page(
        "The scored event",
        "schemas/lead_scored.avsc",
        "`leads.scored` has one event per lead that was scored, in the partition number that the"
        " lead came from, with the lead's key. The value is Avro in single-object encoding (`C3"
        " 01`, 8 bytes of schema fingerprint, then the record), or JSON with the same names where"
        " `LEADSCORE_OUTPUT_FORMAT=json`. [How to read it](guide.md#5-read-scores).",
        ("field", "type", "meaning"),
        _fields(json.loads(SCORED.read_text(encoding="utf-8")), ""),
    )


def _fields(record: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, str, str]]:
    """Yield the rows of a record's fields, those of nested records after their own."""
    for field in record["fields"]:
        name = f"{prefix}{field['name']}"
        match field["type"]:
            case {"type": "array", "items": {"type": "record"} as items}:
                yield f"`{name}`", f"array of {items['name']}", field["doc"]
                yield from _fields(items, f"{name}[].")
            case {"type": "record"} as nested:
                yield f"`{name}`", "record", field["doc"]
                yield from _fields(nested, f"{name}.")
            case {"logicalType": logical, "type": primitive}:
                yield f"`{name}`", f"{primitive} ({logical})", field["doc"]
            case list() as branches:
                yield f"`{name}`", " or ".join(map(str, branches)), field["doc"]
            case primitive:
                yield f"`{name}`", str(primitive), field["doc"]


def _members(codes: type[StrEnum]) -> Iterable[tuple[str, str]]:
    meanings = _member_docstrings(codes)
    return ((f"`{code}`", meanings[code.name]) for code in codes)


PAGES = {
    "settings.md": settings_page,
    "topics.md": topics_page,
    "rights.md": rights_page,
    "metrics.md": metrics_page,
    "errors.md": errors_page,
    "scored-event.md": scored_event_page,
}


def _page(
    title: str,
    source: str,
    text: str,
    head: tuple[str, ...],
    rows: Iterable[tuple[str, ...]] | Mapping[str, Iterable[tuple[str, ...]]],
) -> str:
    """Return a page of one table, or of one for each section."""
    table = (
        "\n\n".join(f"## {section}\n\n{_table(head, its)}" for section, its in rows.items())
        if isinstance(rows, Mapping)
        else _table(head, rows)
    )
    return (
        f"<!-- Made by `make docs` from {source}: edit that. -->\n# {title}\n\n{text}\n\n{table}\n"
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _default(value: Any) -> str:
    if value in (None, "", (), {}):
        return ""
    if isinstance(value, tuple):
        return f"`{','.join(map(str, value))}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _takes(schema: Mapping[str, Any]) -> str:
    """Return in words what a JSON schema allows."""
    choices = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    [schema] = choices
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    words = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
    formats = {"path": "path", "password": "secret"}
    what = words.get(schema["type"]) or formats.get(schema.get("format", ""), "text")
    return f"{what}{_bounds(schema)}"


TECHNICAL = 1e8
"""Bounds from here on protect arithmetic (ten years of seconds, 32 bits) and are not shown."""


def _bounds(schema: Mapping[str, Any]) -> str:
    schema = {name: bound for name, bound in schema.items() if not _is_technical(bound)}
    match schema:
        case {"minimum": low, "maximum": high}:
            return f" from {low:g} to {high:.12g}"
        case {"minimum": low, "exclusiveMaximum": high}:
            return f" from {low:g}, below {high:g}"
        case {"exclusiveMinimum": low, "maximum": high}:
            return f" above {low:g}, at most {high:.12g}"
        case {"exclusiveMinimum": low, "exclusiveMaximum": high}:
            return f" above {low:g}, below {high:g}"
        case {"minimum": low}:
            return f" from {low:g} on"
        case {"exclusiveMinimum": low}:
            return f" above {low:g}"
    return ""


def _is_technical(bound: object) -> bool:
    return isinstance(bound, int | float) and bound >= TECHNICAL


def _member_docstrings(enum: type) -> dict[str, str]:
    """Return the docstring of each member of an enum, by its name."""
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
