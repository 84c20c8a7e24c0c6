"""Output of a worker on a terminal, from start to stop."""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import Any, get_args

from stream.drift.progress import DriftProgress, DriftTally
from stream.process.logging import _HumanFormatter
from stream.process.terminal_log import FLOWS
from stream.settings import Settings, load_settings
from tests.unit.stream.conftest import Show
from tests.unit.stream.drift.drift_made import horizon, too_few


def log(name: str, message: str, level: int = logging.INFO, **fields: Any) -> None:
    logging.getLogger(f"stream.{name}").log(level, message, extra=fields)


def test_the_start_says_what_it_reads_and_writes_and_no_dictionary(shown: Show) -> None:
    settings = load_settings(
        kafka_bootstrap_servers="kafka:9092",
        security_protocol="SASL_SSL",
        sasl_username="scorer",
        sasl_password="hush-hush",
        batch_max_records=500,
        topic_prefix="eu.",
    )
    log("app", "settings", settings=settings.masked())
    first, *lines = shown()
    assert re.fullmatch(r"LeadScore  [\d.]+, worker, role score, process \d+", first)
    assert lines == [
        "Kafka      kafka:9092 (SASL_SSL, user scorer)",
        "Reads      eu.leads.created, group eu.leadscore",
        "Writes     eu.leads.scored (avro), eu.leads.created.dlq, eu.leads.drift.partials",
        "Delivery   at least once, a commit each 1 s",
        "Settings   LEADSCORE_SASL_PASSWORD=***, LEADSCORE_BATCH_MAX_RECORDS=500",
    ]


def test_a_drift_worker_says_what_it_reads_and_writes(shown: Show) -> None:
    log("app", "settings", settings=load_settings(role="drift").masked())
    assert shown()[2:] == [
        "Reads      leads.drift.partials, group leadscore-drift",
        "Writes     leads.drift",
    ]


def test_an_archive_worker_says_what_it_reads_and_writes(shown: Show) -> None:
    log("app", "settings", settings=load_settings(role="archive", archive="/archive").masked())
    assert shown()[2:] == [
        "Reads      leads.created, group leadscore-archive",
        "Writes     /archive",
    ]


def test_a_trainer_says_what_it_reads_and_writes(shown: Show) -> None:
    log("app", "settings", settings=load_settings(role="trainer", registry="/models").masked())
    assert shown()[2:] == [
        "Reads      leads.retrain, group leadscore-trainer",
        "Writes     leads.retrains, models in /models",
    ]


def test_every_role_says_what_it_reads_and_writes(shown: Show) -> None:
    assert {*FLOWS, "all"} == set(get_args(Settings.model_fields["role"].annotation))
    log("app", "settings", settings=load_settings(role="outcomes", outcome_store="/s").masked())
    assert shown()[2:4] == [
        "Reads      leads.scored, group leadscore-outcomes",
        "Writes     leads.quality",
    ]


def test_ready_and_not_ready_stand_out_and_steps_of_services_do_not(shown: Show) -> None:
    log("app", "[^-App]: Starting...")
    log("service", "partitions assigned", partitions=[0, 1, 2, 5])
    log("monitor", "ready", seconds=2.34)
    log("monitor", "not ready", logging.WARNING, reasons=["Kafka does not answer"])
    assert shown() == [
        "Partitions 0-2, 5",
        "Ready      after 2.3 s; Ctrl-C stops it",
        "Not ready  Kafka does not answer",
    ]


def test_dead_letters_have_an_example(shown: Show) -> None:
    example = {"topic": "leads", "partition": 3, "offset": 42, "reason": "expected a number"}
    log("tally", "dead letters", logging.WARNING, code="TYPE", records=1200, **example)
    assert shown() == ["Dead       1,200 TYPE, such as leads-3 at offset 42: expected a number"]


def test_the_example_of_dead_letters_has_the_keyed_hash_of_its_lead(shown: Show) -> None:
    example: dict[str, object] = {
        "topic": "leads",
        "partition": 3,
        "offset": 42,
        "reason": "expected a number",
    }
    example |= {"lead": "5bdcc146", "code": "TYPE", "records": 1}
    log("tally", "dead letters", logging.WARNING, **example)
    assert shown() == [
        "Dead       1 TYPE, such as leads-3 at offset 42 (lead 5bdcc146): expected a number"
    ]


def test_a_stop_says_what_it_does(shown: Show) -> None:
    log("worker", "stopping", signal="SIGINT")
    assert shown() == [
        "Stopping   SIGINT: finishing the batches in flight; a second one ends it at once"
    ]


def test_on_a_terminal_long_lines_are_wrapped_beside_the_label() -> None:
    formatter = _HumanFormatter(has_colours=False, width=lambda: 40)
    record = logging.makeLogRecord(
        {"name": "stream.monitor", "msg": "not ready", "levelno": logging.WARNING}
        | {"reasons": ["Kafka at localhost:9092 does not answer"]}
    )
    assert formatter.format(record).splitlines() == [
        "Not ready  Kafka at localhost:9092 does",
        "           not answer",
    ]


def test_a_terminal_obeys_nothing_that_a_line_quotes(shown: Show) -> None:
    log("monitor", "not ready", logging.WARNING, reasons=["\x1b[2J\nReady"])
    assert shown() == [r"Not ready  \x1b[2J\nReady"]


def test_a_librarys_warning_is_shown_once_a_minute(shown: Show) -> None:
    """Faust warned of its buffer three times a second while old leads were counted."""
    for size in range(5):
        logging.getLogger("faust.transport").warning("producer buffer full size %r", size)
        logging.getLogger("faust.transport").error("an error")
        log("source", "a warning of ours", logging.WARNING)
    words = Counter(line.partition(": ")[2] for line in shown())
    assert words == {"producer buffer full size 0": 1, "an error": 5, "a warning of ours": 5}


def test_a_minute_of_the_drift_role_is_one_line(shown: Show) -> None:
    progress = DriftProgress(now=0.0)
    tally = DriftTally(partials=40, windows=3, alarms=1, late_leads=2)
    progress.report(59.0, tally, [], None)
    assert shown() == []
    progress.report(60.0, tally, [too_few("5m"), horizon("1h")], 12)
    progress.report(120.0, tally, [too_few("5m")], None)
    first, second = (line.split()[1:] for line in shown())  # the time goes first
    assert " ".join(first).startswith("3 windows lag 12 partials ")
    assert " fields drifted over 1h" in " ".join(first)
    assert " ".join(first).endswith("; 4 reports, 1 alarm, 2 late leads")
    assert " ".join(second) == (
        "0 windows lag not known too few leads to measure drift; 0 reports, 0 alarms, 0 late leads"
    )


def test_the_drift_role_ends_with_its_totals(shown: Show) -> None:
    DriftProgress(now=0.0).report_totals(61.0, DriftTally(40, 3, 1, 2), unfinished=5)
    assert shown() == [
        "Stopped    after 1 min 1 s: 40 partials read, 3 windows closed, 4 reports, 1 alarm, 2 late"
        " leads; 5 were not finished: the next worker reads them again"
    ]
