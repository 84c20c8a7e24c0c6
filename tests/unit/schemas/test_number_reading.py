"""Written numbers, and yes and no, by a column's reading."""

from __future__ import annotations

import math

import pytest

from schemas.number_reading import NumberReading, read_number

US = NumberReading(grouping=",")
GERMAN = NumberReading(decimal=",", grouping=".")
FRENCH = NumberReading(decimal=",", grouping=" ")
SWISS = NumberReading(grouping="'")
PLAIN = NumberReading()


@pytest.mark.parametrize(
    ("text", "reading", "expected"),
    [
        ("1250", PLAIN, 1250),
        ("1.250", PLAIN, 1.25),
        ("1.2e3", PLAIN, 1200),
        ("1,250", US, 1250),
        ("12,34,567", US, 1_234_567),
        ("$1,234.50", US, 1234.5),
        ("-$1,234.50", US, -1234.5),
        ("(1,250)", US, -1250),
        ("1,250-", US, -1250),
        ("USD 1,250", US, 1250),
        ("1.250,00", GERMAN, 1250),
        ("1.250", GERMAN, 1250),
        ("1.250,00 €", GERMAN, 1250),
        ("12,5 %", GERMAN, 12.5),
        ("1 250", FRENCH, 1250),
        ("1\u202f250,5", FRENCH, 1250.5),
        ("1\u00a0250", FRENCH, 1250),
        ("1'250.5", SWISS, 1250.5),
        ("1’250", SWISS, 1250),
        ("\u22125", PLAIN, -5),
        ("1.250,-", GERMAN, 1250),
        ("1.250,-- €", GERMAN, 1250),
        ("CHF 1'250.–", SWISS, 1250),
        ("1 250:-", FRENCH, 1250),
        ("1.250,00-", GERMAN, -1250),
        ("\u200e1250\u200b", PLAIN, 1250),
        ("1,250円", US, 1250),
        ("1.250,50 Euro", GERMAN, 1250.5),
        ("$1.2M", NumberReading(scaled=True), 1_200_000),
        ("2.5k", NumberReading(scaled=True), 2500),
        ("0,5 Mio. €", NumberReading(decimal=",", scaled=True), 500_000),
        ("-3 bn", NumberReading(scaled=True), -3_000_000_000),
    ],
)
def test_a_number_as_its_column_writes_it(
    text: str, reading: NumberReading, expected: float
) -> None:
    assert read_number(text, reading) == expected


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("1,250", PLAIN),
        ("1250.5", GERMAN),
        ("12,50", US),
        ("1,25,0", US),
        ("LHR123", PLAIN),
        ("ABC 123", PLAIN),
        ("12 kg", PLAIN),
        ("007", PLAIN),
        ("(5", PLAIN),
        ("$", US),
        ("yes", PLAIN),
        ("1_000", PLAIN),
    ],
)
def test_a_form_that_the_column_does_not_use_is_not_read(text: str, reading: NumberReading) -> None:
    assert read_number(text, reading) is None


@pytest.mark.parametrize(
    "text", ["NA", "n/a", "#N/A", "?", "-", "\\N", "null", "unknown", "<NA>", " ", "inf", "1e999"]
)
def test_words_that_mean_missing_are_nan(text: str) -> None:
    value = read_number(text)
    assert value is not None
    assert math.isnan(value)


def test_a_files_own_word_means_missing() -> None:
    other = PLAIN.model_copy(update={"missing": ("not asked",)})
    assert math.isnan(read_number("Not  asked", other) or 0)
    assert read_number("not asked") is None


def test_yes_and_no_are_numbers_where_the_column_is_of_1_and_0() -> None:
    truth = NumberReading(truth=True)
    assert [read_number(word, truth) for word in ("Yes", "true", "Y", "1")] == [1, 1, 1, 1]
    assert [read_number(word, truth) for word in ("No", "FALSE", "n", "0")] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("yes", "no"),
    [("ja", "nein"), ("Oui", "Non"), ("VERDADERO", "FALSO"), ("Да", "нет"), ("是", "否")],
)
def test_yes_and_no_of_other_languages_are_1_and_0(yes: str, no: str) -> None:
    reading = NumberReading(truth=True)
    assert (read_number(yes, reading), read_number(no, reading)) == (1.0, 0.0)
