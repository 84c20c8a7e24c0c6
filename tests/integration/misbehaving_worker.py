"""A worker whose canary misbehaves: every version of a model but the first."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["HARMS", "worker_with"]

_PROGRAM = """
import runpy, sys, time
from dataclasses import replace
import numpy as np
from stream.scoring import serving_model

def harm(found):
    {predicting}
    return found

def cover(features):
    {covering}
    return features

class Misbehaving:
    def __init__(self, predictor):
        self.engine, self.predictor = predictor.engine, predictor

    def predict(self, matrix):
        return harm(self.predictor.predict(matrix))

class Blind:
    def __init__(self, encoder):
        self.encoder = encoder

    def encode(self, columns, n, **options):
        return cover(self.encoder.encode(columns, n, **options))

open_predictor, scorer_of = serving_model.open_predictor, serving_model.scorer_of

def opened(bundle, **options):
    predictor = open_predictor(bundle, **options)
    return predictor if bundle.version == "1" else Misbehaving(predictor)

def made(bundle, *given, **options):
    scorer = scorer_of(bundle, *given, **options)
    if bundle.version != "1":
        scorer._encoder = Blind(scorer._encoder)
    return scorer

serving_model.open_predictor, serving_model.scorer_of = opened, made
sys.argv = ["leadscore", "worker"]
runpy.run_module("stream", run_name="__main__")
"""
HARMS = {
    "raises": ("raise RuntimeError('out of order')", ""),
    "slow": ("time.sleep(0.05)", ""),
    "no number": (
        "found = replace(found, probability=np.full_like(found.probability, np.nan))",
        "",
    ),
    "badly calibrated": ("found = replace(found, probability=np.sqrt(found.probability))", ""),
    "dead letters": ("", "features = features._replace(coverage=features.coverage * 0)"),
    "none": ("", ""),
}
"""Faults of a canary: in its predictions, and in the features."""


def worker_with(harm: str) -> Sequence[str]:
    """Return the command of a worker whose canary does harm."""
    predicting, covering = (text or "pass" for text in HARMS[harm])
    return (sys.executable, "-c", _PROGRAM.format(predicting=predicting, covering=covering))
