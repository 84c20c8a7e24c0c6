"""The encoding of a file is detected, or its option is named."""

from __future__ import annotations

import re
import sys

import pytest

from schemas.errors import InputError
from tests.unit.features.tables import strings, table

GERMAN = "Name;Straße\n" + "Jürgen Müller;Königstraße 5, Düsseldorf für größere\n" * 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_found_out(encoding: str) -> None:
    parsed = table(GERMAN.encode(encoding))
    assert strings(parsed, "Name")[0] == "Jürgen Müller"
    assert list(parsed.originals.values()) == ["Name", "Straße"]
    assert parsed.encoding_guessed == (encoding == "cp1252")


def test_a_named_encoding_is_taken() -> None:
    content = "имя;b\nМосква;1\n".encode("cp1251")
    assert strings(table(content, "cp1251"), "u438u43cu44f") == ["Москва"]


def test_a_wrong_encoding_is_refused() -> None:
    with pytest.raises(InputError, match=r"not utf-8: line 2 has the byte 0xfc.*--encoding"):
        table("a;b\nMüller;1\n".encode("cp1252"), "utf-8")
    with pytest.raises(InputError, match="no encoding 'klingon'"):
        table("a,b\n1,2\n", "klingon")
    with pytest.raises(InputError, match=r"not undefined: .*undefined encoding.*--encoding"):
        table("a,b\n1,2\n", "undefined")


def test_an_encoding_that_cannot_be_detected_is_refused_with_the_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    with pytest.raises(InputError, match=r"can't be detected.*line 2 has the byte 0x81"):
        table(b"a,b\n\x81\x8d,1\n")


@pytest.mark.parametrize(
    "text", ["São Paulo", "Genève", "Ålesund", "Zürich,L’Oréal", "£12", "50 m²", "Ærøskøbing"]
)
def test_short_western_text_is_cp1252(text: str) -> None:
    parsed = table(f"a;b\n{text};1\n".encode("cp1252"))
    assert (parsed.encoding, parsed.encoding_guessed) == ("cp1252", True)
    assert strings(parsed, "a") == [text]
    assert "was read as cp1252: if letters look wrong, give --encoding" in parsed.remarks[0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Москва Санкт-Петербург Новосибирск Екатеринбург", "cp1251"),
        ("東京 大阪 名古屋 京都府 北海道", "shift_jis"),
        ("北京 上海 广州 深圳市 成都", "gb18030"),
    ],
)
def test_text_of_which_no_western_word_is_made_is_not_cp1252(text: str, encoding: str) -> None:
    parsed = table(f"a;b\n{text};1\n".encode(encoding))
    assert (parsed.encoding, strings(parsed, "a")) == (encoding, [text])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_read(encoding: str) -> None:
    assert strings(table("a,b\nü,1\n".encode(encoding)), "a") == ["ü"]


@pytest.mark.parametrize(
    ("city", "encoding"),
    [
        ("Да", "cp1251"),
        ("Όχι", "cp1253"),
        ("כן", "cp1255"),
        ("北京", "gb18030"),
        ("東京", "shift_jis"),
    ],
)
def test_a_short_text_of_one_of_several_encodings_is_not_guessed(city: str, encoding: str) -> None:
    content = f"city,n\n{city},1\n".encode(encoding)
    with pytest.raises(InputError, match=rf"can't be detected.*{encoding}.* may fit.*--encoding"):
        table(content)
    assert table(content, encoding).columns["city"].strings() == [city]


@pytest.mark.parametrize(
    ("cities", "encoding"),
    [
        (["Łódź"], "cp1250"),
        (["Αθήνα", "Πάτρα", "Βόλος"], "cp1253"),
        (["نعم", "لا"], "cp1256"),
        (["Москва", "Киев", "Минск"], "koi8_r"),
        (["São Paulo", "Zürich", "Köln"], "mac_roman"),
        (["São Paulo", "Zürich", "Köln"], "cp850"),
        (["서울", "부산", "대구"], "euc_kr"),
        (["台北", "高雄", "台中"], "big5"),
    ],
)
def test_a_few_words_of_another_encoding_are_not_western(cities: list[str], encoding: str) -> None:
    lines = "".join(f"{city},{n}\n" for n, city in enumerate(cities))
    parsed = table(f"city,n\n{lines}".encode(encoding))
    assert (parsed.encoding, strings(parsed, "city")) == (encoding, cities)


def test_a_text_that_fits_two_western_encodings_is_reported() -> None:
    [remark] = table("city,n\nMuğla,1\n".encode("cp1254")).remarks
    assert re.search(r"as cp1252.*give --encoding \(.*cp1254.* fit its bytes, too\)$", remark)


def test_an_encoding_that_reads_the_same_letters_is_no_alternative() -> None:
    [remark] = table("city,n\nMünchen,1\n".encode("cp1252")).remarks
    assert remark.endswith("give --encoding")
