"""Text that a terminal would obey, a spreadsheet would compute, and a browser would run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.display import for_page, for_spreadsheet, for_terminal, record_for_terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("L-1\x1b[2J", r"L-1\x1b[2J"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b31m", r"\x9b31m"),  # the same as ESC [ to many terminals
        ("\x7f\x00\x07", r"\x7f\x00\x07"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        ("\u2066a\u2069\u2028", r"\u2066a\u2069\u2028"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("Zoë \\n 李 👩‍🔬 می‌خواهم", "Zoë \\n 李 👩‍🔬 می‌خواهم"),
    ],
)
def test_a_terminal_obeys_nothing_and_shows_all_else(text: str, shown: str) -> None:
    assert for_terminal(text) == shown


@given(st.text())
def test_shown_text_is_one_line_without_control_characters_and_stays_so(text: str) -> None:
    shown = for_terminal(text)
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
    assert for_terminal(shown) == shown
    shown.encode()


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "＝1", "+49 30 1234", "-", "-_1"]
)
def test_a_formula_is_text_in_a_spreadsheet(text: str) -> None:
    assert for_spreadsheet(text) == f"'{text}"


@pytest.mark.parametrize("text", ["\t=1", "\r=1"])
def test_a_formula_behind_a_tab_is_text_too(text: str) -> None:
    assert for_spreadsheet(text)[0] not in "=+-@\t\r"


@pytest.mark.parametrize("text", ["-1.5", "+3", "-1e-05", ".5", "L-1", "a=b", "", "x\ny"])
def test_numbers_and_plain_text_have_no_apostrophe(text: str) -> None:
    assert for_spreadsheet(text) == for_terminal(text)


def test_a_record_is_shown_as_deep_as_it_goes_and_its_numbers_stay() -> None:
    record = {"a": ["\x1b", 1.5, None, {"b": "\n"}], "c": True}
    assert record_for_terminal(record) == {"a": [r"\x1b", 1.5, None, {"b": r"\n"}], "c": True}


def test_a_page_has_no_markup_of_others() -> None:
    assert for_page("</script><b>\x1b") == r"‹/script›‹b›\x1b"
