"""Retention of the leads topic, and the disk that it takes."""

from __future__ import annotations

import sys
from datetime import timedelta

import click

from stream.cli.confirmation import stopped_by_ctrl_c
from stream.cli.options import DURATION
from stream.kafka.topic_catalog import SOURCE

__all__ = ["ask_retention", "disk_bytes", "estimate"]

DECLARED = timedelta(milliseconds=int(SOURCE.configs["retention.ms"]))
UNITS = ("B", "kB", "MB", "GB", "TB")


def ask_retention(rate: float, mean_size: int, *, asks: bool) -> timedelta:
    """Ask for the retention on a terminal; elsewhere return the declared one.

    Parameters
    ----------
    rate, mean_size
        See `disk_bytes`.
    asks
        Whether a question is allowed.
    """
    if not (asks and sys.stdin.isatty() and sys.stdout.isatty()):
        return DECLARED
    day = disk_bytes(timedelta(days=1), rate, mean_size)
    with stopped_by_ctrl_c():
        asked: timedelta = click.prompt(
            f"How long should leads be kept? A day takes {shown_bytes(day)} per replica at {rate:g}"
            f" leads/s of {mean_size} bytes",
            default=f"{DECLARED.days}d",
            type=DURATION,
            err=True,
        )
    return asked


def estimate(
    retention: timedelta, rate: float, mean_size: int, replication_factor: int | None
) -> str:
    """Return a sentence with the disk that the leads take.

    Parameters
    ----------
    retention, rate, mean_size
        See `disk_bytes`.
    replication_factor
        Replicas; None: the brokers' default, which is unknown here.
    """
    each = disk_bytes(retention, rate, mean_size)
    days = retention / timedelta(days=1)
    total = (
        ""
        if replication_factor is None
        else f", {shown_bytes(each * replication_factor)} with {replication_factor}"
    )
    return (
        f"leads are kept for {days:g} d: about {shown_bytes(each)} per replica{total}, at {rate:g}"
        f" leads/s of {mean_size} bytes"
    )


def disk_bytes(retention: timedelta, rate: float, mean_size: int) -> float:
    """Return the disk of one replica, in bytes.

    Parameters
    ----------
    retention
        How long leads are kept.
    rate
        Leads per second.
    mean_size
        Mean bytes of a lead as stored.

    Examples
    --------
    >>> disk_bytes(timedelta(days=7), 50.0, 400)
    12096000000.0
    """
    return retention.total_seconds() * rate * mean_size


def shown_bytes(count: float) -> str:
    """Return bytes in the decimal unit that suits them.

    Examples
    --------
    >>> [shown_bytes(n) for n in (12, 1500, 12_096_000_000, 5e15)]
    ['12 B', '1.5 kB', '12.1 GB', '5,000.0 TB']
    """
    unit = 0
    while count >= 1000 and unit < len(UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.0f} B" if unit == 0 else f"{count:,.1f} {UNITS[unit]}"
