"""The forms of a dead letter: each is smaller than the one before, and all name their record."""

from __future__ import annotations

from agents.dead_letters import VALUE_BYTES, forms_of, smallest_form
from schemas.errors import ErrorCode
from schemas.headers import ATTEMPT, ERROR_CODE, Headers

HEADERS: Headers = [
    ("crm", b"a header of the source"),
    ("__connect.errors.topic", b"leads"),
    ("__connect.errors.partition", b"3"),
    ("__connect.errors.offset", b"17"),
    (ERROR_CODE, b"TYPE"),
    (ATTEMPT, b"1"),
    ("leadscore.explanation", b"expected a number"),
]
LETTER = (b"key", b"value", HEADERS)


def test_the_first_form_is_the_whole_letter() -> None:
    assert next(forms_of(LETTER)) == LETTER


def test_every_further_form_lacks_key_and_value_and_gives_the_size_of_the_value() -> None:
    _, *reduced = forms_of(LETTER)
    assert [(key, value) for key, value, _ in reduced] == [(None, None)] * 3
    assert [dict(headers)[VALUE_BYTES] for _, _, headers in reduced] == [b"5"] * 3


def test_headers_are_dropped_step_by_step_down_to_offset_code_and_attempts() -> None:
    _, *reduced = forms_of(LETTER)
    names = [[name for name, _ in headers] for _, _, headers in reduced]
    ours = [name for name, _ in HEADERS[1:]]
    assert names == [
        [*ours, VALUE_BYTES],
        [*ours[:-1], VALUE_BYTES],
        ["__connect.errors.offset", ERROR_CODE, ATTEMPT, VALUE_BYTES],
    ]


def test_a_letter_that_lacked_its_value_keeps_the_size_that_it_gives() -> None:
    letter = (b"key", None, [*HEADERS, (VALUE_BYTES, b"90000000")])
    for _, _, headers in forms_of(letter):
        assert [value for name, value in headers if name == VALUE_BYTES] == [b"90000000"]


def test_no_letter_is_larger_in_its_smallest_form() -> None:
    def size(headers: Headers) -> int:
        return sum(len(name) + len(value or b"") for name, value in headers)

    *_, (_, _, headers) = forms_of((b"k", b"v" * 9, HEADERS))
    key, value, largest = smallest_form()
    assert (key, value) == (None, None)
    assert size(headers) <= size(largest)
    assert len(dict(largest)[ERROR_CODE] or b"") == max(len(code) for code in ErrorCode)
