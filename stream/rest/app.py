"""The routes of the REST server."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from monitoring.telemetry.health import Health
from schemas.store import Schema
from stream.rest import openapi
from stream.rest.bodies import Batch, read_batch, read_lead
from stream.rest.lead_lookups import LeadLookups
from stream.rest.lead_store import StoredLead
from stream.rest.legacy import LegacyApi
from stream.rest.micro_batches import OverloadedError
from stream.rest.middleware import EARLIER_PREFIX, Endpoint
from stream.rest.predictions import Predictions, as_prediction
from stream.rest.problems import Problem, answer_problems, json_response
from stream.rest.request_log import RequestLog
from stream.rest.scoring import Answer, NoModelError, Refusal
from stream.settings import PREFIX

__all__ = ["Service", "direct_endpoints", "make_app"]

PREFIXES = ("", EARLIER_PREFIX)
"""Prefixes of the paths of predictions, of the state and of the models."""
NO_MODEL = Problem(
    503,
    "NO_MODEL",
    "expected a model to be loaded, but there is none yet: /readyz has the reason",
    {"Retry-After": "5"},
)
OVERLOADED = Problem(
    503,
    "OVERLOADED",
    "expected fewer leads at once: try again after a second, or start more servers",
    {"Retry-After": "1"},
)
NO_SUCH_LEAD = Refusal(
    "NO_SUCH_LEAD",
    "expected the id of a lead that the lead store has: send the whole lead, or try again once it"
    " is there",
)
NO_STORE = Problem(
    422,
    "NO_LEAD_STORE",
    "expected whole leads, as this server has no lead store to look ids up in: send them, or set"
    f" {PREFIX}REST_LEAD_STORE",
)
STATUSES = {
    401: "The token is missing or wrong, or the client has no certificate.",
    413: "The body, a lead, or the number of leads is too large.",
    422: "The body is no lead, or a lead can't be scored.",
    429: "The client has sent too many requests.",
    500: "An unexpected error.",
    502: "The earlier API failed.",
    503: "No model is loaded, too many leads wait, the lead store or Kafka does not answer, or the"
    " request took too long.",
}


@dataclass(frozen=True, slots=True)
class Service:
    """The parts that the routes call.

    Attributes
    ----------
    predictions
        Scores leads.
    lookups
        Looks leads up by id; None: there is no lead store.
    log
        Writes requests and predictions as JSON lines; None: they are not written.
    legacy
        An earlier scoring API; None: there is none.
    health, registry
        What health and metrics show.
    models
        Returns the description of all models of the registry; may block.
    model_info
        Returns that of the models in production and in shadow; may block.
    stage
        Returns the stage of the model in service; None if there is none.
    contract, scored
        The schemas of leads and of scored events.
    has_grades
        Whether answers have grades.
    """

    predictions: Predictions
    lookups: LeadLookups | None
    log: RequestLog | None
    legacy: LegacyApi | None
    health: Health
    registry: CollectorRegistry
    models: Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]
    model_info: Callable[[], Awaitable[Mapping[str, Any] | None]]
    stage: Callable[[], str | None]
    contract: Schema
    scored: Schema
    has_grades: bool


def make_app(service: Service) -> FastAPI:
    """Return the application of a service."""
    app = FastAPI(title="LeadScore", version=version("leadscore"), redoc_url=None)
    for prefix in PREFIXES:
        app.include_router(_predictions(service), prefix=prefix)
        app.include_router(_about(service), prefix=prefix)
    app.include_router(_probed(service))
    if service.legacy is not None:
        app.include_router(_legacy(service.legacy))
    answer_problems(app, lambda detail: f"{detail}: /docs shows the paths and their methods")
    app.openapi = lambda: _openapi(app, service)  # type: ignore[method-assign]
    return app


def direct_endpoints(service: Service) -> dict[str, Endpoint]:
    """Return the endpoints of the paths of predictions, for callers that route themselves."""

    async def score_lead(request: Request) -> Response:
        return await _score_lead(service, request)

    async def predict_batch(request: Request) -> Response:
        return await _predict_batch(service, request)

    return {
        f"{prefix}{path}": endpoint
        for prefix in PREFIXES
        for path, endpoint in (("/score-lead", score_lead), ("/predict-batch", predict_batch))
    }


def _predictions(service: Service) -> APIRouter:
    router, endpoints = APIRouter(tags=["predictions"]), direct_endpoints(service)
    router.add_api_route(
        "/score-lead",
        endpoints["/score-lead"],
        methods=["POST"],
        summary="Score a lead",
        openapi_extra=_body("Lead"),
        responses=_responses("Prediction", 401, 413, 422, 429, 500, 503),
    )
    router.add_api_route(
        "/predict-batch",
        endpoints["/predict-batch"],
        methods=["POST"],
        summary="Score up to 2,000 leads, whole or by id",
        openapi_extra=_body("Leads"),
        responses=_responses("Predictions", 401, 413, 422, 429, 500, 503),
    )
    return router


async def _score_lead(service: Service, request: Request) -> Response:
    started = time.perf_counter()
    lead = read_lead(await request.body())
    request.state.leads = [lead]
    [answer] = await _scored(service, [lead], [_now_ms()], request)
    if isinstance(answer, Refusal):
        raise Problem(422, answer.code, answer.message)
    prediction = as_prediction(answer, _ms_since(started))
    _log_predictions(service, [prediction])
    return json_response(prediction)


async def _predict_batch(service: Service, request: Request) -> Response:
    started = time.perf_counter()
    batch = read_batch(await request.body())
    request.state.leads = batch.ids or batch.leads
    found = await _found(service.lookups, batch)
    known = [lead for lead in found if lead is not None]
    leads, times = [lead.fields for lead in known], [lead.written_at for lead in known]
    are_new = not batch.ids
    answers = iter(await _scored(service, leads, times, request, are_new=are_new) if known else ())
    predictions, errors = [], []
    for index, lead in enumerate(found):
        answer = NO_SUCH_LEAD if lead is None else next(answers)
        if isinstance(answer, Refusal):
            lead_id = batch.ids[index] if lead is None else lead.fields.get("lead_id")
            errors.append(_error(index, lead_id, answer))
        else:
            predictions.append(answer)
    took = _ms_since(started)
    named = [as_prediction(event, took) for event in predictions]
    _log_predictions(service, named)
    return json_response(
        {
            "predictions": named,
            "errors": errors,
            "count": len(predictions),
            "latency_ms": round(took, 3),
        }
    )


def _about(service: Service) -> APIRouter:
    router = APIRouter(tags=["service"])

    @router.get("/health", summary="State of the service", responses=_plain_responses())
    async def health() -> Response:
        stage = service.stage()
        return json_response(
            {
                "status": "degraded" if stage is None else "healthy",
                "model_loaded": stage is not None,
                "model_stage": stage,
                "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            }
        )

    _add_models(router, service)
    return router


def _probed(service: Service) -> APIRouter:
    router = APIRouter(tags=["service"])

    @router.get("/healthz", summary="Whether the process is alive", responses=_plain_responses(503))
    async def healthz() -> Response:
        is_alive, detail = service.health.alive(time.monotonic())
        return json_response(detail, 200 if is_alive else 503)

    @router.get("/readyz", summary="Whether it can score", responses=_plain_responses(503))
    async def readyz() -> Response:
        is_ready, detail = service.health.ready()
        if service.lookups is not None:  # whole leads are scored without it
            detail["lead_store"] = service.lookups.state()
        return json_response(detail, 200 if is_ready else 503)

    @router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(service.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router


def _add_models(router: APIRouter, service: Service) -> None:
    @router.get("/models", summary="The models of the registry", responses=_plain_responses(503))
    async def models() -> Response:
        return json_response({"models": await service.models()})

    @router.get(
        "/model-info",
        summary="The model in production, and the one in shadow",
        responses=_plain_responses(503),
    )
    async def model_info() -> Response:
        if (info := await service.model_info()) is None:
            raise NO_MODEL
        return json_response(info)


def _legacy(api: LegacyApi) -> APIRouter:
    router = APIRouter(tags=["predictions"])

    @router.post(
        "/ai/advanced-ml-legacy/predict-batch",
        summary="Pass a request on to the earlier scoring API",
        openapi_extra=_body("Leads"),
        responses=_plain_responses(502, 503),
    )
    async def predict_batch(request: Request) -> Response:
        answer = await api.predict(await request.body(), request.state.request_id)
        return Response(
            answer.content,
            status_code=answer.status_code,
            media_type=answer.headers.get("content-type"),
        )

    return router


async def _scored(
    service: Service,
    leads: Sequence[Mapping[str, Any]],
    times: Sequence[int],
    request: Request,
    *,
    are_new: bool = True,
) -> list[Answer]:
    request_id = request.state.request_id
    try:
        return await service.predictions.of(leads, request_id, times, are_new=are_new)
    except NoModelError:
        raise NO_MODEL from None
    except OverloadedError:
        raise OVERLOADED from None


async def _found(lookups: LeadLookups | None, batch: Batch) -> Sequence[StoredLead | None]:
    """Return the leads of a request with the times of their records; None for an unknown id."""
    if not batch.ids:
        now_ms = _now_ms()
        return [StoredLead(lead, now_ms) for lead in batch.leads]
    if lookups is None:
        raise NO_STORE
    return await lookups.find(batch.ids)


def _log_predictions(service: Service, predictions: Sequence[Mapping[str, Any]]) -> None:
    if service.log is not None:
        service.log.add_predictions(predictions)


def _error(index: int, lead_id: Any, refusal: Refusal) -> dict[str, Any]:
    return {
        "index": index,
        "lead_id": lead_id if isinstance(lead_id, str) else None,
        "code": refusal.code,
        "message": refusal.message,
    }


def _now_ms() -> int:
    return round(time.time() * 1000)


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _body(schema: str) -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def _responses(schema: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    found: dict[int | str, dict[str, Any]] = {200: _response("The scores.", schema)}
    found.update({status: _response(STATUSES[status], "Error") for status in statuses})
    return found


def _plain_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": {"type": "object"}}}
    found: dict[int | str, dict[str, Any]] = {}
    for status in (200, *statuses):
        description = STATUSES.get(status, "As it is now.")
        found[status] = {"description": description, "content": content}
    return found


def _response(description: str, schema: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {
        "description": description,
        "content": {"application/json": {"schema": reference}},
    }


def _openapi(app: FastAPI, service: Service) -> dict[str, Any]:
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        found.setdefault("components", {})["schemas"] = {
            "Lead": openapi.lead_request(service.contract),
            "Leads": openapi.batch_request(),
            "Prediction": openapi.prediction(service.scored, has_grade=service.has_grades),
            "Predictions": openapi.batch_answer(),
            "Error": openapi.ERROR,
        }
        app.openapi_schema = found
    return app.openapi_schema
