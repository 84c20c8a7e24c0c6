"""Every environment variable of LeadScore: one typed class, a docstring a field.

docs/settings.md is made from this page by `make docs`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import Annotated, Any, Literal, Self

from aiokafka.helpers import create_ssl_context
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.errors import StartupError
from schemas.urls import mask_url

__all__ = [
    "PREFIX",
    "Settings",
    "load_settings",
    "variable_of",
]

PREFIX = "LEADSCORE_"

MOST = 2**31 - 1
"""Largest value of counts and milliseconds in Kafka's protocol."""
Count = Annotated[int, Field(ge=1, le=MOST)]
MIB = 1 << 20
LEADS_OF_BUDGET = 96
"""Number of the largest leads that must fit into the memory budget, some at each stage."""
LONGEST = 10 * 366 * 86_400.0
"""Seconds: ten years. A longer time must be a typo, and overflows some clocks."""
Seconds = Annotated[float, Field(gt=0, le=LONGEST, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Port = Annotated[int, Field(ge=0, le=65535)]


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,249}", name):
        raise ValueError("expected at most 249 letters, digits, '.', '_' and '-'")
    return name


def _check_servers(servers: str) -> str:
    for server in servers.split(","):
        host, _, port = server.rpartition(":")
        if not re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]", host) or not port.isdecimal():
            raise ValueError("expected host:port, several separated by commas")
    return servers


def _check_urls(urls: str) -> str:
    for url in urls.split(","):
        if not re.match(r"\s*https?://[^/\s]+", url):
            raise ValueError("expected http:// or https:// and a host, several separated by commas")
    return urls


def _check_private_url(url: str) -> str:
    if not re.match(r"https://[^/\s]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/|$)", url):
        raise ValueError("expected https:// and a host: an access token is sent there")
    return url.rstrip("/")


def _split(given: Any) -> Any:
    return given.split(",") if isinstance(given, str) else given


def _split_words(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    words = tuple(word.strip().casefold() for word in given.split(","))
    if not all(words):
        raise ValueError("expected words, several separated by commas")
    return words


def _split_pairs(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    pairs = [pair.partition("=") for pair in given.split(",")]
    if not all(re.fullmatch(r"\s*\w+\s*=\s*\w+\s*", "".join(pair)) for pair in pairs):
        raise ValueError("expected FIELD=PROPERTY, several separated by commas")
    return {field.strip(): to.strip() for field, _, to in pairs}


Name = Annotated[str, AfterValidator(_check_name)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_words), Field(min_length=1)]
IS_TOPIC = "topic"
"""Marks settings that name topics; no two of them may be equal."""
Topic = Annotated[Name, Field(min_length=1), IS_TOPIC]
CHANGELOG = "-drift_windows-changelog"


def _prefixed(name: str, validated: dict[str, Any]) -> str:
    return f"{validated.get('topic_prefix', '')}{name}"


def _named(name: str) -> Any:
    return Field(default_factory=partial(_prefixed, name))


class Settings(BaseSettings):
    """The settings of every command, from the environment."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        protected_namespaces=(),
        use_attribute_docstrings=True,
    )

    environment: Annotated[
        Literal["production", "staging", "development", "test"], BeforeValidator(str.lower)
    ] = Field("production", validation_alias=f"{PREFIX}ENV")
    """Environment. In development and test a worker without a model gives a constant score."""

    role: Literal["score", "drift", "all", "archive", "sink"] = "score"
    """Role of a worker: score leads, monitor drift, both in one process; archive leads; or write to
    a sink."""

    kafka_bootstrap_servers: Annotated[str, AfterValidator(_check_servers)] = Field(
        "localhost:9092",
        validation_alias=AliasChoices(
            f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP_SERVERS"
        ),
    )
    """Kafka's address: host:port, several separated by commas."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Protocol of connections to Kafka."""

    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """SASL mechanism, if the security protocol is SASL_PLAINTEXT or SASL_SSL."""

    sasl_username: str | None = None
    """User name for Kafka."""

    sasl_password: SecretStr | None = None
    """Password for Kafka."""

    ssl_cafile: Path | None = None
    """CA certificates (PEM) to verify Kafka's certificate with; default: the system's."""

    ssl_certfile: Path | None = None
    """Client certificate (PEM)."""

    ssl_keyfile: Path | None = None
    """Key (PEM) of the client certificate, if it is not in the same file."""

    ssl_password: SecretStr | None = None
    """Password of that key."""

    topic_prefix: Name = ""
    """Prefix of the default names of the topics and of the group, such as `staging.`; names that
    are set get no prefix."""

    leads_created: Topic = _named("leads.created")
    """Topic of the leads to score."""

    leads_scored: Topic = _named("leads.scored")
    """Topic of the scored leads."""

    leads_created_dlq: Topic = Field(
        default_factory=lambda validated: f"{validated.get('leads_created', 'leads.created')}.dlq"
    )
    """Topic of the dead letters: leads that can't be scored, with the reason. Default: the leads
    topic with `.dlq` appended."""

    leads_redrives: Topic = _named("leads.redrives")
    """Topic of the re-drives of dead letters: plan, progress and account of each."""

    leads_sinks_dlq: Topic = _named("leads.sinks.dlq")
    """Topic of the dead letters of sinks: records that a target refuses, with the reason."""

    leads_scored_shadow: Topic = _named("leads.scored.shadow")
    """Topic of the candidate model's scores for the same leads."""

    leads_outcomes: Topic = _named("leads.outcomes")
    """Topic of the leads' outcomes."""

    leads_outcomes_dlq: Topic = Field(
        default_factory=lambda validated: f"{validated.get('leads_outcomes', 'leads.outcomes')}.dlq"
    )
    """Topic of the dead letters of outcomes: records that are no outcome, with the reason. Default:
    the topic of outcomes with `.dlq` appended."""

    leads_quality: Topic = _named("leads.quality")
    """Topic of the reports on the quality of scores, measured by outcomes."""

    leads_drift_partials: Topic = _named("leads.drift.partials")
    """Topic of the counts of blocks of leads, from which drift is measured."""

    leads_drift: Topic = _named("leads.drift")
    """Topic of the drift reports."""

    leads_replays: Topic = _named("leads.replays")
    """Topic of the plans of replays, and of their ends."""

    sink: Literal["jsonl", "delta", "sql", "webhook", "crm"] = "jsonl"
    """Kind of the sink (docs/sinks.md)."""

    sink_content: Literal["scores", "leads"] = "scores"
    """Content that a sink writes: scored events, or the leads themselves."""

    sink_name: Name = ""
    """Name of the sink: sinks with the same name share the work, others each write everything.
    Default: kind and content, such as `sql-scores`."""

    sink_to: str = ""
    """Where a sink writes: a folder, the URL of a database, table or webhook, a file with several
    webhooks, or the name of a CRM."""

    sink_records: Count | None = None
    """Maximum number of records that a sink gathers for one write; default: as the kind of sink
    needs it."""

    sink_seconds: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] | None = None
    """Maximum time for which a sink gathers records for one write; default: as the kind of sink
    needs it."""

    sink_history: bool = False
    """Whether the sink `sql` keeps every score, beside the latest one of each lead."""

    sink_compact_commits: Count = 50
    """Number of commits after which the sink `delta` compacts small files."""

    sink_rotate_mb: Count = 64
    """Size in MB (2^20 bytes) after which the sink `jsonl`, or the log of `leadscore serve`, begins
    the next file."""

    sink_rotate_seconds: Seconds = 3600.0
    """Age after which the sink `jsonl`, or the log of `leadscore serve`, begins the next file."""

    sink_compression: Literal["none", "gzip", "zstd"] = "gzip"
    """Compression of finished files of the sink `jsonl`, and of those of `leadscore serve`."""

    sink_webhook_secret: SecretStr | None = None
    """Secret with which the sink `webhook` signs (`whsec_` and Base64); while it changes, the new
    and the old one, separated by a space."""

    sink_webhook_template: Annotated[str, Field(min_length=1)] = "standard"
    """Body of a webhook: `standard`, `slack`, or a file with a template (JSON)."""

    sink_webhook_hot_only: bool = False
    """Whether the sink `webhook` sends events of hot leads (`High`) alone."""

    sink_webhook_band_crossed: bool = False
    """Whether the sink `webhook` sends an event only if the lead's band is another one than before;
    with the next setting: if one of the two is true."""

    sink_webhook_score_changed: Annotated[float, Field(ge=0, lt=1)] | None = None
    """The sink `webhook` sends an event only if the lead's score differs by more than this from the
    one before."""

    sink_webhook_lookback: Count = 100_000
    """Number of offsets that the sink `webhook` reads back for the score that a lead had before."""

    sink_webhook_allow_private: bool = False
    """Whether the sink `webhook` may send to addresses of private networks, and by http://."""

    sink_webhook_ssl_cafile: Path | None = None
    """CA certificates (PEM) to verify the certificate of a webhook with; default: the system's."""

    sink_webhook_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    """Time limit of one attempt to send a webhook."""

    sink_webhook_concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    """Maximum number of webhooks that are sent at once, each of another lead."""

    sink_webhook_attempts: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Number of answers such as 500 to an event after which the sink `webhook` makes a dead letter
    of it. While a target can't be reached it waits without a limit."""

    crm_url: Annotated[str, AfterValidator(_check_private_url)] | None = None
    """Address of the CRM: `https://MY-DOMAIN.my.salesforce.com`, `https://ORG.crm.dynamics.com`.
    Default for HubSpot: `https://api.hubapi.com`."""

    crm_object: Name = ""
    """Kind of the CRM's records. Default: `contacts` of HubSpot, `Lead` of Salesforce, `leads` of
    Dynamics."""

    crm_key: Name = ""
    """Property of these records that holds `lead_id`: one with unique values, by which records are
    updated or created; or the CRM's own id (`hs_object_id`, `Id`), by which they are only
    updated."""

    crm_fields: Annotated[Mapping[str, str], NoDecode, BeforeValidator(_split_pairs)] = {}
    """Properties that the sink `crm` writes, by field of the scored event: `FIELD=PROPERTY`,
    separated by commas (docs/crm.md). Default: `score`, `category`, `reasons`, `scored_at` and
    `order`, in properties that begin with `leadscore_`."""

    crm_token: SecretStr | None = None
    """Access token of the CRM, such as that of a private app of HubSpot."""

    crm_client_id: str | None = None
    """Client id for access tokens of OAuth's client credentials grant, instead of a token."""

    crm_client_secret: SecretStr | None = None
    """Secret of that client."""

    crm_token_url: Annotated[str, AfterValidator(_check_private_url)] | None = None
    """Address that gives these tokens. Default for Salesforce: `/services/oauth2/token` at the
    address of the CRM; for Dynamics, set
    `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`."""

    crm_requests_per_second: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = (
        None
    )
    """Requests to the CRM per second and process, on average. Default: 8 to HubSpot, 10 to
    Salesforce, 15 to Dynamics."""

    hooks_url: Annotated[str, AfterValidator(_check_urls)] | None = None
    """Address of `leadscore hooks` as CRMs see it, such as `https://hooks.example.com`: HubSpot
    signs it."""

    hooks_hubspot_secret: SecretStr | None = None
    """Client secret of the HubSpot app that sends webhooks; with it, `/hooks/hubspot` is served."""

    hooks_salesforce_org: str | None = None
    """Id of the Salesforce org that sends outbound messages, 18 characters; with it and a secret or
    certificates of clients, `/hooks/salesforce` is served."""

    hooks_salesforce_secret: Annotated[SecretStr, Field(min_length=16)] | None = None
    """Secret in the address of Salesforce's outbound messages (`/hooks/salesforce?secret=SECRET`),
    as these have no signature. At least 16 characters."""

    hooks_secret: SecretStr | None = None
    """Secret of the Standard Webhooks signature, `whsec_` and base64; with it, `/hooks/generic` is
    served."""

    hooks_fields: Annotated[Mapping[str, str], NoDecode, BeforeValidator(_split_pairs)] = {}
    """Fields of a lead that webhooks of HubSpot and Salesforce fill in, by property of the CRM:
    `FIELD=PROPERTY`, separated by commas, such as `company_size=numberofemployees`."""

    replay_live_lag: Count = 20_000
    """Lag of the workers' group, in records, above which a replay slows down."""

    replay_live_latency_ms: Count = 1000
    """End-to-end latency of the workers' latest events, in milliseconds, above which a replay slows
    down."""

    archive: Path | None = None
    """Folder of the archive of leads, on a disk of this machine or one that supports file locks.
    The role `archive` writes it."""

    archive_file_mb: Annotated[int, Field(ge=1, le=65_536)] = 128
    """Size of a file of the archive at which it is completed, in MB (2^20 bytes)."""

    archive_file_seconds: Seconds = 600.0
    """Age of a file of the archive at which it is completed: how late a lead may be in it."""

    archive_least_free_mb: Annotated[int, Field(ge=16, le=MOST)] = 512
    """Free space of the archive's disk below which nothing more is archived, in MB (2^20 bytes)."""

    outcome_positive: Words = ("converted", "won")
    """Outcomes that are a success, separated by commas; case is ignored."""

    outcome_negative: Words = ("lost", "disqualified", "unqualified", "not_converted")
    """Outcomes that are a failure. Any outcome in neither list, such as `engaged`, is a step on the
    way: it decides nothing."""

    outcome_horizon_days: Annotated[float, Field(gt=0, le=3660)] = 60.0
    """Days after a score in which an outcome counts for it. A score counts when they have passed;
    without a final outcome by then, as a failure."""

    outcome_late_days: Annotated[float, Field(gt=0, le=366)] = 14.0
    """Days after the horizon in which an outcome that occurred within it may still arrive."""

    group_id: Annotated[str, Field(min_length=1)] = _named("leadscore")
    """Consumer group of the workers. The drift role's group and changelog are named after it."""

    group_protocol: Literal["own", "both"] = "own"
    """Protocols that a scoring worker lists when it joins the group: `own`, LeadScore's, which
    keeps other clients out; or `both`, also the round robin of earlier versions, for one rolling
    restart."""

    foreign_commits: Literal["accept", "stop"] = "accept"
    """Action on a partition whose offset was not committed by a LeadScore worker, or whose commit
    is missing though it has outputs: report it and start there, or report it and stop."""

    registry: Annotated[str, Field(min_length=1)] = "models"
    """Location of the models: a folder, or a URL that fsspec supports."""

    model: Annotated[str, Field(min_length=1)] = "leads"
    """The model that scores: `name@alias`, `name/version`, or `name`, which means its production
    alias if one is set, else its newest version that is not archived."""

    pinned_model: Literal["follow", "ignore"] = "follow"
    """Which model scores records that an earlier worker may have scored: `follow`, the one that the
    group's commits name; `ignore`, the current one. Use `ignore` if the pinned model kills
    workers."""

    model_poll_seconds: Seconds = 2.0
    """Interval at which the model's alias is checked."""

    operator: Annotated[str, Field(max_length=100)] = ""
    """Name under which `leadscore models` records changes of aliases in the registry's history;
    default: the user of the operating system."""

    model_threads: Count = 1
    """Threads of a model for one batch."""

    schema_dir: Path | None = None
    """Folder of further Avro schemas (*.avsc), in addition to those of LeadScore."""

    contract: str | None = None
    """Name of the schema that leads are promised to have; default: the model's own contract."""

    schema_registry_url: Annotated[str, AfterValidator(_check_urls)] | None = None
    """Address of a schema registry with Confluent's REST interface, for leads and scored events in
    Confluent's framing; several separated by commas. Default: there is none, and such leads become
    dead letters (`WIRE_FORMAT`)."""

    schema_registry_username: str | None = None
    """User name for the schema registry (HTTP basic authentication)."""

    schema_registry_password: SecretStr | None = None
    """Password for the schema registry."""

    schema_registry_token: SecretStr | None = None
    """Bearer token for the schema registry, instead of user name and password."""

    schema_registry_cluster: str = ""
    """Logical cluster (`lsrc-…`) that Confluent Cloud needs beside a token."""

    schema_registry_ssl_cafile: Path | None = None
    """CA certificates (PEM) to verify the schema registry's certificate with; default: those of the
    Python package certifi."""

    schema_registry_ssl_certfile: Path | None = None
    """Client certificate (PEM) for the schema registry."""

    schema_registry_ssl_keyfile: Path | None = None
    """Key (PEM) of that certificate, if it is not in the same file."""

    schema_registry_ssl_password: SecretStr | None = None
    """Password of that key."""

    schema_registry_timeout_seconds: Seconds = 5.0
    """Time limit of one request to the schema registry."""

    schema_registry_wait_seconds: Seconds = 60.0
    """How long a partition waits for the schema of an id that is not known yet, while the schema
    registry does not answer; other partitions go on."""

    schema_registry_unresolved: Literal["dead_letter", "stop"] = "dead_letter"
    """Action after that wait: `dead_letter`, the leads with this id become dead letters
    (`SCHEMA_ID`); or `stop`, the worker stops, and its leads are read again."""

    schema_registry_cache: Path | None = None
    """Folder in which schemas of the schema registry are kept, so that a worker can start while the
    registry does not answer. Default: they are kept in memory only."""

    max_event_bytes: Count = 262_144
    """Largest event that is decoded; larger ones become dead letters."""

    earliest_year: Annotated[int, Field(ge=1, le=2100)] = 1990
    """First year of a plausible time. A lead with an earlier `created_at` becomes a dead letter
    (`TIME`); so does one with an earlier date in a field of the model, unless the training data
    have such dates."""

    times_ahead_days: Annotated[float, Field(ge=0, le=36_600, allow_inf_nan=False)] = 1.0
    """Most days by which a lead's times may be after its record; a lead with a later time becomes a
    dead letter, as above."""

    min_coverage: Share = 0.6
    """Minimum feature coverage of a lead to be scored without a flag, by number and by importance:
    its fields as a share of those that nine in ten training leads have at least."""

    low_coverage: Literal["flag", "refuse"] = "flag"
    """Action on leads below that: `flag`, score and flag; `refuse`, dead letter."""

    max_attempts: Count = 10
    """How often a record is processed that comes back to the leads topic as a dead letter or scored
    event. Then it becomes a last dead letter (`ATTEMPTS`), and a copy of that is dropped."""

    unreadable: Literal["dead_letter", "stop"] = "dead_letter"
    """Action on an unreadable Kafka record (wrong checksum, a header's name that is not
    UTF-8): `dead_letter`, and reading continues after it; or `stop`, and its partition is read no
    further."""

    reasons: bool = True
    """Whether scored events have reasons."""

    drift: bool = True
    """Whether scored leads are counted for drift."""

    drift_window_seconds: Annotated[float, Field(ge=1, le=LONGEST, allow_inf_nan=False)] = 300.0
    """Length of a window of event time; must be the same for all workers."""

    drift_horizons: Annotated[tuple[Count, ...], NoDecode, BeforeValidator(_split)] = (1, 12, 288)
    """Spans over which drift is measured, in windows: by default 5 minutes, an hour, a day."""

    drift_min_leads: Annotated[int, Field(ge=50, le=1_000_000)] = 100
    """Minimum number of leads to assess a horizon of a day or longer; a shorter one needs 1,000.
    Below 1,000 leads, drift must be significant in a permutation test, and only large drift is
    found."""

    drift_stretch: Annotated[int, Field(ge=1, le=1000)] = 32
    """Maximum length of the horizon `longer`, as a multiple of the longest horizon. There is such a
    horizon while the longest one holds fewer than 1,000 leads. 1: never."""

    drift_lateness_seconds: Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False)] = 60.0
    """How far event time must pass the end of a window before the window closes: later leads do not
    count in it."""

    drift_idle_seconds: Seconds = 120.0
    """Time without a lead after which a partition is idle and no longer keeps windows open."""

    drift_open_windows: Count = 8192
    """Maximum number of open windows of the drift worker, counted per partition, about 6 kB each;
    beyond it the oldest are reported early. This bounds its memory."""

    drift_season_seconds: Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False)] = 86_400.0
    """Period of the leads' seasonality, which is not drift: a day, or a week; 0: none."""

    drift_page_hinkley: bool = False
    """Whether the Page-Hinkley test, in addition to ADWIN, watches the score and every number."""

    output_format: Literal["avro", "json", "confluent"] = "avro"
    """Format of scored events: Avro single-object encoding, JSON, or Avro in Confluent's framing,
    which needs a schema registry."""

    batch_max_records: Count = 2000
    """Maximum number of records of a poll, over all partitions; they are scored at once."""

    batches_in_flight: Count = 8
    """Maximum number of polls in flight; up to four more wait."""

    memory_budget_mb: Annotated[int, Field(ge=48, le=1_000_000)] = 96
    """Memory for leads in a scoring worker, from the fetch to the delivered event, in MB (2^20
    bytes), in addition to an idle worker's (about 150 MB). At least 96 times the largest event."""

    fetch_linger_ms: Annotated[float, Field(ge=0, le=1000)] = 4.0
    """Time to wait for more records after a small poll."""

    commit_interval_seconds: Seconds = 1.0
    """Interval of commits: limits the number of leads that are scored twice after a crash."""

    delivery: Literal["at_least_once", "exactly_once"] = "at_least_once"
    """Delivery guarantee: at least once; or exactly once, for consumers with
    `isolation.level=read_committed`. The same for all workers of a group (docs/adr/0014)."""

    transaction_interval_ms: Annotated[float, Field(ge=1, le=60_000)] = 100.0
    """With exactly once: interval of transactions; outputs become visible at their end. Replaces
    the commit interval."""

    session_timeout_ms: Annotated[int, Field(ge=6000, le=1_800_000)] = 10_000
    """Time without a heartbeat after which a worker's partitions are assigned to another."""

    longest_outage_days: Annotated[float, Field(gt=0, le=3660, allow_inf_nan=False)] = 3.0
    """Longest outage of all workers that the retention of the topics must cover; `leadscore doctor`
    compares them."""

    metadata_max_age_ms: Annotated[int, Field(ge=1000, le=MOST)] = 15_000
    """Maximum age of the client's metadata: how soon new topics and partitions are noticed."""

    isolation_level: Literal["read_committed", "read_uncommitted"] = "read_committed"
    """Which leads of a transactional producer are read: `read_committed`, those of committed
    transactions; `read_uncommitted`, all of them, also those of open and aborted transactions."""

    delivery_timeout_seconds: Seconds = 120.0
    """Time limit for the delivery of a batch's outputs, and for looking up the start offset of a
    partition; then the worker crashes."""

    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "none"
    """Compression of outputs."""

    stop_timeout_seconds: Seconds = 10.0
    """Time limit for a stopping worker to finish the batches in flight."""

    http_host: str = "0.0.0.0"
    """Address on which /healthz, /readyz, /metrics and /model-info listen."""

    http_port: Port = 8080
    """Port of the HTTP endpoints; 0: any free port."""

    http_port_file: Path | None = None
    """File to which the worker writes the number of its HTTP port."""

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
    """Requests of a client address, such as `100/second`, shown in the headers `X-RateLimit-*`."""

    rest_enforce_rate_limit: bool = False
    """Whether a request beyond that rate is refused with 429."""

    rest_max_body_bytes: Count = 8_388_608
    """Largest body of a request; a larger one is refused with 413."""

    rest_timeout_seconds: Seconds = 10.0
    """Longest time from the head of a request to its answer."""

    rest_max_waiting_leads: Count = 20_000
    """Leads of all requests that may wait for the model; a request beyond that is refused with
    503."""

    rest_cache_seconds: Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False)] = 300.0
    """How long a score is kept for a lead of the same content; 0: not at all."""

    rest_cache_entries: Count = 20_000
    """Scores that are kept, about 2 kB each; the oldest go first."""

    rest_cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()
    """Origins whose pages may call `leadscore serve`, separated by commas; `*`: all."""

    rest_lead_store: SecretStr | None = None
    """URL of the database whose table `leads` has the leads that a request names by id:
    postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:///FILE. `leadscore sink sql --content leads`
    fills it."""

    rest_lead_store_seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 2.0
    """Longest time of a look-up in that database; after it the request is refused with 503."""

    rest_lead_store_connections: Annotated[int, Field(ge=1, le=100)] = 4
    """Connections to that database, which are also the look-ups at once."""

    rest_write_leads: bool = False
    """Whether `leadscore serve` writes whole leads that it has scored to the topic of leads, before
    it answers."""

    rest_max_unwritten_leads: Count = 10_000
    """Leads that may wait for Kafka's acknowledgement; a request beyond that is refused with
    503."""

    rest_log: Path | None = None
    """Folder in which `leadscore serve` writes requests and predictions as JSON lines."""

    rest_log_content: Literal["ids", "all"] = "ids"
    """Content of these lines: ids, score and outcome; or `all`: also the leads' fields and the
    whole scored event, which are personal data."""

    rest_legacy_url: str | None = None
    """URL of an earlier scoring API; with it, `/ai/advanced-ml-legacy/predict-batch` passes
    requests on to it."""

    metrics: bool = True
    """Whether metrics are recorded; turn them off only to measure their cost."""

    log_format: Literal["auto", "json", "human"] = "auto"
    """JSON lines, lines for people, or `auto`: for people on a terminal, else JSON."""

    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(str.upper)
    ] = "INFO"
    """Minimum level of LeadScore's log lines."""

    log_id_key: Annotated[SecretStr, Field(min_length=16)] | None = None
    """Secret of the keyed hash (HMAC-SHA-256) by which log lines about one lead name it; without
    it they name none. At least 16 characters."""

    uvloop: bool = True
    """Whether uvloop is the event loop, if it is installed."""

    @model_validator(mode="after")
    def _check_memory(self) -> Self:
        least = -(-self.max_event_bytes * LEADS_OF_BUDGET // MIB)
        if self.memory_budget_mb < least:
            raise ValueError(
                f"{PREFIX}MEMORY_BUDGET_MB is {self.memory_budget_mb}, but"
                f" {PREFIX}MAX_EVENT_BYTES={self.max_event_bytes} needs at least {least}: raise the"
                " one, or lower the other"
            )
        return self

    @model_validator(mode="after")
    def _check_archive(self) -> Self:
        if self.role == "archive" and self.archive is None:
            raise ValueError(
                f"{PREFIX}ROLE=archive needs the folder of the archive: set {PREFIX}ARCHIVE"
            )
        return self

    @model_validator(mode="after")
    def _check_outcomes(self) -> Self:
        both = sorted(set(self.outcome_positive) & set(self.outcome_negative))
        if both:
            raise ValueError(
                f"{PREFIX}OUTCOME_POSITIVE and {PREFIX}OUTCOME_NEGATIVE both name"
                f" {', '.join(both)}: an outcome is a success, a failure, or in neither list"
            )
        return self

    @model_validator(mode="after")
    def _check_topics(self) -> Self:
        used: dict[str, str] = {}
        for says, name in self._named_topics().items():
            key = name.replace(".", "_")  # Kafka refuses topics that differ in these alone
            if key in used:
                raise ValueError(
                    f"{used[key]} and {says} are both the topic {name}, but each topic needs a name"
                    " of its own, which differs in more than '.' and '_': a worker would read what"
                    " it writes"
                )
            used[key] = says
        return self

    @model_validator(mode="after")
    def _check_security(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (
            self.sasl_username and self.sasl_password
        ):
            raise ValueError(
                f"{PREFIX}SECURITY_PROTOCOL={self.security_protocol} needs"
                f" {PREFIX}SASL_USERNAME and {PREFIX}SASL_PASSWORD: set both"
            )
        if self.ssl_keyfile and not self.ssl_certfile:
            raise ValueError(
                f"{PREFIX}SSL_KEYFILE needs the certificate that it belongs to:"
                f" set {PREFIX}SSL_CERTFILE"
            )
        return self

    @model_validator(mode="after")
    def _check_sink(self) -> Self:
        if self.role == "sink" and (self.sink_content, self.output_format) == (
            "scores",
            "confluent",
        ):
            raise ValueError(
                "sinks read scored events in Avro single-object encoding and in JSON, not in"
                f" Confluent's framing: expected {PREFIX}OUTPUT_FORMAT=avro or json of the workers"
                " and the sink"
            )
        return self

    @model_validator(mode="after")
    def _check_schema_registry(self) -> Self:
        variable = f"{PREFIX}SCHEMA_REGISTRY"
        if self.output_format == "confluent" and self.schema_registry_url is None:
            raise ValueError(
                f"{PREFIX}OUTPUT_FORMAT=confluent needs a schema registry: set {variable}_URL"
            )
        if (self.schema_registry_username is None) != (self.schema_registry_password is None):
            raise ValueError(
                f"{variable}_USERNAME and {variable}_PASSWORD belong together: set both, or none"
            )
        if self.schema_registry_token is not None and self.schema_registry_username is not None:
            raise ValueError(
                f"{variable}_TOKEN and {variable}_USERNAME are two ways to log in: set one of them"
            )
        if self.schema_registry_ssl_keyfile and not self.schema_registry_ssl_certfile:
            raise ValueError(
                f"{variable}_SSL_KEYFILE needs the certificate that it belongs to: set"
                f" {variable}_SSL_CERTFILE"
            )
        return self

    @property
    def sink_label(self) -> str:
        """Name of the sink, as set or by default."""
        return self.sink_name or f"{self.sink}-{self.sink_content}"

    @property
    def sink_group(self) -> str:
        """Consumer group of the sink."""
        return f"{self.group_id}-sink-{self.sink_label}"

    @property
    def sink_topic(self) -> str:
        """Topic that the sink reads."""
        return self.leads_scored if self.sink_content == "scores" else self.leads_created

    def _named_topics(self) -> dict[str, str]:
        """Return the name of each topic, by its setting."""
        fields = [
            name for name, field in Settings.model_fields.items() if IS_TOPIC in field.metadata
        ]
        return {variable_of(name): getattr(self, name) for name in fields} | {
            f"{variable_of('group_id')} with '{CHANGELOG}'": self.drift_changelog
        }

    @property
    def drift_changelog(self) -> str:
        """Name of the changelog topic of the drift agent's table, as Faust derives it."""
        return f"{self.group_id}{CHANGELOG}"

    @property
    def earliest_ms(self) -> float:
        """First plausible time, in milliseconds since 1970."""
        return datetime(self.earliest_year, 1, 1, tzinfo=UTC).timestamp() * 1000

    @property
    def times_ahead_ms(self) -> float:
        """Most milliseconds by which a lead's times may be after its record."""
        return self.times_ahead_days * 86_400_000

    @property
    def drift_window_ms(self) -> int:
        """Length of a window of event time, in milliseconds."""
        return round(self.drift_window_seconds * 1000)

    @property
    def drift_season_ms(self) -> int:
        """Length of a season, in milliseconds."""
        return round(self.drift_season_seconds * 1000)

    @property
    def is_exactly_once(self) -> bool:
        """Whether outputs and offsets are committed in transactions."""
        return self.delivery == "exactly_once"

    @property
    def commit_seconds(self) -> float:
        """Interval of offset commits, in seconds."""
        if self.is_exactly_once:
            return self.transaction_interval_ms / 1000
        return self.commit_interval_seconds

    @property
    def schema_folders(self) -> tuple[Path, ...]:
        """Folders of additional Avro schemas."""
        return () if self.schema_dir is None else (self.schema_dir,)

    def kafka_client_options(self) -> dict[str, Any]:
        """Address and security, as keyword arguments of any aiokafka client.

        Raises
        ------
        StartupError
            A certificate or key can't be read.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": self.kafka_bootstrap_servers,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = self._ssl_context()
        if self.security_protocol.startswith("SASL"):
            assert self.sasl_password is not None
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password.get_secret_value()
        return options

    def _ssl_context(self) -> SSLContext:
        password = self.ssl_password.get_secret_value() if self.ssl_password else None
        try:
            context = create_ssl_context(
                cafile=self.ssl_cafile,
                certfile=self.ssl_certfile,
                keyfile=self.ssl_keyfile,
                password=password,
            )
        except (OSError, ValueError) as error:  # ValueError: an impossible path
            raise StartupError(
                f"expected readable PEM files in {PREFIX}SSL_CAFILE, {PREFIX}SSL_CERTFILE and"
                f" {PREFIX}SSL_KEYFILE (and {PREFIX}SSL_PASSWORD, if the key has one): {error}"
            ) from error
        assert isinstance(context, SSLContext)
        return context

    def masked(self) -> dict[str, Any]:
        """Return all settings by name, without passwords, for logs."""
        shown = self.model_dump(mode="json")
        for name, value in self:
            if isinstance(value, SecretStr):
                shown[name] = "***"
            elif isinstance(shown[name], str):
                shown[name] = mask_url(shown[name])
        if self.sink == "webhook":  # the path of a webhook is its password
            shown["sink_to"] = re.sub(r"(://[^/]+/).+", r"\1***", shown["sink_to"])
        return shown


def load_settings(**given: Any) -> Settings:
    """Read the settings from the environment.

    Parameters
    ----------
    **given
        Settings by field name; they override the environment.

    Raises
    ------
    StartupError
        A value is invalid. The message names each variable, its value and the expected one.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        raise StartupError(_sentence(error)) from None


def variable_of(field: str) -> str:
    """Return the environment variable of a field."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        alias = alias.choices[0]
    return alias if isinstance(alias, str) else f"{PREFIX}{field}".upper()


def _sentence(error: ValidationError) -> str:
    wrongs = []
    for wrong in error.errors(include_url=False):
        if wrong["type"] == "default_factory_not_called":  # a consequence of another error
            continue
        message = wrong["msg"].removeprefix("Value error, ")
        if not wrong["loc"]:
            wrongs.append(message)
            continue
        name = str(wrong["loc"][0])
        field = Settings.model_fields.get(name)
        variable = variable_of(name) if field else name
        is_secret = field is not None and "SecretStr" in str(field.annotation)
        value = "***" if is_secret else repr(wrong["input"])
        wrongs.append(f"{variable} is {value}: {message[:1].lower()}{message[1:]}")
    return f"invalid settings: {'; '.join(wrongs)} (docs/settings.md lists the allowed values)"
