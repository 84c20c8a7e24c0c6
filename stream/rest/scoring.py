"""Scores leads of requests with the model in service, as a worker scores records."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.headers import ERROR_MESSAGE
from stream.rest.leads import RestLead
from stream.scoring.serving_model import Serving

__all__ = ["Answer", "NoModelError", "Refusal", "score_leads"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A verdict on a lead that can't be scored: on Kafka it would be a dead letter.

    Attributes
    ----------
    code
        One of ``schemas.errors.ErrorCode``, or of this server.
    message
        What was expected, what came, and what to do. No field value.
    """

    code: str
    message: str


Answer = dict[str, Any] | Refusal
"""The fields of the scored event (schemas/lead_scored.avsc), or why there is none."""


class NoModelError(Exception):
    """No model is loaded."""


def score_leads(
    serving: Serving | None,
    leads: Sequence[RestLead],
    clock: Callable[[], float] = time.time,
) -> list[Answer]:
    """Score leads; safe in a thread.

    Parameters
    ----------
    serving
        The model, whose scorer writes JSON.
    leads
        At least one.
    clock
        The wall clock, seconds since 1970.

    Returns
    -------
    list
        An answer for each lead, in their order.

    Raises
    ------
    NoModelError
        There is no model.
    """
    if serving is None:
        raise NoModelError
    scorer = serving.scorer
    read = scorer.decode(leads)
    features = scorer.features(read)
    outcome = scorer.outputs(
        read,
        features,
        scorer.predict(features),
        scored_at=round(clock() * 1000),
        too_large=lambda _: (),
    )
    answers: dict[int, Answer] = {
        position: orjson.loads(value or b"")
        for position, (_, value, _) in zip(outcome.positions, outcome.scored, strict=True)
    }
    for letter in outcome.dead_letters:
        _, _, headers = letter.output
        message = dict(headers).get(ERROR_MESSAGE) or b""
        answers[letter.position] = Refusal(str(letter.code), message.decode())
    return [answers[position] for position in range(len(leads))]
