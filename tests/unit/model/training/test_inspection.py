"""Leaks: what predicts too well alone, and what its name gives away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.training.inspection import (
    Inspection,
    answer_warnings,
    auc_alone,
    inspect_columns,
)
from model.training.specify import Leads
from schemas.fields import FieldKind

RNG = np.random.default_rng(11)
N = 2000
LABELS = RNG.random(N) < 0.2
NOISE = RNG.normal(size=N)


def auc(values: np.ndarray, kind: FieldKind = FieldKind.NUMBER) -> float:
    return auc_alone(Leads.of({"x": kind}, {"x": values}, LABELS), "x", seed=1)


def test_a_column_that_is_the_answer_predicts_it_alone() -> None:
    assert auc(LABELS.astype(float)) > 0.99
    assert auc(-LABELS.astype(float)) > 0.99


def test_a_column_of_noise_is_no_leak() -> None:
    assert abs(auc(NOISE) - 0.5) < 0.05


def test_shape_does_not_matter() -> None:
    assert auc(np.where(LABELS, RNG.choice([-3.0, 3.0], size=N), 0.0) + NOISE * 0.1) > 0.95


def test_missing_values_can_give_it_away() -> None:
    assert auc(np.where(LABELS, 1.0, np.nan)) > 0.99
    close_date = np.array(["2024" if label else None for label in LABELS], dtype=object)
    assert auc(close_date, FieldKind.CATEGORY) > 0.99
    assert auc(close_date, FieldKind.TEXT) > 0.99


def notes(sometimes: str, where: np.ndarray) -> np.ndarray:
    """Return texts of one length and number of words; some have one word instead of another."""
    fillers = RNG.choice(["asked", "wrote", "liked", "heard"], size=N)
    words = np.where(where, sometimes, "called".ljust(len(sometimes), "s"))
    return np.array([f"{a} {b} us" for a, b in zip(fillers, words, strict=True)], dtype=object)


def test_a_word_of_a_text_can_give_it_away() -> None:
    """The length and the number of words say nothing."""
    assert auc(notes("contract", LABELS), FieldKind.TEXT) > 0.99
    assert abs(auc(notes("contract", RNG.random(N) < 0.2), FieldKind.TEXT) - 0.5) < 0.05


def test_several_words_of_a_text_give_it_away_together() -> None:
    signs = RNG.choice(["contract", "invoiced", "ordering"], size=N)
    texts = np.array(
        [
            f"they {sign if label else 'silently'} then"
            for sign, label in zip(signs, LABELS, strict=True)
        ],
        dtype=object,
    )
    assert auc(texts, FieldKind.TEXT) > 0.99


def test_the_number_of_words_of_a_text_can_give_it_away() -> None:
    texts = np.where(LABELS, "a b c d e f", "abcdefghijk")
    assert auc(texts.astype(object), FieldKind.TEXT) > 0.99


def test_rare_levels_do_not_flatter() -> None:
    names = np.array([f"name {i}" for i in range(N)], dtype=object)
    assert abs(auc(names, FieldKind.CATEGORY) - 0.5) < 0.05


def inspected(**columns: np.ndarray) -> Inspection:
    kinds = dict.fromkeys(columns, FieldKind.NUMBER)
    originals = {name: name.replace("__", ".") for name in columns}
    return inspect_columns(Leads.of(kinds, columns, LABELS), originals, seed=1)


def test_a_column_that_is_too_strong_alone_is_a_leak() -> None:
    found = inspected(age=NOISE, late__=LABELS + NOISE * 0.3)
    (leak,) = found.leaks
    assert leak.column == "late."
    assert leak.auc == pytest.approx(auc(LABELS + NOISE * 0.3))
    assert "alone it predicts with an AUC of" in leak.sentence
    assert leak.sentence.endswith("leave it out: --exclude late.")


def test_a_name_alone_is_no_verdict() -> None:
    """Sessions have durations, and customers have purchased before."""
    found = inspected(visit__duration=NOISE, purchased__before=NOISE[::-1].copy())
    assert found.leaks == ()
    assert {alone.hint for alone in found.strongest} == {"duration", "purchased"}


def test_a_strong_column_s_name_is_mentioned() -> None:
    (leak,) = inspected(call__duration=LABELS + NOISE * 0.5, age=NOISE).leaks
    assert "its name (duration) suggests" in leak.reason
    assert "AUC" in leak.reason


def test_a_column_that_is_there_for_one_outcome_only_is_a_leak() -> None:
    few = np.flatnonzero(LABELS)[:30]
    amount = np.full(N, np.nan)
    amount[few] = NOISE[few]
    (leak,) = inspected(amount=amount, age=NOISE).leaks
    assert leak.column == "amount"
    assert leak.auc < 0.6
    assert leak.reason == "it has a value in 30 rows, and all of them are positives"


def test_copies_of_few_leads_are_no_leak() -> None:
    """Twelve leads with thirty rows each."""
    rows = np.arange(12 * 30 + 400)
    groups = np.where(rows < 360, rows // 30, rows)
    labels = np.where(rows < 360, groups % 2 == 0, NOISE[rows + 1000] > 0)
    amount = np.where(groups < 12, groups, np.nan)
    once = NOISE[groups]
    kinds = dict.fromkeys(("amount", "once"), FieldKind.NUMBER)
    amount = np.where(groups % 2 == 0, amount, np.nan)
    leads = Leads.of(kinds, {"amount": amount, "once": once}, labels)
    originals = {name: name for name in kinds}
    apart = inspect_columns(leads, originals, seed=1)
    together = inspect_columns(replace(leads, groups=groups), originals, seed=1)
    assert {leak.column for leak in apart.leaks} == {"amount", "once"}
    assert together.leaks == ()


def test_the_ten_strongest_are_listed_whatever_they_are() -> None:
    columns = {f"c{i:02}": LABELS * i * 0.1 + NOISE for i in range(12)}
    strongest = inspected(**columns).strongest
    assert [alone.column for alone in strongest] == [f"c{i:02}" for i in range(11, 1, -1)]
    assert strongest[0].auc == pytest.approx(auc(columns["c11"]))


def test_all_columns_together_know_the_answer() -> None:
    strongest = inspected(late=LABELS + NOISE * 0.3, age=NOISE).strongest
    (warning,) = answer_warnings(0.9876, strongest)
    assert warning.startswith("Something knows the answer: the AUC is 0.9876")
    assert f"late ({strongest[0].auc:.3f}), age" in warning
    assert answer_warnings(0.98, strongest) == []
