"""Make the data sets of this folder from their originals: see README.md beside this file.

python data/prepare.py bank bank-additional-full.csv
python data/prepare.py shoppers online_shoppers_intention.csv
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).parent
BANK_SHA256 = "74adfc578bf77a7ff4bb1ba4a9f8709d9e3c6907342959c2c8416847e0afb4d8"
SHOPPERS_SHA256 = "44b29f6ac84d6491bcf8d78e3cd544c10df910fe518293454174876f25956c4f"

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FIRST_YEAR = 2008
OPENING, CLOSING = time(9), time(17)


def dates(calendar: Iterable[tuple[str, str]]) -> Iterator[date]:
    """Derive each row's date from its month and weekday, the rows being in the order of time.

    The year advances when the month goes back. A month's first row is on its first day of that
    weekday; a row of another weekday than the row before is on the next such day.
    """
    year, current = FIRST_YEAR, date.min
    month = 0
    for month_name, weekday_name in calendar:
        number, weekday = MONTHS.index(month_name) + 1, WEEKDAYS.index(weekday_name)
        if number != month:
            year += number < month
            month, current = number, date(year, number, 1)
        current += timedelta(days=(weekday - current.weekday()) % 7)
        if current.month != month:
            sys.exit(f"the weekdays of {month_name} {year} do not fit into the month")
        yield current


def times(days: Sequence[date]) -> Iterator[datetime]:
    """Spread the rows of each day evenly over the office hours, to the second, in UTC."""
    for day, rows in groupby(days):
        n = len(list(rows))
        opening = datetime.combine(day, OPENING, UTC)
        office_seconds = (datetime.combine(day, CLOSING, UTC) - opening).seconds
        for i in range(n):
            yield opening + timedelta(seconds=office_seconds * (2 * i + 1) // (2 * n))


def bank(original: bytes) -> bytes:
    """Add lead_id and created_at in front of the original columns."""
    header, *rows = csv.reader(io.StringIO(original.decode("ascii")), delimiter=";")
    month, weekday = header.index("month"), header.index("day_of_week")
    created = times(list(dates((row[month], row[weekday]) for row in rows)))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\n")
    writer.writerow(["lead_id", "created_at", *header])
    for number, (row, moment) in enumerate(zip(rows, created, strict=True), 1):
        writer.writerow([f"contact-{number:05}", f"{moment:%Y-%m-%dT%H:%M:%SZ}", *row])
    return out.getvalue().encode("ascii")


def shoppers(original: bytes) -> bytes:
    """Keep the original as it is."""
    return original


DATA_SETS = {
    "bank": (BANK_SHA256, bank, FOLDER / "bank_marketing" / "contacts.csv.gz"),
    "shoppers": (SHOPPERS_SHA256, shoppers, FOLDER / "online_shoppers" / "sessions.csv.gz"),
}


def main() -> None:
    """Check the original, prepare it, write it compressed; the same bytes each time."""
    parser = argparse.ArgumentParser(description="Make a data set from its original.")
    parser.add_argument("name", choices=sorted(DATA_SETS))
    parser.add_argument("original", type=Path, help="the original CSV")
    arguments = parser.parse_args()
    sha256, prepare, target = DATA_SETS[arguments.name]
    original = arguments.original.read_bytes()
    found = hashlib.sha256(original).hexdigest()
    if found != sha256:
        sys.exit(
            f"{arguments.original} is not the original: its sha256 should be {sha256}, "
            f"it is {found}. Fetch it again from the source that data/README.md names."
        )
    prepared = prepare(original)
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(gzip.compress(prepared, 9, mtime=0))
    print(f"{target}: {hashlib.sha256(prepared).hexdigest()} (sha256, uncompressed)")


if __name__ == "__main__":
    main()
