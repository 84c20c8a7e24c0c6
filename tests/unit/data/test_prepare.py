"""The contacts that `data/prepare.py` wrote keep the bank's order and times."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from features.table_file import read_table

CONTACTS = Path(__file__).parents[3] / "data" / "bank_marketing" / "contacts.csv.gz"


def test_contacts_are_in_the_order_of_time() -> None:
    contacts = read_table(CONTACTS)
    created = contacts.columns["created_at"].milliseconds()
    assert (np.diff(created) >= 0).all()
    dates = created.astype("datetime64[ms]")
    assert str(dates[0].astype("datetime64[D]")) == "2008-05-05"
    assert str(dates[-1].astype("datetime64[D]")) == "2010-11-26"
    months = dates.astype("datetime64[M]").astype(int) % 12
    first_half, second_half = ["jan", "feb", "mar", "apr", "may", "jun"], ["jul", "aug", "sep"]
    names = np.array([*first_half, *second_half, "oct", "nov", "dec"])
    assert (names[months] == np.array(contacts.columns["month"].strings())).all()
    weekdays = (dates.astype("datetime64[D]").astype(int) + 3) % 7
    names = np.array(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
    assert (names[weekdays] == np.array(contacts.columns["day_of_week"].strings())).all()
    hours = dates.astype("datetime64[h]").astype(int) % 24
    assert hours.min() >= 9
    assert hours.max() < 17
    ids = contacts.columns["lead_id"].strings()
    assert (ids[0], ids[-1], len(set(ids))) == ("contact-00001", "contact-41188", 41_188)
