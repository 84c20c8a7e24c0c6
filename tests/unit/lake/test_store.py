"""Stores: which one a location is in, what distinguishes versions, and what errors mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lake.store import is_on_disk, open_store, reaching, refuse_secrets, version_of
from schemas.errors import InputError, StartupError


def test_a_path_is_on_the_disk_and_a_url_is_not(tmp_path: Any) -> None:
    files, path = open_store(f"{tmp_path}/a")
    assert is_on_disk(files)
    assert path == f"{tmp_path}/a"
    assert not is_on_disk(open_store("memory://a/b")[0])


@pytest.mark.parametrize(
    "location",
    ["s3://key:hidden@bucket/leads", "https://leads.example/a.parquet?sig=hidden"],
)
def test_a_url_with_a_secret_is_refused_and_not_repeated(location: str) -> None:
    with pytest.raises(InputError, match="without a password or token") as refused:
        open_store(location)
    assert "hidden" not in str(refused.value)


def test_a_url_without_a_secret_is_accepted() -> None:
    location = "abfs://leads@account.dfs.core.windows.net/2026"
    refuse_secrets(location)
    with pytest.raises(InputError, match="without a password or token"):
        refuse_secrets(location.replace("leads@", "leads:hidden@"))


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.url_to_fs", missing)
    with pytest.raises(InputError, match=r"pip install 'leadscore\[s3\]'"):
        open_store("s3://bucket/leads")
    with pytest.raises(InputError, match="pip install gcsfs"):
        open_store("gs://bucket/leads")


@pytest.mark.parametrize(
    ("info", "version"),
    [
        ({"ETag": '"abc"', "LastModified": "today"}, '"abc"'),
        ({"mtime": 1.5, "created": 2.5}, "1.5"),
        ({"created": datetime.fromtimestamp(2.5, UTC)}, "2.5"),
        ({"size": 3}, ""),
    ],
)
def test_the_version_is_the_most_exact_one(info: dict[str, Any], version: str) -> None:
    assert version_of(info) == version


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (FileNotFoundError(2, "No such file"), InputError),
        (PermissionError(13, "Permission denied"), InputError),
        (TimeoutError("slow"), StartupError),
        (ValueError("odd\nanswer"), StartupError),
        (InputError("as it is"), InputError),
    ],
)
def test_errors_of_a_store(raised: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as error, reaching("s3://bucket/a"):
        raise raised
    assert "\n" not in str(error.value)
