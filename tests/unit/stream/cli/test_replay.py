"""Options of `leadscore replay` that are refused before Kafka is asked."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from stream.cli.replay import replay


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "--from or --last"),
        (("--from", "0", "--last", "1d"), "--from or --last"),
        (("--from", "yesterday"), "1d ago"),
        (("--from", "0", "--sample", "0"), "--sample"),
        (("--from", "0", "--into-live", "--out", "other"), "exclude each other"),
        (("--from", "0", "--filter", "country"), "FIELD=VALUE"),
        (("--from", "0", "--shard", "5/4"), "I/N"),
        (("--from", "0", "--textfile", "/nowhere/x.prom"), "the folder /nowhere to exist"),
    ],
)
def test_a_wrong_option_is_refused_with_what_was_expected(
    options: tuple[str, ...], says: str
) -> None:
    result = CliRunner().invoke(replay, ["start", *options])
    assert result.exit_code == 2
    assert says in result.output
