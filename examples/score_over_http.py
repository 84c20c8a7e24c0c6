"""Score leads over HTTP, with types: `leadscore serve` first, then this program.

LEADSCORE_URL is the server's address, LEADSCORE_REST_TOKEN its token if it has one.
"""

import json
import os
import urllib.error
import urllib.request
from typing import Any, NotRequired, TypedDict

URL = os.environ.get("LEADSCORE_URL", "http://localhost:8000")
TOKEN = os.environ.get("LEADSCORE_REST_TOKEN", "")


class Prediction(TypedDict):
    """The fields of an answer that most programs need; docs/scored-event.md has all of them."""

    event_id: str
    lead_id: str
    lead_score: float
    score_category: str  # High, Medium or Low
    model_version: str
    prediction_timestamp: str  # ISO 8601, UTC
    latency_ms: float
    grade: NotRequired[str | None]  # only with LEADSCORE_GRADE_RULES


class LeadError(TypedDict):
    """Why a lead of a batch has no score."""

    index: int
    lead_id: str | None
    code: str
    message: str


class Predictions(TypedDict):
    """The answer of a batch."""

    predictions: list[Prediction]
    errors: list[LeadError]
    count: int
    latency_ms: float


def post(path: str, body: Any) -> Any:
    """Send a request; an error of the server ends the program with its sentence."""
    request = urllib.request.Request(
        URL + path,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(json.load(error)["error"]["message"]) from None


def score_lead(lead: dict[str, Any]) -> Prediction:
    """Return the score of a lead."""
    prediction: Prediction = post("/score-lead", lead)
    return prediction


def predict_batch(leads: list[dict[str, Any]]) -> Predictions:
    """Return the scores of up to 2,000 leads, and errors of those that have none."""
    predictions: Predictions = post("/predict-batch", {"leads": leads})
    return predictions


one = score_lead({"lead_id": "L-1", "company_size": 250, "industry": "software"})
print(one["lead_id"], round(one["lead_score"], 3), one["score_category"])
batch = predict_batch([{"lead_id": "L-2", "page_views": 12}, {"lead_id": 3}])
for found in batch["predictions"]:
    print(found["lead_id"], round(found["lead_score"], 3), found["score_category"])
for wrong in batch["errors"]:
    print(wrong["index"], wrong["code"], wrong["message"])
