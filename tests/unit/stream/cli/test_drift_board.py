"""The screen of `leadscore drift status`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.errors import InputError
from stream.cli.drift_board import chosen_horizon, report_line
from tests.unit.stream.cli.test_drift_screen import console, shown
from tests.unit.stream.drift.drift_made import (
    DAY,
    END,
    FIELDS,
    MODEL,
    WINDOW,
    alarm,
    field,
    horizon,
    read,
    report,
    too_few,
)

MANY = (*(field(f"number_{i}", i / 100) for i in range(20)), FIELDS[-1])


def test_the_status_has_the_verdict_and_the_advice() -> None:
    said = " ".join(" ".join(line.split()) for line in shown(report()))
    assert "Model bank/1 (3f3f3f3f3f3f) leads.created" in said
    assert "Window 2026-05-28 20:25 to 20:30 UTC, 412 leads, reported 60 s ago" in said
    assert "Horizons 5m too few 1h critical 24h critical" in said
    assert "24h 123,456 leads, critical: 3 of 5 fields drifted, 40% by importance" in said
    scores = "Scores mean 6.0% is out of the healthy range, their distribution has drifted;"
    assert f"{scores} coverage 98.0%" in said
    assert "Diagnosis Covariate and prediction: Leads and scores" in said
    assert "(docs/runbook.md#covariate_and_prediction)" in said
    assert "overdue" not in said


def test_where_all_is_well_it_says_so() -> None:
    well = horizon(
        "24h",
        *(field("age", 0.01), field("score", 0.01)),
        state="ok",
        is_engagement_healthy=True,
        is_prediction_drift=False,
        weighted_share=None,
        diagnosis="stable",
    )
    said = " ".join(" ".join(line.split()) for line in shown(report(well)))
    assert "ok: 0 of 1 fields drifted Scores mean 6.0% is in the healthy range; coverage" in said
    assert "Stable: " in said


def test_the_longest_horizon_with_enough_leads_is_shown_unless_another_is_named() -> None:
    window = read(report(horizon("5m"), horizon("1h"), too_few("24h")))
    assert chosen_horizon(window, None)["name"] == "1h"
    assert chosen_horizon(window, "5m")["name"] == "5m"
    assert chosen_horizon(read(report(too_few("5m"), too_few("1h"))), None)["name"] == "1h"
    with pytest.raises(InputError, match=r"\(5m, 1h, 24h\), not '7d'"):
        chosen_horizon(window, "7d")


def test_no_field_is_shown_for_too_few_leads() -> None:
    said = shown(report(), name="5m")
    assert "5m        412 leads, too few leads to assess drift: see a longer horizon" in said
    assert not any(line.startswith(("field", "Scores", "Diagnosis")) for line in said)


def test_too_few_leads_in_the_longest_horizon_are_to_be_waited_for() -> None:
    said = shown(report(too_few("5m"), too_few("1h")))
    assert any(line.endswith("too few leads to assess drift: wait for more") for line in said)


def test_a_report_that_does_not_come_is_missed() -> None:
    said = " ".join(" ".join(line.split()) for line in shown(report(), now=END + 2 * DAY))
    assert (
        "reported 47 h ago: the next is overdue. Check the producers and the drift worker" in said
    )


def test_no_report_is_a_sentence() -> None:
    said = " ".join(shown())
    assert "leads.drift has no report of a window yet." in said
    assert "`leadscore worker --role drift`" in said


ALARMS = [alarm(f"number_{n}", end=END - (6 - n) * WINDOW) for n in range(7)]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (100, 30)])
def test_it_fits_the_screen(width: int, height: int) -> None:
    on = console(width, height)
    said = shown(report(too_few(), horizon("24h", *MANY)), *ALARMS, on=on)
    assert len(said) < height
    assert max(map(len, said)) <= width
    assert any(line.startswith("score ") for line in said)
    assert sum(line.startswith("20:30") for line in said) == 1


def test_as_many_fields_are_shown_as_fit() -> None:
    assert "and" in {line.split(" ")[0] for line in shown(report(horizon("24h", *MANY)))}
    high = shown(report(horizon("24h", *MANY)), on=console(80, 60))
    assert sum(line.startswith("number_") for line in high) == 20
    asked = shown(report(horizon("24h", *MANY)), fields=20)
    assert sum(line.startswith("number_") for line in asked) == 20
    piped = shown(report(horizon("24h", *MANY)), on=console(is_terminal=False))
    assert sum(line.startswith("number_") for line in piped) == 20


def test_the_latest_alarms_are_listed_newest_first() -> None:
    said = shown(report(), *ALARMS)
    at = said.index(next(line for line in said if line.startswith("alarms")))
    assert [line.split()[:2] for line in said[at + 1 :]] == [
        ["20:30", "number_6"],
        ["20:25", "number_5"],
        ["20:20", "number_4"],
    ]
    assert "critical over 24h" in said[at + 1]
    assert "number_6:" not in said[at + 1]


def test_a_report_is_a_line() -> None:
    assert report_line(read(report()), None) == (
        "2026-05-28 20:30 bank/1 24h: 123,456 leads, critical: 3 of 5 fields drifted, 40% by"
        " importance"
    )
    few = report_line(read(report()), "5m")
    assert few.endswith("too few leads to assess drift: see a longer horizon")
    assert report_line(read(alarm("age")), None) == (
        "2026-05-28 20:30 bank/1 alarm by windowed: age: critical over 24h of 123,456 leads."
    )


HOSTILE = "a\x1b[2Jb\n\u202e"


def test_a_terminal_does_not_obey_what_a_report_says() -> None:
    odd = replace(MODEL, id=HOSTILE)
    window = report(horizon("24h", field(HOSTILE, 0.3, "warn"), FIELDS[-1]), model=odd)
    said = shown(window, alarm(HOSTILE), on=console(width=120))
    for line in (*said, report_line(read(window), None), report_line(read(alarm(HOSTILE)), None)):
        assert "\x1b" not in line
        assert "\u202e" not in line
        assert "\n" not in line
    assert r"Model     a\x1b[2Jb\n\u202e/1" in "\n".join(said)
