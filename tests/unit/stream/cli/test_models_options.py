import getpass

import pytest

from stream.cli.models_options import Change


def change(by: str, why: str = "") -> Change:
    return Change("models", by, why, is_dry_run=False, as_json=False)


def test_the_operator_is_given_or_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "bert")
    assert change("anna").made_now().by == "anna"
    made = change("", "a reason").made_now()
    assert (made.by, made.why) == ("bert", "a reason")
    assert made.at.utcoffset() is not None


@pytest.mark.parametrize("error", [OSError("no such user"), KeyError("uid not found")])
def test_a_user_without_a_name_is_a_number(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """As in a container that runs under any uid."""

    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert change("").made_now().by.startswith("uid ")
