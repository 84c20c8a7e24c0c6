import io

import pytest
from rich.console import Console

from agents.quality.reported_quality import ReportedQuality
from stream.cli.quality_options import chosen_quality
from stream.cli.quality_screen import quality_screen
from tests.unit.agents.quality.quality_reports import report
from tests.unit.stream.cli.shown_reports import reported


def screen(
    width: int = 80, *, of: ReportedQuality | None = None, field: str | None = "country"
) -> list[str]:
    found = chosen_quality(of or reported(), None, version=None, weeks=12, field=field)
    assert found is not None
    out = io.StringIO()
    Console(file=out, width=width).print(quality_screen(found, "leads.scored"))
    return out.getvalue().splitlines()


def row(lines: list[str], start: str) -> str:
    return next(line for line in lines if line.startswith(start))


def test_figures_stand_beside_those_of_the_weeks_before() -> None:
    lines = screen(100)
    assert lines[0].strip() == "Model leads 7 (abababababab), scores of leads.scored"
    assert "2027-W03 to 2027-W06" in lines[2]
    assert row(lines, "known outcomes").split() == ["known", "outcomes", "1,200", "600"]
    assert row(lines, "  estimated").count("if calibration holds") == 2
    assert row(lines, "calibration error").count("by chance") == 2


def test_the_verdict_says_what_is_wrong_and_what_to_do() -> None:
    text = " ".join(" ".join(screen()).split())
    assert "Drift concept" in text
    assert "12.5 points above what their scores promised (before: +1.0)." in text
    assert "train on recent outcomes" in text


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_and_only_the_name_of_a_segment_is_cut(width: int) -> None:
    lines = screen(width)
    assert max(map(len, lines)) <= width
    assert row(lines, "week").split()[-2:] == ["estimated", "calibration"]
    assert row(lines, "country").split()[-2:] == ["AUC", "gap"]
    assert row(lines, "United").split()[-1][0] in "+-"
    assert sum("…" in line for line in lines) == (width == 80)


def test_weeks_without_outcomes_have_only_the_estimate() -> None:
    last = row(screen(), "2027-W07").split()
    assert last[:6] == ["2027-W07", "0", "300", "-", "-", "-"]
    assert float(last[6]) > 0.5


def test_bands_have_their_money_by_currency() -> None:
    high = row(screen(120), "High")
    assert " EUR, " in high
    assert high.rstrip().endswith("USD")


def test_a_model_without_known_outcomes_has_one_column() -> None:
    alone = ReportedQuality("leads.scored")
    alone.take(report(leads=40, unknown=1.0))
    lines = screen(of=alone, field=None)
    assert lines[2].strip() == "all weeks"
    assert "Too few outcomes for a verdict: 0 are known, it takes 200." in "\n".join(lines)


def test_control_characters_of_names_do_not_reach_the_terminal() -> None:
    from agents.quality.quality_report import Segment

    hostile = reported()
    hostile.take(report(week=5, segment=Segment("country", "\x1b[31mred[/]")))
    text = "\n".join(screen(120, of=hostile))
    assert "\x1b" not in text
    assert "red[/]" in text
