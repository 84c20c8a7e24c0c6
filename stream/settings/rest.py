"""Settings: the REST server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from stream.settings.base import LONGEST, Count, Port, Seconds, SettingsGroup, split

__all__ = ["RestSettings"]


class RestSettings(SettingsGroup):
    """REST server (`leadscore serve`)."""

    rest_host: str = "127.0.0.1"
    """Address on which `leadscore serve` listens. Any other than this machine's own needs a token
    or client certificates."""

    rest_port: Port = 8000
    """Port of `leadscore serve`; 0: any free port."""

    rest_token: SecretStr | None = None
    """Token that clients of `leadscore serve` send as `Authorization: Bearer TOKEN`; not needed for
    /health, /healthz and /readyz."""

    rest_certfile: Path | None = None
    """Certificate (PEM) of `leadscore serve`; with it, the server speaks TLS."""

    rest_keyfile: Path | None = None
    """Key (PEM) of that certificate, if it is not in the same file."""

    rest_client_cafile: Path | None = None
    """CA certificates (PEM) of clients; with it, each client must present a certificate, but not
    for /health, /healthz and /readyz."""

    rest_rate_limit: str = "6000/minute"
    """Maximum rate of requests of a client address, such as `100/second`; shown in the headers
    `X-RateLimit-*`."""

    rest_enforce_rate_limit: bool = False
    """Whether a request beyond that rate is refused with 429."""

    rest_max_body_bytes: Count = 8_388_608
    """Maximum size of a request's body; a larger one is refused with 413."""

    rest_timeout_seconds: Seconds = 10.0
    """Maximum time from the head of a request to its answer."""

    rest_max_waiting_leads: Count = 20_000
    """Maximum number of leads, of all requests, that wait for the model; a request beyond it is
    refused with 503."""

    rest_cache_seconds: Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False)] = 300.0
    """Time for which a score is kept for leads of the same content; 0: no cache."""

    rest_cache_entries: Count = 20_000
    """Maximum number of scores that are kept, about 2 kB each; the oldest are removed first."""

    rest_cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)] = ()
    """Origins whose pages may call `leadscore serve`, separated by commas; `*`: all."""

    rest_lead_store: SecretStr | None = None
    """URL of the database whose table `leads` has the leads that a request names by id:
    postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:///FILE. `leadscore sink sql --content leads`
    fills it."""

    rest_lead_store_seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 2.0
    """Maximum time of a query of that database; after it the request is refused with 503."""

    rest_lead_store_connections: Annotated[int, Field(ge=1, le=100)] = 4
    """Number of connections to that database, and so of queries at the same time."""

    rest_write_leads: bool = False
    """Whether `leadscore serve` writes whole leads that it has scored to the topic of leads, before
    it answers."""

    rest_max_unwritten_leads: Count = 10_000
    """Maximum number of leads that wait for Kafka's acknowledgement; a request beyond it is refused
    with 503."""

    rest_log: Path | None = None
    """Folder in which `leadscore serve` writes requests and predictions as JSON lines."""

    rest_log_content: Literal["ids", "all"] = "ids"
    """Content of these lines: `ids`, ids, scores and statuses; `all`, also the leads' fields and
    the whole scored event, which are personal data."""

    rest_legacy_url: str | None = None
    """URL of an earlier scoring API; with it, `/ai/advanced-ml-legacy/predict-batch` passes
    requests on to it."""
