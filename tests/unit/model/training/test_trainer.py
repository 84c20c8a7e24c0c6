"""Conformance tests of trainers: XGBoost's, and a small one that only tests have."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import optuna
import pytest
from numpy.typing import NDArray

from features.binning import unmeasured_reference
from features.field_spec import NumberField
from features.spec import FeatureSpec
from features.table_file import parse_table
from model.bundle import Artefacts, load_bundle, verify
from model.metadata import BundleMetadata, Calibration, Golden
from model.registry import Registry
from model.serving.native import NativePredictor
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.predictor import open_predictor
from model.training.boosting import BoostingParameters
from model.training.export import parity, to_onnx
from model.training.options import TrainOptions
from model.training.train import train
from model.training.trainer import Ensemble, Trainer
from model.training.xgboost_trainer import XgboostTrainer
from testing.engines import ENGINE
from tests.unit.model.training.stump_trainer import StumpTrainer
from tests.unit.small_booster import Trained, leads_matrix

TRAINERS: dict[str, Trainer] = {
    "xgboost": XgboostTrainer(BoostingParameters(boosters=2, trees=8, max_depth=3, eta=0.3)),
    "stumps": StumpTrainer(),
}
ULP = 6e-8
"""The last bit of a float32 near 1."""
COLUMNS = 6
SPEC = FeatureSpec(fields=tuple(NumberField(name=f"x{i}") for i in range(COLUMNS)))
MATRIX = leads_matrix(800, COLUMNS)
LABELS = np.random.default_rng(8).random(800) < 1 / (1 + np.exp(-np.nan_to_num(MATRIX[:, 1])))


@pytest.fixture(params=TRAINERS, scope="module")
def learner(request: pytest.FixtureRequest) -> Trainer:
    return TRAINERS[request.param]


def learnt(learner: Trainer, *, seed: int = 1, threads: int = 1) -> Ensemble:
    return learner.train(SPEC, MATRIX, LABELS, seed=seed, threads=threads)


@pytest.fixture(scope="module")
def ensemble(learner: Trainer) -> Ensemble:
    return learnt(learner)


@pytest.fixture(scope="module")
def metadata(ensemble: Ensemble, trained: Trained) -> BundleMetadata:
    """Return a model on the columns of ``SPEC``, with the golden rows of the ensemble."""
    golden = Golden.of(MATRIX[:32], Calibration().probability(ensemble.margins(MATRIX[:32])))
    return trained.metadata.model_copy(
        update={
            "spec": SPEC,
            "reference": unmeasured_reference(SPEC),
            "calibration": Calibration(),
            "golden": golden,
        }
    )


def auc(scores: NDArray[np.float32]) -> float:
    order = np.argsort(np.argsort(scores, kind="stable"))
    positives = int(LABELS.sum())
    ranks = float((order[LABELS] + 1).sum()) - positives * (positives + 1) / 2
    return ranks / (positives * (len(LABELS) - positives))


def test_it_learns(ensemble: Ensemble) -> None:
    assert auc(ensemble.margins(MATRIX)) > 0.65


def test_margins_are_finite_also_of_a_lead_of_which_nothing_is_known(ensemble: Ensemble) -> None:
    margins = ensemble.margins(MATRIX)
    assert (margins.dtype, margins.shape) == (np.float32, (len(MATRIX),))
    assert np.isnan(MATRIX[3]).all()
    assert np.isfinite(margins).all()


def test_contributions_add_up_to_the_margins_but_for_a_constant(ensemble: Ensemble) -> None:
    contributions = ensemble.contributions(MATRIX)
    assert (contributions.dtype, contributions.shape) == (np.float32, MATRIX.shape)
    left_over = ensemble.margins(MATRIX) - contributions.sum(axis=1)
    np.testing.assert_allclose(left_over, left_over[0], rtol=0, atol=1e-5)


def test_the_same_arguments_give_the_same_model(learner: Trainer, metadata: BundleMetadata) -> None:
    models = {to_onnx(learnt(learner, threads=threads), metadata) for threads in (1, 1, 2)}
    assert len(models) == 1


def test_parameters_are_json(learner: Trainer) -> None:
    assert json.loads(json.dumps(learner.parameters)) == learner.parameters


def test_the_exported_graph_is_accepted_and_scores_alike(
    ensemble: Ensemble, metadata: BundleMetadata
) -> None:
    onnx = to_onnx(ensemble, metadata)
    verify(Artefacts(onnx=onnx))
    predictor = OnnxPredictor(onnx)
    assert parity(predictor, ensemble, Calibration(), MATRIX) <= ULP
    served = predictor.contributions(MATRIX)
    np.testing.assert_allclose(served.fields, ensemble.contributions(MATRIX), rtol=0, atol=2e-6)
    margins = served.bias + served.fields.sum(axis=1)
    np.testing.assert_allclose(margins, ensemble.margins(MATRIX), rtol=0, atol=1e-5)


def test_a_file_for_the_native_engine_scores_alike(
    ensemble: Ensemble, metadata: BundleMetadata
) -> None:
    ubj = ensemble.ubj(metadata)
    if ubj is None:
        return
    assert parity(NativePredictor(ubj), ensemble, Calibration(), MATRIX) <= 1e-6


def test_the_base_rate_is_the_score_of_every_lead(
    learner: Trainer, metadata: BundleMetadata
) -> None:
    ensemble = learner.base_rate(COLUMNS, 0.0637)
    probability = Calibration().probability(ensemble.margins(MATRIX))
    np.testing.assert_allclose(probability, 0.0637, rtol=0, atol=1e-7)
    assert not ensemble.contributions(MATRIX).any()
    predictor = OnnxPredictor(to_onnx(ensemble, metadata))
    assert parity(predictor, ensemble, Calibration(), MATRIX) <= ULP
    assert not predictor.contributions(MATRIX).fields.any()


def test_a_trial_of_the_search_gives_a_trainer(learner: Trainer) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    suggested = learner.suggested(study.ask())
    assert type(suggested) is type(learner)
    assert suggested.parameters.keys() == learner.parameters.keys()
    assert suggested.parameters != learner.parameters


def test_a_second_trainer_trains_a_model_that_is_published_and_served(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    pages, site = random.integers(0, 30, 600), random.choice(["north", "south"], 600)
    won = random.random(600) < 1 / (1 + np.exp(3 - pages / 5))
    lines = [
        "pages,site,won",
        *(f"{p},{s},{'yes' if w else 'no'}" for p, s, w in zip(pages, site, won, strict=True)),
    ]
    table = parse_table("\n".join(lines).encode(), "leads.csv", None)
    trainer = StumpTrainer(rounds=20)
    model = train(table, TrainOptions(target="won", trainer=trainer, name="small", threads=1))
    assert model.artefacts.ubj is None
    assert model.metadata.training.parameters == trainer.parameters
    assert model.report.parity <= 1e-6
    registry = Registry(tmp_path)
    registry.publish("small", model.artefacts)
    bundle = load_bundle(registry.resolve("small"), None)
    predictor = open_predictor(bundle)
    assert predictor.engine == ENGINE
    golden = bundle.metadata.golden
    found = predictor.predict(golden.matrix).probability
    np.testing.assert_allclose(found, golden.scores, rtol=0, atol=1e-6)
    assert len({*found.tolist()}) > 3
