"""Words that people give: settings, options of commands, names of encodings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import click
import orjson

from features.table_file import parse_table
from schemas.errors import InputError, StartupError
from schemas.store import SchemaStore
from schemas.urls import mask_url
from stream.cli.options import DURATION, MEMORY, MOMENT, RATE, SHARE, SPEED
from stream.settings import Settings, load_settings
from stream.simulator.lead_fields import lead_fields
from stream.simulator.shift import parse_shift
from tests.fuzz.target import Feed, Target
from tests.unit.small_model import contract

__all__ = ["OPTIONS", "SETTINGS"]


def _load(given: bytes) -> None:
    """Check lines of NAME=VALUE with names of settings."""
    fields: dict[str, str] = {}
    for line in given.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        if name in Settings.model_fields:
            fields[name] = value
    try:
        settings = load_settings(**fields)
    except StartupError:
        return
    orjson.dumps(settings.masked())
    assert settings.drift_window_ms > 0
    assert settings.drift_season_ms >= 0
    assert isinstance(settings.schema_folders, tuple)
    with suppress(StartupError):
        settings.kafka_client_options()


@contextmanager
def _settings() -> Iterator[Feed]:
    yield _load


def _settings_seeds() -> Sequence[bytes]:
    shown = load_settings().model_dump(mode="json")
    lines = [f"{name}={value}".encode() for name, value in shown.items() if value is not None]
    secured = b"security_protocol=SASL_SSL\nsasl_username=u\nsasl_password=p\nssl_cafile=/dev/null"
    seconds = (b"drift_window_seconds=1e308\ndrift_season_seconds=1e308",)
    return [*lines, b"\n".join(lines), secured, *seconds]


SETTINGS = Target("settings", _settings, _settings_seeds)


def _readers() -> Mapping[str, Callable[[str], object]]:
    fields = lead_fields(contract().avro)
    store = SchemaStore.load()
    kinds = {"rate": RATE, "share": SHARE, "speed": SPEED, "duration": DURATION, "memory": MEMORY}
    return {
        **{name: _of(kind) for name, kind in kinds.items()},
        "moment": _of(MOMENT),
        "shift": lambda text: parse_shift(text, fields),
        "encoding": lambda text: parse_table("a,b\nä,1\n".encode(), "leads.csv", text),
        "url": mask_url,
        "schema": store.by_name,
    }


def _of(kind: click.ParamType) -> Callable[[str], object]:
    return lambda text: kind.convert(text, None, None)


@contextmanager
def _options() -> Iterator[Feed]:
    readers = _readers()

    def feed(given: bytes) -> None:
        """Check ``KIND=TEXT``: an invalid option is refused with a message."""
        kind, _, text = given.decode("utf-8", "replace").partition("=")
        if kind in readers:
            with suppress(click.UsageError, InputError):
                readers[kind](text.replace("\0", ""))  # no argument of a process has it

    yield feed


def _options_seeds() -> Sequence[bytes]:
    texts = {
        "rate": ["50/s", "1e9", "nan"],
        "share": ["1%", "0.5"],
        "speed": ["1000x"],
        "duration": ["30m", "7d", "999999d"],
        "memory": ["512MiB", "2GiB"],
        "moment": ["2026-05-31T09:30", "2026-W01-1", "0001-01-01T00:00+23:59"],
        "shift": ["company_size=+10", "company_size=*1e308", "industry=retail", "industry="],
        "encoding": ["cp1252", "utf-16", "idna", "punycode", "undefined", "zlib", "mbcs"],
        "url": ["s3://key:secret@bucket/models?token=abc&region=eu"],
    }
    return [f"{kind}={text}".encode() for kind, given in texts.items() for text in given]


OPTIONS = Target("options", _options, _options_seeds, longest=256)
