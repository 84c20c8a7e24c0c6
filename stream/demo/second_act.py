"""The second act of the demo: the model is retrained on what had come in, and judged on the rest.

The stream is cut in half. The outcomes of the leads of the first half go to the topic of outcomes;
a retraining learns from these leads as they were scored. Its candidate and the model in production
then score the leads of the second half, which neither has seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.retraining.hold_out import side_of
from features.contract import conform
from features.table import Table
from model.bundle import Bundle, load_bundle
from model.registry import Registry
from model.training.evaluate import roc_auc
from schemas.fields import FieldKind
from schemas.lead_outcome import encode_outcome
from stream.process.model_trial import Trials
from stream.retraining.execution import execute
from stream.retraining.plan import RetrainAccount, new_id
from stream.retraining.plan_log import RetrainLog
from stream.retraining.planning import make_plan
from stream.retraining.request import RetrainRequest
from stream.settings import Settings
from stream.simulator.connection import connected_producer

__all__ = ["SecondAct", "play_second_act", "settings_of_demo"]

HORIZON_DAYS, LATE_DAYS = 1.0, 0.01
"""The outcome of a call is known at its end."""
LEAST_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class SecondAct:
    """The result of the retraining.

    Attributes
    ----------
    outcomes
        Number of outcomes that were sent.
    cut_ms
        Creation of the first lead of the second half: nothing later was used.
    account
        Of the retraining.
    judged
        Number of leads of the second half.
    auc_before, auc_after
        Of the model in production and of the candidate, on these leads; None without a candidate.
    """

    outcomes: int
    cut_ms: int
    account: RetrainAccount
    judged: int
    auc_before: float
    auc_after: float | None


def settings_of_demo(settings: Settings) -> Settings:
    """Return the settings of the retraining: times are those of the data, years ago."""
    return settings.model_copy(
        update={
            "retrain_time": "created",
            "outcome_horizon_days": HORIZON_DAYS,
            "outcome_late_days": LATE_DAYS,
            "retrain_window_days": 3660.0,
            "retrain_min_rows": LEAST_ROWS,
            "retrain_trials": 0,
        }
    )


async def play_second_act(
    settings: Settings, contacts: Table, on_step: Callable[[str], None]
) -> SecondAct:
    """Send the outcomes of the first half, retrain, and judge on the second half.

    Parameters
    ----------
    settings
        Of the demo; all contacts are in the topic of leads.
    contacts
        In the order of time.
    on_step
        Called with the name of each step when it begins.
    """
    own = settings_of_demo(settings)
    half = contacts.rows // 2
    first, second = contacts.slice(0, half), contacts.slice(half, contacts.rows)
    cut_ms = int(_created_at(second)[0])
    on_step("sending outcomes")
    sent = await _send_outcomes(own, first)
    request = RetrainRequest(
        request_id=new_id(datetime.now(UTC)),
        requested_at=cut_ms,
        requested_by="demo",
        reason="the leads have drifted",
    )
    plans = RetrainLog(own)
    plan = await make_plan(own, request, datetime.now(UTC), cut_ms=cut_ms)
    await plans.write(plan)
    account = await execute(own, plan, on_step)
    await plans.write(plan, account)
    on_step("judging on the later leads")
    registry, labels = Registry(own.registry), _won(second)
    after = account.version and _auc(registry, f"{plan.model}/{account.version}", second, labels)
    return SecondAct(
        outcomes=sent,
        cut_ms=cut_ms,
        account=account,
        judged=second.rows,
        auc_before=_auc(registry, f"{plan.model}/{plan.production}", second, labels),
        auc_after=after or None,
    )


async def _send_outcomes(settings: Settings, contacts: Table) -> int:
    """Send the outcomes of contacts, at the end of their calls."""
    ids = contacts.columns_for({"lead_id": FieldKind.TEXT})["lead_id"]
    rows = zip(ids, _won(contacts), _created_at(contacts), strict=True)
    async with connected_producer(settings) as producer:
        for lead_id, won, created_at in rows:
            outcome = {
                "lead_id": lead_id,
                "outcome": "converted" if won else "lost",
                "occurred_at": int(created_at),
            }
            await producer.send(
                settings.leads_outcomes, encode_outcome(outcome), str(lead_id).encode()
            )
        await producer.flush()
    return contacts.rows


def _created_at(contacts: Table) -> NDArray[np.float64]:
    times: Any = contacts.columns_for({"created_at": FieldKind.DATE})["created_at"]
    return np.asarray(times, dtype=np.float64)


def _won(contacts: Table) -> NDArray[np.bool_]:
    words = contacts.columns_for({"y": FieldKind.CATEGORY})["y"]
    return np.array([word == "yes" for word in words], dtype=np.bool_)


def _auc(registry: Registry, name: str, contacts: Table, labels: NDArray[np.bool_]) -> float:
    bundle: Bundle = load_bundle(registry.resolve(name), Trials())
    spec = bundle.metadata.spec
    table = conform(contacts, bundle.metadata.contract, readings=spec.file_readings)
    columns = table.columns_for(spec.kinds, spec.file_readings)
    return roc_auc(labels, side_of(bundle, columns, contacts.rows).scores)
