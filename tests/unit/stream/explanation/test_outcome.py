"""Why a lead has no score that can be explained, and the exit codes that say so."""

from __future__ import annotations

from schemas.errors import FatalError, InputError, LeadScoreError, StartupError
from stream.explanation.outcome import NoScore, NoScoreError
from stream.process.exit_codes import EXIT_STOPPED, EXIT_UNBALANCED


def test_each_reason_has_an_exit_code_that_no_error_has() -> None:
    """A script tells an expired lead from a wrong option or a broker that is unavailable."""
    assert {reason.name: int(reason) for reason in NoScore} == {
        "NOT_FOUND": 5, "DEAD_LETTER": 6, "EXPIRED": 7, "UNSCORED": 8
    }  # fmt: skip
    assert not {0, 1, 2, 3, EXIT_UNBALANCED, EXIT_STOPPED} & {int(reason) for reason in NoScore}


def test_an_error_keeps_its_reason_and_is_none_of_the_usual_errors() -> None:
    error = NoScoreError(NoScore.EXPIRED, "expected the lead's record, but it has expired")
    assert (error.reason, str(error)) == (
        NoScore.EXPIRED,
        "expected the lead's record, but it has expired",
    )
    assert isinstance(error, LeadScoreError)
    assert not isinstance(error, (InputError, FatalError, StartupError)), "exit codes of their own"
