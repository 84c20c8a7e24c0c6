import pytest

from model.alias import ACTED_ON, Alias, require_effect
from schemas.errors import InputError


@pytest.mark.parametrize("alias", ACTED_ON)
def test_an_alias_with_an_effect_can_be_set(alias: Alias) -> None:
    require_effect(alias)
    assert Alias(str(alias)) is alias


@pytest.mark.parametrize(
    ("alias", "remedy"),
    [
        (Alias.CANARY, "leadscore models canary start"),
        (Alias.ARCHIVED, "leadscore models archive"),
    ],
)
def test_an_alias_without_effect_is_refused_with_what_to_do(alias: Alias, remedy: str) -> None:
    with pytest.raises(InputError, match=remedy):
        require_effect(alias)
