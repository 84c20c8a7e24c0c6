"""Words of outcomes have a kind."""

from __future__ import annotations

import pytest

from agents.outcomes.kinds import OutcomeKind, OutcomeKinds

KINDS = OutcomeKinds(["converted", "won"], ["lost"])


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("won", OutcomeKind.POSITIVE),
        ("converted", OutcomeKind.POSITIVE),
        ("lost", OutcomeKind.NEGATIVE),
        ("engaged", OutcomeKind.OPEN),
        ("", OutcomeKind.OPEN),
    ],
)
def test_a_word_in_no_list_decides_nothing(word: str, kind: OutcomeKind) -> None:
    assert KINDS.of(word) is kind
