"""Stages for retrainings: a model of earlier contacts, later ones with outcomes, and commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from features.table import Table
from model.registry import Registry
from schemas.fields import FieldKind
from schemas.lead_outcome import encode_outcome
from stream.broker import Broker
from stream.simulator.lead_file import leads_of
from stream.simulator.playing import Lead
from testing.kafka_client import Record, produce
from tests.integration.command_process import run_command
from tests.integration.worker_process import CONTACT, Stage

__all__ = ["LATER", "LEADS", "RULES", "leads_in", "leadscore", "send_outcomes", "train_past"]

PAST, LEADS, LATER = slice(20_000, 23_000), slice(36_188, 40_188), slice(40_188, 41_188)
"""Contacts that the model in production has learnt from, those of a candidate, and later ones."""
DAY_MS = 86_400_000
RULES = {
    "LEADSCORE_RETRAIN_TIME": "created",
    "LEADSCORE_OUTCOME_HORIZON_DAYS": "2",
    "LEADSCORE_OUTCOME_LATE_DAYS": "1",
    "LEADSCORE_RETRAIN_WINDOW_DAYS": "3000",
    "LEADSCORE_RETRAIN_MIN_ROWS": "2000",
    "LEADSCORE_RETRAIN_TRIALS": "0",
    "LEADSCORE_RETRAIN_TRIGGERS": "drift",
    "LEADSCORE_RETRAIN_POLL_SECONDS": "1",
}


def leads_in(table: Table) -> list[Lead]:
    """Return contacts as leads."""
    return leads_of(table, CONTACT, lead_id="lead_id", time="created_at")


def train_past(contacts: Table, folder: Path) -> None:
    """Publish a model of earlier contacts, without an alias, in a folder."""
    from model.training.train import TrainOptions, train

    options = TrainOptions(
        target="y",
        id="lead_id",
        time="created_at",
        exclude=("duration",),
        schema=CONTACT.avro,
        name="bank",
    )
    trained = train(contacts.slice(PAST.start, PAST.stop), options)
    Registry(folder).publish("bank", trained.artefacts)


async def send_outcomes(kafka: Broker, stage: Stage, table: Table) -> int:
    """Send the outcomes of the contacts a day later; returns the number of conversions."""
    columns = table.columns_for(
        {"lead_id": FieldKind.TEXT, "y": FieldKind.CATEGORY, "created_at": FieldKind.DATE}
    )
    times = np.asarray(columns["created_at"], dtype=np.float64)
    records = []
    for lead_id, won, created in zip(columns["lead_id"], columns["y"], times, strict=True):
        outcome = {
            "lead_id": lead_id,
            "outcome": "converted" if won == "yes" else "lost",
            "occurred_at": int(created) + DAY_MS,
        }
        records.append(Record(encode_outcome(outcome), str(lead_id).encode()))
    await produce(kafka.bootstrap, stage.settings.leads_outcomes, records)
    return sum(won == "yes" for won in columns["y"])


async def leadscore(stage: Stage, *arguments: str) -> tuple[int, Any]:
    """Run a command to its end; returns its exit code and the line of JSON that it prints."""
    result = await run_command(stage, *arguments, "--json", **RULES)
    [line] = result.lines
    return result.code, line
