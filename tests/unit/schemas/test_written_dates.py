"""Month names in several languages, and dates rewritten in a form that is read."""

from __future__ import annotations

import pytest

from schemas.written_dates import LANGUAGES, month_of, rewritten


@pytest.mark.parametrize("names", LANGUAGES, ids=lambda names: names.split()[0])
def test_every_language_has_twelve_months_that_are_found_by_their_full_name(names: str) -> None:
    assert [month_of(name) for name in names.split()] == list(range(1, 13))


@pytest.mark.parametrize(
    ("name", "month"),
    [("Sept", 9), ("MAI", 5), ("décembre", 12), ("März", 3), ("мая", 5), ("Oca", 1)],
)
def test_case_accents_and_abbreviations_do_not_matter(name: str, month: int) -> None:
    assert month_of(name) == month


@pytest.mark.parametrize("name", ["jui", "ju", "ma", "Marketing", "", "mar1"])
def test_an_ambiguous_or_unknown_word_is_no_month(name: str) -> None:
    assert month_of(name) is None


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("2024年5月31日 14时05分", "2024-5-31 14:05"),
        ("2024. 5. 31. 오후 2:05", "2024-5-31 2:05 PM"),
        ("31/05/2024 14h05", "31/05/2024 14:05"),
        ("31.05.2024 14:05 Uhr", "31.05.2024 14:05"),
        ("31/05/2024 à 14:05", "31/05/2024 14:05"),
        ("31 de mayo de 2024", "31 mayo 2024"),
        ("Fri May 31 14:05:00 2024", "May 31, 2024 14:05:00"),
        ("31/05/2024 2:05 p. m.", "31/05/2024 2:05 pm"),
        ("Fri 31/05/2024", "31/05/2024"),
        ("2024-05-31T14:05:00+02:00[Europe/Berlin]", "2024-05-31T14:05:00+02:00"),
        ("2024-05-31-14.05.00.000000", "2024-05-31 14.05.00.000000"),
        ("31/05/2024 14:05 CEST", "31/05/2024 14:05 +0200"),
        ("May 31 2024 14:05:00 GMT+0200 (CEST)", "May 31 2024 14:05:00 +0200"),
    ],
)
def test_a_date_is_rewritten(text: str, plain: str) -> None:
    assert rewritten(text) == plain


@pytest.mark.parametrize("text", ["2024-05-31 14:05:00", "31.05.2024", "May 31, 2024", "web"])
def test_a_plain_date_and_other_text_stay_as_they_are(text: str) -> None:
    assert rewritten(text) == text


def test_zones_that_name_several_offsets_are_not_read() -> None:
    assert rewritten("31/05/2024 14:05 IST") == "31/05/2024 14:05 IST"
