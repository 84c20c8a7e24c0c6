"""Errors: their codes are stable labels, and each class says what happens next."""

from __future__ import annotations

import pytest

from schemas.errors import (
    ErrorCode,
    FatalError,
    InputError,
    InvalidEventError,
    LeadScoreError,
    LoadFailure,
    StartupError,
)


def test_an_invalid_event_has_its_code_and_its_sentence() -> None:
    error = InvalidEventError(ErrorCode.TYPE, "expected a number, got a string")
    assert (error.code, error.message) == (ErrorCode.TYPE, "expected a number, got a string")
    assert str(error) == error.message


def test_codes_are_their_own_names() -> None:
    """They are headers of dead letters and labels of metrics: a renamed one breaks readers."""
    assert all(code.value == code.name for code in ErrorCode)
    assert all(failure.value == failure.name.lower() for failure in LoadFailure)


def test_a_fatal_error_is_neither_a_dead_letter_nor_an_input_error() -> None:
    assert issubclass(StartupError, FatalError)
    assert not issubclass(InvalidEventError, FatalError)
    assert not issubclass(InputError, FatalError)


@pytest.mark.parametrize("kind", [InvalidEventError, FatalError, StartupError, InputError])
def test_all_errors_on_purpose_are_caught_as_one(kind: type[Exception]) -> None:
    assert issubclass(kind, LeadScoreError)


@pytest.mark.parametrize("kind", [FatalError, StartupError, InputError])
def test_an_address_in_an_error_has_no_password(kind: type[Exception]) -> None:
    assert str(kind("ftp://u:p@host can't be read: see u:p@x")) == (
        "ftp://u:***@host can't be read: see u:p@x"
    )
