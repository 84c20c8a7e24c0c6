"""Target encoding: as category_encoders has it, and never on a lead's own label."""

from __future__ import annotations

import numpy as np
import pandas as pd
from category_encoders import TargetEncoder

from features.binning import unmeasured_reference
from features.field_spec import normalise_level
from features.matrix import FeatureEncoder
from features.personal import WITHHELD
from features.spec import FeatureSpec
from model.training.folds import folds
from model.training.target_encoding import CROSS_FIT_FOLDS, cross_fitted, fit_target_encoding

RNG = np.random.default_rng(3)
CITIES = np.array([f"City {i}" for i in range(30)] + [None], dtype=object)
VALUES = RNG.choice(CITIES, size=900)
LABELS = RNG.random(900) < 0.2


def test_the_exported_map_encodes_as_the_encoder_does() -> None:
    field = fit_target_encoding("city", VALUES.tolist(), LABELS)
    spec = FeatureSpec(fields=(field,))
    asked = [*VALUES.tolist(), "never seen"]
    ours = FeatureEncoder(spec, unmeasured_reference(spec)).encode({"city": asked}, len(asked))

    def frame(values: list[str | None]) -> pd.DataFrame:
        levels = [None if value is None else normalise_level(value) for value in values]
        return pd.DataFrame({"city": pd.Series(levels, dtype=object)})

    encoder = TargetEncoder(cols=["city"])
    encoder.fit(frame(VALUES.tolist()), pd.Series(LABELS.astype(float)))
    theirs = encoder.transform(frame(asked))["city"].to_numpy()
    missing = np.array([value is None for value in asked])
    np.testing.assert_allclose(ours.matrix[~missing, 0], theirs[~missing], rtol=1e-6)
    assert np.isnan(ours.matrix[missing, 0]).all()
    assert field.prior == LABELS.mean()


def test_spellings_of_a_level_are_one_level() -> None:
    field = fit_target_encoding("x", ["A b", " a  B", "c", "N/A"], np.array([1, 0, 1, 0]) == 1)
    assert field.levels == ("a b", "c")


def test_no_lead_s_own_label_is_in_its_encoding() -> None:
    encoded = cross_fitted("city", VALUES, LABELS, seed=1)
    for training, own in folds(LABELS, CROSS_FIT_FOLDS, 1):
        field = fit_target_encoding("city", VALUES[training].tolist(), LABELS[training])
        known: dict[str | None, float] = dict(zip(field.levels, field.values, strict=True))
        for row in own:
            value = VALUES[row]
            if value is None:
                assert np.isnan(encoded[row])
            else:
                assert encoded[row] == np.float32(known[normalise_level(value)])


def test_levels_without_meaning_get_no_meaning_by_cross_fitting() -> None:
    # Each level has two leads: encoded on their own labels they would give the labels away.
    values = np.array([f"L{i // 2}" for i in range(2000)], dtype=object)
    labels = np.random.default_rng(0).random(2000) < 0.3
    field = fit_target_encoding("x", values.tolist(), labels)
    own: dict[str | None, float] = dict(zip(field.levels, field.values, strict=True))
    leaking = np.array([own[normalise_level(value)] for value in values])
    honest = cross_fitted("x", values, labels, seed=0)
    assert np.corrcoef(leaking, labels)[0, 1] > 0.5
    assert abs(np.corrcoef(honest, labels)[0, 1]) < 0.1


def test_a_fold_without_a_level_has_the_prior_only() -> None:
    field = fit_target_encoding("city", [WITHHELD, None], np.array([True, False]))
    assert (field.levels, field.values, field.prior) == ((), (), 0.5)
