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

    @property
    def sink_label(self) -> str:
        """Name of the sink, as set or by default."""
        return self.sink_name or f"{self.sink}-{self.sink_content}"
