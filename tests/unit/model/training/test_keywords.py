"""Keywords of texts: words of many leads, none of a person's."""

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
def test_names_and_addresses_that_many_leads_have_are_no_keywords(pattern):
    texts = [pattern.format(*names(i)) for i in range(100)] + ["nothing but demos"] * 150
    chosen = fit_keywords(texts)
    assert "pricing" in chosen
    known = {name.casefold() for name in FIRST + LAST} | {"example", "mail"}
    assert not known & {*chosen}


def test_the_first_word_of_a_sentence_is_no_name_for_its_capital_letter():
    texts = ["Pricing is high. Pricing again"] * 40 + ["Demo wanted"] * 80
    assert "pricing" in fit_keywords(texts)


def test_german_nouns_and_headings_are_keywords():
    german = ["Fragt nach dem Preis und der Lieferung"] * 40
    headings = ["Asked About Delivery Terms"] * 40
    chosen = fit_keywords([*german, *headings, *["sonst nichts"] * 60])
    assert {"preis", "lieferung", "asked", "delivery", "terms"} <= {*chosen}


def test_a_text_without_an_end_is_read_in_time():
    assert fit_keywords(["a" * 200_000 + "@" + "b" * 200_000] * 25 + ["x"] * 30) == ()
