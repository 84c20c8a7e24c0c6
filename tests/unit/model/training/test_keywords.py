"""Keywords of texts: words of many leads, none of a person's."""

import numpy as np
import pytest

from model.training.keywords import fit_keywords

FIRST = ("Anna", "Tomás", "Ingrid", "Pierre", "Yusuf")
LAST = ("Müller", "García", "Lindqvist", "Dubois", "Yilmaz")


def names(i: int) -> tuple[str, str]:
    return FIRST[i % 5], LAST[i // 5 % 5]


@pytest.mark.parametrize(
    "pattern",
    [
        "Spoke with {0} {1} about pricing",
        "{0} {1} asked for the pricing",
        "pricing, says {0} {1}, is high. {0} calls again",
        "pricing {0}.{1}@example.com",
        "Asked about pricing (https://example.com/{0}/{1}) today",
        "@{0}_{1} wants pricing",
        "{0} wrote from {0}-{1}@mail.example.com: pricing?",
    ],
)
def test_names_and_addresses_that_many_leads_have_are_no_keywords(pattern: str) -> None:
    texts = [pattern.format(*names(i)) for i in range(100)] + ["nothing but demos"] * 150
    chosen = fit_keywords(texts)
    assert "pricing" in chosen
    known = {name.casefold() for name in FIRST + LAST} | {"example", "mail"}
    assert not known & {*chosen}


def test_the_first_word_of_a_sentence_is_no_name_for_its_capital_letter() -> None:
    texts = ["Pricing is high. Pricing again"] * 40 + ["Demo wanted"] * 80
    assert "pricing" in fit_keywords(texts)


def test_german_nouns_and_headings_are_keywords() -> None:
    german = ["Fragt nach dem Preis und der Lieferung"] * 40
    headings = ["Asked About Delivery Terms"] * 40
    chosen = fit_keywords([*german, *headings, *["sonst nichts"] * 60])
    assert {"preis", "lieferung", "asked", "delivery", "terms"} <= {*chosen}


def test_a_text_without_an_end_is_read_in_time() -> None:
    assert fit_keywords(["a" * 200_000 + "@" + "b" * 200_000] * 25 + ["x"] * 30) == ()


@pytest.mark.parametrize(
    "note",
    [
        "Frau Ravensworth ist nicht da",
        "herr ravensworth ruft wieder an",
        "Frau Dr. Ravensworth calls back",
        "Frau Aurelia Ravensworth ist im Urlaub",
        "mr. ravensworth is out",
    ],
)
def test_names_after_a_form_of_address_are_no_keywords_in_any_language(note: str) -> None:
    chosen = fit_keywords([note] * 30 + ["Will einen Termin und den Preis"] * 400 + ["ja"] * 500)
    assert "termin" in chosen
    assert not {"ravensworth", "aurelia"} & {*chosen}


def test_a_word_that_seldom_follows_a_form_of_address_is_a_keyword() -> None:
    texts = ["Frau will einen Termin"] * 5 + ["will einen Termin"] * 40 + ["ja"] * 100
    assert "will" in fit_keywords(texts)


def test_the_words_of_one_lead_with_many_rows_are_those_of_one_lead() -> None:
    texts = ["ravensworth calls"] * 30 + ["pricing"] * 40 + ["none of it"] * 60
    leads = np.array([0] * 30 + [*range(1, 101)])
    assert "ravensworth" in fit_keywords(texts)
    assert fit_keywords(texts, leads) == ("pricing",)
