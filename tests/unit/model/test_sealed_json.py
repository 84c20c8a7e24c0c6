import json

import pytest

from model.metadata import BundleIncompleteError
from model.sealed_json import seal, sha256, unseal

FIELDS = {"b": 1, "a": ["é", None]}


def opened(content: bytes) -> dict[str, object]:
    return unseal(content, "own_sha256", file="notes.json", remedy="copy it again")


def test_a_sealed_object_is_read_back() -> None:
    assert opened(seal(FIELDS, "own_sha256")) == FIELDS


def test_the_hash_is_the_last_key_and_of_the_fields() -> None:
    written = json.loads(seal(FIELDS, "own_sha256"))
    assert list(written) == ["b", "a", "own_sha256"]
    assert written.pop("own_sha256") == sha256((json.dumps(written, indent=2) + "\n").encode())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"[" * 100_000, b"\xff"])
def test_another_content_is_incomplete(content: bytes) -> None:
    with pytest.raises(BundleIncompleteError, match=r"notes\.json should be .* copy it again"):
        opened(content)


def test_every_cut_and_every_changed_byte_is_found() -> None:
    whole = seal(FIELDS, "own_sha256")
    for end in range(len(whole)):
        with pytest.raises(BundleIncompleteError):
            opened(whole[:end])
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        with pytest.raises(BundleIncompleteError):
            opened(changed)
