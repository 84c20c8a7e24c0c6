"""What the tables say, and that they fit the screens that people have."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console, RenderableType

from schemas.errors import InputError
from stream.cli.drift_board import DriftBoard, chosen_horizon, report_line
from stream.cli.drift_screen import PsiBar, as_date, drift_table
from stream.drift.status import DriftStatus
from tests.unit.stream.drift.drift_made import (
    DAY,
    END,
    FIELDS,
    MINUTE,
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


def console(width: int = 80, height: int = 24, *, is_terminal: bool = True) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=is_terminal,
        color_system=None,
        legacy_windows=False,
    )


def lines(what: RenderableType, on: Console | None = None) -> list[str]:
    on = on or console()
    with on.capture() as captured:
        on.print(what)
    return [line.rstrip() for line in captured.get().splitlines()]


def table(*fields: Any, width: int = 80, shown: int | None = None) -> list[str]:
    drifted = horizon("24h", *fields).record()
    return lines(drift_table(drifted, fields=shown), console(width))


def test_the_worst_field_comes_first_and_the_score_last():
    head, *rows = table()
    assert head.split() == [
        "field",
        "PSI",
        "KL",
        "test",
        "p",
        "missing",
        "unseen",
        "state",
        "since",
    ]
    names = [row.split()[0] for row in rows]
    assert names == ["euribor3m", "job", "education", "campaign", "age", "score"]


def test_a_row_says_how_far_how_sure_and_since_when():
    rows = {row.split()[0]: row.split() for row in table()[1:]}
    assert rows["euribor3m"][-6:] == ["ks", "<.001", "0", "-", "critical", "2026-05-25"]
    assert rows["job"][-6:] == ["chi2", ".420", "0", "+31.0%", "warn", "19:30"]
    assert rows["education"][-6:] == ["ks", ".420", "+31.0%", "-", "warn", "20:25"]
    assert rows["score"][-6:] == ["ks", ".004", "-", "-", "warn", "2026-05-26"]
    assert rows["age"][1:4] == ["0.03", "▎", "0.01"]


def test_fields_that_are_left_out_are_summed_up_the_worst_state_first():
    rows = table(shown=2)
    assert [row.split()[0] for row in rows[1:-1]] == ["euribor3m", "job", "score"]
    assert rows[-1] == "and 3 more: 1 warn, 2 ok"


def test_no_field_and_all_fields_can_be_shown():
    assert [row.split()[0] for row in table(shown=0)] == ["field", "score", "and"]
    assert table(shown=50) == table(shown=None)


def bar(psi: float, width: int, encoding: str = "utf-8") -> str:
    drift = horizon("24h", field("age", psi), FIELDS[-1]).record()["fields"][0]
    on = console()
    options = on.options.update(max_width=width)
    options.encoding = encoding
    [text] = PsiBar(drift).__rich_console__(on, options)
    return str(text)


def test_a_bar_is_psi_less_its_noise_a_third_of_it_the_warning():
    lengths = [bar(psi, 6) for psi in (0.0, 0.01, 0.26, 0.385, 0.51, 0.76, 9.0)]
    assert lengths == ["", "", "██", "███", "████", "██████", "██████"]
    assert bar(0.02, 6) == "▏"
    assert bar(0.26, 24) == "████████"


def test_a_terminal_without_block_characters_gets_hashes():
    assert bar(0.51, 6, "ascii") == "####"
    assert bar(0.02, 6, "ascii") == "#"


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_it_fits_and_names_are_whole(width: int):
    rows = table(field("cons_price_index", 12.34, "critical", missing=1.0), *FIELDS, width=width)
    assert rows[1].startswith("cons_price_index")
    assert rows[1].endswith("critical -")
    assert "+90.0%" in rows[1]
    assert max(map(len, rows)) <= width


def test_a_long_name_is_cut_and_nothing_else():
    [_, row, _] = table(field("a" * 60, 0.3, "warn", since=END - DAY), FIELDS[-1])
    assert row.startswith("aaaaaaaaaa")
    assert "…" in row
    assert row.endswith("2026-05-27")


def test_names_are_no_markup():
    [_, row, _] = table(field("[red]x", 0.3, "warn"), FIELDS[-1])
    assert row.startswith("[red]x ")


def test_what_is_not_known_is_a_dash():
    [head, *rows] = lines(drift_table(too_few().record(), fields=None))
    assert head.startswith("field")
    assert rows[0].split() == ["age", "-", "-", "ks", "-", "-", "-", "too", "few", "-"]


def test_a_time_of_the_last_day_is_its_hour():
    assert as_date(END, END) == "20:30"
    assert as_date(END - DAY + MINUTE, END) == "20:31"
    assert as_date(END - DAY, END) == "2026-05-27"


# The whole status


def status_of(*made: Any) -> DriftStatus:
    status = DriftStatus("leads.created")
    for one in made:
        status.take(read(one))
    return status


def shown(
    *made: Any,
    on: Console | None = None,
    name: str | None = None,
    fields: int | None = None,
    now: int = END + 2 * MINUTE,
) -> list[str]:
    on = on or console()
    board = DriftBoard(status_of(*made), "leads.drift", horizon=name, fields=fields)
    return lines(board.render(on, now), on)


def test_it_says_where_drift_stands_and_what_to_do():
    said = " ".join(" ".join(line.split()) for line in shown(report()))
    assert "Model bank/1 (3f3f3f3f3f3f) leads.created" in said
    assert "Window 2026-05-28 20:25 to 20:30 UTC, 412 leads, told 60 s ago" in said
    assert "Horizons 5m too few 1h critical 24h critical" in said
    assert "24h 123,456 leads, critical: 3 of 5 fields drifted, 40% by importance" in said
    scores = "Scores mean 6.0% is out of the healthy range, their distribution has drifted;"
    assert f"{scores} coverage 98.0%" in said
    assert "Diagnosis Covariate and prediction: Other leads come" in said
    assert "(docs/runbook.md#covariate_and_prediction)" in said
    assert "overdue" not in said


def test_where_all_is_well_it_says_so():
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


def test_the_longest_horizon_with_enough_leads_is_shown_unless_another_is_named():
    window = read(report(horizon("5m"), horizon("1h"), too_few("24h")))
    assert chosen_horizon(window, None)["name"] == "1h"
    assert chosen_horizon(window, "5m")["name"] == "5m"
    assert chosen_horizon(read(report(too_few("5m"), too_few("1h"))), None)["name"] == "1h"
    with pytest.raises(InputError, match=r"\(5m, 1h, 24h\), not '7d'"):
        chosen_horizon(window, "7d")


def test_of_too_few_leads_no_field_is_shown():
    said = shown(report(), name="5m")
    assert "5m        412 leads, too few leads to measure drift: see a longer horizon" in said
    assert not any(line.startswith(("field", "Scores", "Diagnosis")) for line in said)


def test_a_report_that_does_not_come_is_missed():
    said = " ".join(" ".join(line.split()) for line in shown(report(), now=END + 2 * DAY))
    assert "told 47 h ago: the next is overdue. Do leads come, does a drift worker run?" in said


def test_no_report_is_a_sentence():
    said = " ".join(shown())
    assert "leads.drift has no report of a window yet." in said
    assert "`leadscore worker --role drift`" in said


ALARMS = [alarm(f"number_{n}", end=END - (6 - n) * WINDOW) for n in range(7)]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (100, 30)])
def test_it_fits_the_screen(width: int, height: int):
    on = console(width, height)
    said = shown(report(too_few(), horizon("24h", *MANY)), *ALARMS, on=on)
    assert len(said) < height
    assert max(map(len, said)) <= width
    assert any(line.startswith("score ") for line in said)
    assert sum(line.startswith("20:30") for line in said) == 1


def test_as_many_fields_are_shown_as_fit():
    assert "and" in {line.split(" ")[0] for line in shown(report(horizon("24h", *MANY)))}
    high = shown(report(horizon("24h", *MANY)), on=console(80, 60))
    assert sum(line.startswith("number_") for line in high) == 20
    asked = shown(report(horizon("24h", *MANY)), fields=20)
    assert sum(line.startswith("number_") for line in asked) == 20
    piped = shown(report(horizon("24h", *MANY)), on=console(is_terminal=False))
    assert sum(line.startswith("number_") for line in piped) == 20


def test_the_latest_alarms_are_told_the_last_one_first():
    said = shown(report(), *ALARMS)
    at = said.index(next(line for line in said if line.startswith("alarms")))
    assert [line.split()[:2] for line in said[at + 1 :]] == [
        ["20:30", "number_6"],
        ["20:25", "number_5"],
        ["20:20", "number_4"],
    ]
    assert "critical over 24h" in said[at + 1]
    assert "number_6:" not in said[at + 1]


def test_a_report_is_a_line():
    assert report_line(read(report()), None) == (
        "2026-05-28 20:30 bank/1 24h: 123,456 leads, critical: 3 of 5 fields drifted, 40% by"
        " importance"
    )
    few = report_line(read(report()), "5m")
    assert few.endswith("too few leads to measure drift: see a longer horizon")
    assert report_line(read(alarm("age")), None) == (
        "2026-05-28 20:30 bank/1 alarm by windowed: age: critical over 24h of 123,456 leads."
    )


HOSTILE = "a\x1b[2Jb\n\u202e"


def test_a_terminal_does_not_obey_what_a_report_says():
    odd = replace(MODEL, id=HOSTILE)
    window = report(horizon("24h", field(HOSTILE, 0.3, "warn"), FIELDS[-1]), model=odd)
    said = shown(window, alarm(HOSTILE), on=console(width=120))
    for line in (*said, report_line(read(window), None), report_line(read(alarm(HOSTILE)), None)):
        assert "\x1b" not in line
        assert "\u202e" not in line
        assert "\n" not in line
    assert r"Model     a\x1b[2Jb\n\u202e/1" in "\n".join(said)
