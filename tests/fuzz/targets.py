"""Everything that is fuzzed, by name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz.drift_records import PARTIALS, REPORTS, WINDOWS
from tests.fuzz.events import DECODER, SCHEMAS, SCORING
from tests.fuzz.files import COMMANDS, PARQUET, TABLES
from tests.fuzz.http_port import HTTP_PORT
from tests.fuzz.models import BUNDLES, GRAPHS, METADATA, REGISTRIES
from tests.fuzz.outcomes import OUTCOMES
from tests.fuzz.record_batches import BATCHES
from tests.fuzz.target import Target
from tests.fuzz.words import OPTIONS, SETTINGS

__all__ = ["TARGETS"]

TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        BATCHES,
        DECODER,
        SCHEMAS,
        SCORING,
        OUTCOMES,
        TABLES,
        PARQUET,
        COMMANDS,
        METADATA,
        BUNDLES,
        GRAPHS,
        REGISTRIES,
        PARTIALS,
        WINDOWS,
        REPORTS,
        HTTP_PORT,
        SETTINGS,
        OPTIONS,
    )
}
