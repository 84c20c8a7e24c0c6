"""A worker's log lines at a terminal: a label, then a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from logging import LogRecord
from typing import Any

from stream.settings import Settings, variable_of

__all__ = ["LABEL", "lines_of"]

LABEL = 11
SHOWN = {
    "role",
    "archive",
    "sink",
    "sink_content",
    "sink_name",
    "sink_to",
    "kafka_bootstrap_servers",
    "security_protocol",
    "sasl_username",
    "topic_prefix",
    "group_id",
    "registry",
    "model",
    "output_format",
    "delivery",
    "http_host",
    "http_port",
    "log_format",
    "uvloop",
}
"""Settings that other lines show already, or that are not worth a line."""
TOPICS = "leads_"
"""How settings of topics begin: a worker's are in lines of their own, others do not concern it."""

Line = tuple[str, str]
"""A label and its text."""


def lines_of(record: LogRecord) -> Sequence[Line] | None:
    """Return the lines for a log record; None if it has no special form.

    Parameters
    ----------
    record
        A record that a worker logs at the start, each minute or at the end; without the expected
        fields it has no special form.
    """
    lines = LINES.get(str(record.msg)) if record.name.startswith("stream.") else None
    return None if lines is None else lines(vars(record))


def _settings(given: Mapping[str, Any]) -> Sequence[Line]:
    settings = given["settings"]
    role = settings["role"]
    lines = [
        ("LeadScore", f"{version('leadscore')}, worker, role {role}, process {os.getpid()}"),
        ("Kafka", _kafka(settings)),
    ]
    for part in ("score", "drift") if role == "all" else (role,):
        lines += FLOWS[part](settings)
    if others := _others(settings):
        lines.append(("Settings", ", ".join(others)))
    return lines


def _score_flow(settings: Mapping[str, Any]) -> Sequence[Line]:
    outputs = [
        f"{settings['leads_scored']} ({settings['output_format']})",
        settings["leads_created_dlq"],
        *([settings["leads_drift_partials"]] if settings["drift"] else []),
    ]
    delivery = ("Delivery", _delivery(settings))
    return *_flow(settings, "leads_created", "", ", ".join(outputs)), delivery


def _shadow_flow(settings: Mapping[str, Any]) -> Sequence[Line]:
    scored = f"{settings['leads_scored_shadow']} ({settings['output_format']})"
    outputs = f"{scored}, {settings['leads_scored_shadow_dlq']}"
    delivery = ("Delivery", _delivery(settings))
    return *_flow(settings, "leads_created", "-shadow", outputs), delivery


def _sink_flow(settings: Mapping[str, Any]) -> Sequence[Line]:
    content = settings["sink_content"]
    name = settings["sink_name"] or f"{settings['sink']}-{content}"
    topic = {"scores": "leads_scored", "leads": "leads_created"}.get(content, "leads_overdue")
    target = f"{content} to {settings['sink_to']} ({settings['sink']})"
    return _flow(settings, topic, f"-sink-{name}", target)


def _flow(settings: Mapping[str, Any], topic: str, group: str, outputs: str) -> Sequence[Line]:
    """Return the lines of a role: its topic, the end of its group's name, what it writes."""
    reads = f"{settings[topic]}, group {settings['group_id']}{group}"
    return ("Reads", reads), ("Writes", outputs)


FLOWS: Mapping[str, Callable[[Mapping[str, Any]], Sequence[Line]]] = {
    "score": _score_flow,
    "shadow": _shadow_flow,
    "sink": _sink_flow,
    "drift": lambda s: _flow(s, "leads_drift_partials", "-drift", s["leads_drift"]),
    "archive": lambda s: _flow(s, "leads_created", "-archive", s["archive"]),
    "trainer": lambda s: _flow(
        s, "leads_retrain", "-trainer", f"{s['leads_retrains']}, models in {s['registry']}"
    ),
    "outcomes": lambda s: _flow(s, "leads_scored", "-outcomes", s["leads_quality"]),
    "rollout": lambda s: _flow(
        s, "leads_models", "-rollout", f"{s['leads_models']}, aliases in {s['registry']}"
    ),
}
"""Returns the lines on what a role reads and writes."""


def _kafka(settings: Mapping[str, Any]) -> str:
    user = f", user {settings['sasl_username']}" if settings["sasl_username"] else ""
    return f"{settings['kafka_bootstrap_servers']} ({settings['security_protocol']}{user})"


def _delivery(settings: Mapping[str, Any]) -> str:
    if settings["delivery"] == "exactly_once":
        return f"exactly once, a transaction each {settings['transaction_interval_ms']:g} ms"
    return f"at least once, a commit each {settings['commit_interval_seconds']:g} s"


def _others(settings: Mapping[str, Any]) -> list[str]:
    """Return the settings that differ from their defaults and are not shown elsewhere."""
    defaults = Settings.model_construct().model_dump(mode="json")
    return [
        f"{variable_of(name)}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in settings.items()
        if name not in SHOWN and not name.startswith(TOPICS) and value != defaults.get(name)
    ]


def _listening(given: Mapping[str, Any]) -> Sequence[Line]:
    at = f"http://{given['host']}:{given['port']}"
    return [("HTTP", f"{at}/readyz, /healthz, /metrics, /model-info")]


def _model(given: Mapping[str, Any]) -> Sequence[Line]:
    model = given["model"]
    text = f"{model['name']}/{model['version']}, {model['engine']}, sha256 {model['sha256'][:8]}"
    if thresholds := model.get("thresholds"):
        bands = f"High from {thresholds['high']:.3g}, Medium from {thresholds['medium']:.3g}"
        text += f"; {len(model['fields'])} fields; {bands}"
    return [("Model", text)]


def _partitions(given: Mapping[str, Any]) -> Sequence[Line]:
    numbers = given["partitions"]
    return [("Partitions", _ranges(numbers) if numbers else "none: other workers have them all")]


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers as ranges: 0-3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _ready(given: Mapping[str, Any]) -> Sequence[Line]:
    return [("Ready", f"after {given['seconds']:.1f} s; Ctrl-C stops it")]


def _not_ready(given: Mapping[str, Any]) -> Sequence[Line]:
    return [("Not ready", "; ".join(given["reasons"]))]


def _dead_letters(given: Mapping[str, Any]) -> Sequence[Line]:
    place = f"{given['topic']}-{given['partition']} at offset {given['offset']}"
    lead = f" (lead {given['lead']})" if "lead" in given else ""  # its keyed hash
    text = f"{given['records']:,} {given['code']}, such as {place}{lead}: {given['reason']}"
    return [("Dead", text)]


def _progress(given: Mapping[str, Any]) -> Sequence[Line]:
    lag = f"lag {given['lag_records']:,}"
    if given["lag_records"]:
        lag += f" ({_span(given['lag_seconds'])})"
    rate = f"{given['records_per_second']:,.0f} leads/s"
    return [("", f"{rate:>14}   {lag:<16} {_outcome(given)}")]


def _stopping(given: Mapping[str, Any]) -> Sequence[Line]:
    text = f"{given['signal']}: finishing the batches in flight; a second one ends it at once"
    return [("Stopping", text)]


def _totals(given: Mapping[str, Any]) -> Sequence[Line]:
    text = f"after {_span(given['seconds'])}: {given['records']:,} records read, {_outcome(given)}"
    if given["unfinished"] > 0:
        text += f"; {given['unfinished']:,} were not finished: the next worker reads them again"
    return [("Stopped", text)]


def _drift_progress(given: Mapping[str, Any]) -> Sequence[Line]:
    lag = given["lag_partials"]
    shown = "lag not known" if lag is None else f"lag {_counted(lag, 'partial')}"
    windows = _counted(given["windows"], "window")
    return [("", f"{windows:>14}   {shown:<16} {given['standing']}; {_reported(given)}")]


def _drift_totals(given: Mapping[str, Any]) -> Sequence[Line]:
    text = (
        f"after {_span(given['seconds'])}: {_counted(given['partials'], 'partial')} read,"
        f" {_counted(given['windows'], 'window')} closed, {_reported(given)}"
    )
    if given["unfinished"] > 0:
        text += f"; {given['unfinished']:,} were not finished: the next worker reads them again"
    return [("Stopped", text)]


def _reported(given: Mapping[str, Any]) -> str:
    return ", ".join(
        (
            _counted(given["reports"], "report"),
            _counted(given["alarms"], "alarm"),
            _counted(given["late_leads"], "late lead"),
        )
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _outcome(given: Mapping[str, Any]) -> str:
    text = f"{given['scored']:,} scored"
    if given["low_coverage"]:
        text += f" ({given['low_coverage']:,} of them with too few fields)"
    if dead := given["dead_letters"]:
        codes = ", ".join(f"{records:,} {code}" for code, records in dead.items())
        text += f", {sum(dead.values()):,} dead letters ({codes})"
    if given["dropped"]:
        text += f", {given['dropped']:,} dropped"
    return text


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


LINES: Mapping[str, Callable[[Mapping[str, Any]], Sequence[Line]]] = {
    "settings": _settings,
    "listening": _listening,
    "model": _model,
    "partitions assigned": _partitions,
    "ready": _ready,
    "not ready": _not_ready,
    "dead letters": _dead_letters,
    "progress": _progress,
    "stopping": _stopping,
    "totals": _totals,
    "drift progress": _drift_progress,
    "drift totals": _drift_totals,
}
"""Functions by the record's message."""
