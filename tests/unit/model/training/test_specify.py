"""Specs fitted to training data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.field_spec import CategoryField, NumberField, TextField
from model.training.keywords import fit_keywords
from model.training.specify import ONE_HOT_LEVELS, Leads, encode, fit_spec, training_matrix
from schemas.fields import FieldKind

N = 400


def leads(kind: FieldKind, values: list[str | None] | np.ndarray) -> Leads:
    labels = np.arange(N) % 5 == 0
    columns = {"x": values, "n": np.arange(N, dtype=float)}
    return Leads.of({"x": kind, "n": FieldKind.NUMBER}, columns, labels)


def category(levels: int) -> Leads:
    return leads(FieldKind.CATEGORY, [f"Level {i % levels}" for i in range(N)])


def test_few_levels_are_one_hot_and_many_target_encoded() -> None:
    few = fit_spec(category(ONE_HOT_LEVELS)).fields[0]
    many = fit_spec(category(ONE_HOT_LEVELS + 1)).fields[0]
    assert isinstance(few, CategoryField)
    assert isinstance(many, CategoryField)
    assert (few.encoding, len(few.levels)) == ("one_hot", ONE_HOT_LEVELS)
    assert (many.encoding, len(many.levels)) == ("target", ONE_HOT_LEVELS + 1)
    assert many.prior == 0.2


def test_spellings_count_once() -> None:
    values: list[str | None] = [f"{' ' * (i % 20)}level {i % 3}".title() for i in range(N)]
    field = fit_spec(leads(FieldKind.CATEGORY, values)).fields[0]
    assert isinstance(field, CategoryField)
    assert field.levels == ("level 0", "level 1", "level 2")


def test_a_category_without_values_in_a_fold_is_still_a_field() -> None:
    none: list[str | None] = [None] * N
    data = leads(FieldKind.CATEGORY, none)
    spec = fit_spec(data)
    assert np.isnan(encode(spec, data)[:, 0]).all()
    assert np.isnan(training_matrix(spec, data, seed=1)[:, 0]).all()


def test_the_training_matrix_differs_only_in_target_encodings() -> None:
    data = category(40)
    spec = fit_spec(data)
    served, trained = encode(spec, data), training_matrix(spec, data, seed=1)
    assert isinstance(spec.fields[1], NumberField)
    np.testing.assert_array_equal(served[:, 1], trained[:, 1])
    assert (served[:, 0] != trained[:, 0]).any()


def test_a_level_of_one_group_alone_is_encoded_as_the_prior_in_training() -> None:
    """Copies of a lead would give its outcome away by their level."""
    copies = [f"Level {i // 4}" for i in range(N)]
    data = Leads.of(
        {"x": FieldKind.CATEGORY},
        {"x": np.array(copies, dtype=object)},
        np.arange(N) // 4 % 5 == 0,
    )
    grouped = replace(data, groups=np.arange(N) // 4)
    spec = fit_spec(data)
    apart, together = (training_matrix(spec, some, seed=1)[:, 0] for some in (data, grouped))
    assert apart[data.labels].mean() > apart[~data.labels].mean() + 0.02
    np.testing.assert_allclose(together, 0.2, atol=1e-6)


def test_rows_keep_their_groups() -> None:
    data = replace(category(4), groups=np.arange(N) // 2)
    some = data.take(np.array([5, 4, 9]))
    assert some.groups is not None
    assert some.groups.tolist() == [2, 2, 4]
    assert data.independent.columns["n"].tolist() == list(range(0, N, 2))
    assert category(4).independent.groups is None


def test_keywords_are_words_that_are_neither_rare_nor_in_most_texts() -> None:
    often: list[str | None] = ["Price and demo, PRICE again", "demo of the price"]
    texts = (
        often * 20 + ["nothing here"] * 20 + ["demo only"] * 40 + ["rare"] * 3 + [None, " "] * 100
    )
    # "demo" is in more than half of the 103 texts, "rare" in fewer than 20, "and" is too short.
    assert fit_keywords(texts) == ("only", "price", "again", "here", "nothing")


def test_keywords_do_not_depend_on_order_and_are_twenty_at_most() -> None:
    words = ["".join(chr(97 + i // 5**k % 5) for k in range(4)) for i in range(60)]
    texts = [" ".join(words[i % 3 :: 3]) for i in range(90)]
    chosen = fit_keywords(texts)
    assert chosen == tuple(sorted(words)[:20])
    assert fit_keywords(texts[::-1]) == chosen


def test_text_fields_get_their_keywords() -> None:
    texts: list[str | None] = ["ask the price" if i % 3 else "hello there" for i in range(N)]
    field = fit_spec(leads(FieldKind.TEXT, texts)).fields[0]
    assert isinstance(field, TextField)
    assert field.keywords == ("hello", "there")
