"""The lag of consumer groups as a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from schemas.display import for_terminal
from stream.lag.catch_up import NEVER
from stream.lag.figures import GroupLag, LagState

__all__ = ["lag_table", "shown_seconds", "summary"]

STATES = {
    LagState.CAUGHT_UP: ("caught up", "green"),
    LagState.BEHIND: ("behind", "yellow"),
    LagState.NO_COMMIT: ("no commit", "bold"),
    LagState.BEYOND_END: ("commit beyond the end", "bold red"),
}
UNKNOWN = "unknown"
UNITS = (("d", 86_400), ("h", 3600), ("min", 60))


def lag_table(lags: Sequence[GroupLag]) -> Table:
    """Return a table with a row for each partition.

    A name that all rows share, of the group or the topic, is in the title instead of a column.
    """
    names = {"group": [lag.group for lag in lags], "topic": [lag.topic for lag in lags]}
    shared = [f"{what} {each[0]}" for what, each in names.items() if len(set(each)) == 1]
    table = Table(
        title=Text(for_terminal(", ".join(shared))) if shared else None,
        title_justify="left",
        box=None,
        padding=(0, 1),
    )
    columns = {what: each for what, each in names.items() if len(set(each)) > 1}
    for name in columns:
        table.add_column(name, overflow="fold")
    for name in ("part", "committed", "end", "messages", "time", "in/s", "out/s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("catches up", justify="right")
    table.add_column("state")
    for row, lag in enumerate(lags):
        word, style = STATES[lag.state]
        if lag.expired:
            word = f"{word}, {lag.expired:,} expired"
        table.add_row(
            *(Text(for_terminal(each[row])) for each in columns.values()),
            str(lag.partition),
            "-" if lag.committed is None else str(lag.committed),
            str(lag.end),
            _messages(lag),
            UNKNOWN if lag.seconds is None else shown_seconds(lag.seconds),
            *_rates(lag),
            _eta(lag.eta),
            Text(word, style),
        )
    return table


def summary(lags: Sequence[GroupLag]) -> str:
    """Return the sum over all partitions as a sentence."""
    behind = [lag for lag in lags if lag.state is LagState.BEHIND]
    unknown = sum(lag.messages is None for lag in lags)
    if not behind:
        said = "caught up" if unknown < len(lags) else "lag unknown"
    else:
        messages = sum(lag.messages or 0 for lag in behind)
        oldest = max((lag.seconds for lag in behind if lag.seconds is not None), default=None)
        age = UNKNOWN if oldest is None else shown_seconds(oldest)
        mark = "" if all(lag.is_exact for lag in behind) else "at most "
        said = (
            f"{len(behind)} of {len(lags)} partitions behind: {mark}{messages:,} messages, the"
            f" oldest {age} old"
        )
    return f"{said}; {unknown} without a known lag" if unknown and unknown < len(lags) else said


def shown_seconds(seconds: float) -> str:
    """Return a duration in the unit that suits it.

    Examples
    --------
    >>> [shown_seconds(s) for s in (0.0, 0.25, 42.0, 150.0, 5400.0, 200_000.0)]
    ['0 s', '0.2 s', '42 s', '2.5 min', '1.5 h', '2.3 d']
    """
    for unit, size in UNITS:
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s" if 0 < seconds < 10 else f"{seconds:.0f} s"


def _messages(lag: GroupLag) -> str:
    if lag.messages is None:
        return UNKNOWN
    return f"{'' if lag.is_exact else '≤'}{lag.messages:,}"


def _rates(lag: GroupLag) -> tuple[str, str]:
    if lag.rates is None:
        return "-", "-"
    return f"{lag.rates.produced:,.1f}", f"{lag.rates.consumed:,.1f}"


def _eta(eta: float | None) -> str:
    if eta is None:
        return UNKNOWN
    if eta == NEVER:
        return "never at this rate"
    return f"in {shown_seconds(eta)}" if eta else "now"
