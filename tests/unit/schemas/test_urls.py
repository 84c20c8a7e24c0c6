from __future__ import annotations

import json

import pytest

from schemas.urls import mask_url


@pytest.mark.parametrize(
    ("shown", "url"),
    [
        ("models", "models"),
        ("/srv/models", "/srv/models"),
        ("https://user:***@host/path", "https://user:p@ss@host/path"),
        ("https://:***@host", "https://:token@host"),
        ("https://host/m?sig=***&se=1", "https://host/m?sig=abc%3D&se=1"),
        ("https://host/m?access_token=***", "https://host/m?access_token=abc"),
        ("simplecache::ftp://u:***@host/m", "simplecache::ftp://u:p@host/m"),
    ],
)
def test_passwords_and_tokens_are_masked(shown: str, url: str) -> None:
    assert mask_url(url) == shown


def test_the_sentence_after_a_url_stays() -> None:
    """The rest of the sentence, with the remedy, was taken for a part of the token."""
    said = "https://host/m?token=abc can't be read: set key=value, or ask a@b"
    assert mask_url(said) == "https://host/m?token=*** can't be read: set key=value, or ask a@b"


def test_json_stays_json() -> None:
    line = json.dumps({"url": "https://u:p@host/m?token=abc", "mail": "a:b@c", "said": 'is "x"'})
    assert json.loads(mask_url(line)) == {
        "url": "https://u:***@host/m?token=***",
        "mail": "a:b@c",
        "said": 'is "x"',
    }
