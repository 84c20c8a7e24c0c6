"""Settings: the sinks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from stream.settings.base import Count, Name, Seconds, SettingsGroup

__all__ = ["SinkSettings"]


class SinkSettings(SettingsGroup):
    """Sinks: kind, content, target, and how they write."""

    sink: Literal["jsonl", "delta", "sql", "webhook", "crm"] = "jsonl"
    """Kind of the sink (docs/sinks.md)."""

    sink_content: Literal["scores", "leads", "overdue"] = "scores"
    """Content that a sink writes: scored events, the leads themselves, or, by the sink `webhook`
    alone, events of leads that nobody contacted in time."""

    sink_name: Name = ""
    """Name of the sink. Sinks with the same name share the partitions; sinks with different names
    each write everything. Default: kind and content, such as `sql-scores`."""

    sink_to: str = ""
    """Target of the sink: a folder, the URL of a database, table or webhook, a file with several
    webhooks, or the name of a CRM."""

    sink_records: Count | None = None
    """Maximum number of records in one write of the sink; default: by the kind of sink."""

    sink_seconds: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] | None = None
    """Maximum time for which the sink collects records for one write; default: by the kind of
    sink."""

    sink_history: bool = False
    """Whether the sink `sql` keeps every score, in addition to the latest one of each lead."""

    sink_sales_rules: Path | None = None
    """File with rules by which the sink `sql` grades leads (`--content leads`) and finds their
    accounts (docs/sales.md)."""

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
    """Secret with which the sink `webhook` signs (`whsec_` and base64). While you replace it: the
    new and the old one, separated by a space."""

    sink_webhook_template: Annotated[str, Field(min_length=1)] = "standard"
    """Body of a webhook: `standard`, `slack`, or a file with a template (JSON)."""

    sink_webhook_hot_only: bool = False
    """Whether the sink `webhook` sends only events of hot leads (`High`)."""

    sink_webhook_band_crossed: bool = False
    """Whether the sink `webhook` sends an event only if the lead's band has changed. With
    `LEADSCORE_SINK_WEBHOOK_SCORE_CHANGED` set as well, one of the two conditions is enough."""

    sink_webhook_score_changed: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Change of a lead's score above which the sink `webhook` sends its event; default: no such
    condition."""

    sink_webhook_lookback: Count = 100_000
    """Number of offsets that the sink `webhook` reads back to find the previous score of a lead."""

    sink_webhook_allow_private: bool = False
    """Whether the sink `webhook` may send to addresses of private networks, and without TLS
    (http://)."""

    sink_webhook_ssl_cafile: Path | None = None
    """CA certificates (PEM) to verify the certificate of a webhook with; default: the system's."""

    sink_webhook_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    """Time limit of one attempt to send a webhook."""

    sink_webhook_concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    """Maximum number of webhooks that are sent at the same time, each of another lead."""

    sink_webhook_attempts: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Number of failed answers, such as 500, after which an event becomes a dead letter of the sink
    `webhook`. While the target can't be reached, the sink waits without a limit."""

    @property
    def sink_label(self) -> str:
        """Name of the sink, as set or by default."""
        return self.sink_name or f"{self.sink}-{self.sink_content}"
