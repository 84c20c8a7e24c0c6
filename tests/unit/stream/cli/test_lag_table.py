"""The lag on a terminal: unknown is a word, and an upper bound is marked."""

from __future__ import annotations

from rich.console import Console

from stream.cli.lag_table import lag_table, shown_seconds, summary
from stream.lag.catch_up import Rates
from stream.lag.figures import Backlog, GroupLag, Offsets, lag_from

NOW = 1_790_000_000.0


def lag(
    committed: int | None, messages: int = 0, *, is_exact: bool = True, topic: str = "leads.scored"
) -> GroupLag:
    backlog = Backlog(messages, is_exact, int((NOW - 90) * 1000)) if messages else None
    return lag_from(("crm", topic, 0), Offsets(committed, 0, 100), backlog, NOW)


def shown(*lags: GroupLag, width: int = 200) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(lag_table(lags))
    return captured.get()


def test_a_row_says_how_late_a_partition_is_and_when_it_catches_up() -> None:
    title, _, row = shown(lag(60, 40).with_rates(Rates(6.0, 2.0))).splitlines()
    assert title.strip() == "group crm, topic leads.scored"
    assert row.split() == [
        *("0", "60", "100", "40", "1.5", "min", "2.0", "6.0", "in", "10", "s", "behind"),
    ]


def test_names_are_columns_where_the_rows_differ() -> None:
    title, names, first, second = shown(lag(60, 40), lag(100, topic="leads.created")).splitlines()
    assert title.strip() == "group crm"
    assert names.split()[:2] == ["topic", "part"]
    assert (first.split()[0], second.split()[0]) == ("leads.scored", "leads.created")


def test_no_figure_is_cut_on_a_terminal_of_80_columns() -> None:
    """Names of columns and figures were cut to `committ…`."""
    behind = lag(60, 40).with_rates(Rates(12_345.6, 12_345.6))
    text = shown(behind, lag(None), width=80)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_never_and_unknown_are_words() -> None:
    assert "never at this rate" in shown(lag(60, 40).with_rates(Rates(1.0, 1.0)))
    assert "no commit" in shown(lag(None))
    assert "nan" not in shown(lag(None), lag(500), lag(60, 40), lag(100)).lower()


def test_an_upper_bound_is_marked() -> None:
    assert "≤40" in shown(lag(60, 40, is_exact=False))
    assert "at most 40 messages" in summary([lag(60, 40, is_exact=False)])


def test_the_sum_over_partitions() -> None:
    assert summary([lag(100), lag(100)]) == "caught up"
    assert summary([lag(None)]) == "lag unknown"
    assert summary([lag(60, 40), lag(100), lag(None)]) == (
        "1 of 3 partitions behind: 40 messages, the oldest 1.5 min old; 1 without a known lag"
    )


def test_durations_have_a_unit_that_suits() -> None:
    found = [shown_seconds(seconds) for seconds in (0.0, 0.25, 42.0, 150.0, 5400.0, 200_000.0)]
    assert found == ["0 s", "0.2 s", "42 s", "2.5 min", "1.5 h", "2.3 d"]
