"""Work of the commands of `leadscore retrain`: plan, try, execute, ask."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from model.bundle import load_bundle
from model.registry import Registry
from schemas.errors import InputError, StartupError
from stream.kafka.access import Use
from stream.kafka.topic_admin import partition_counts
from stream.process.model_trial import Trials
from stream.process.priority import give_way
from stream.retraining.data_set import DataSet, build_data_set
from stream.retraining.execution import execute
from stream.retraining.plan import RetrainAccount, RetrainPlan, new_id
from stream.retraining.plan_log import RetrainLog
from stream.retraining.planning import make_plan
from stream.retraining.request import RetrainRequest
from stream.settings import Settings

__all__ = ["RunOptions", "operator", "requested", "run_plan", "start", "tried"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of `leadscore retrain run`.

    Attributes
    ----------
    retrain_id
        Id of a retraining to continue; None: a new one.
    cut_ms
        Moment of the data set, milliseconds since 1970; None: now.
    is_auto
        Whether a candidate that passes goes into production; None: as it is set.
    why
        The reason.
    """

    retrain_id: str | None = None
    cut_ms: int | None = None
    is_auto: bool | None = None
    why: str = ""


async def tried(settings: Settings, options: RunOptions) -> tuple[RetrainPlan, DataSet]:
    """Make the data set of a new plan in a temporary folder; write nothing else.

    Raises
    ------
    InputError
        The data do not suffice.
    """
    plan = await _planned(settings, options)
    bundle = load_bundle(
        Registry(settings.registry).resolve(f"{plan.model}/{plan.production}"), Trials()
    )
    with tempfile.TemporaryDirectory(prefix="leadscore-retrain-") as folder:
        own = plan.settings_of(settings)
        return plan, await build_data_set(own, plan, bundle, Path(folder))


async def start(settings: Settings, options: RunOptions) -> RetrainPlan:
    """Write the plan of a new retraining, or find that of an earlier one.

    Raises
    ------
    InputError
        There is no such retraining, or a trainer executes it.
    """
    plans = RetrainLog(settings)
    if options.retrain_id is None:
        plan = await _planned(settings, options)
        await plans.write(plan)
        return plan
    plan = (await plans.find(options.retrain_id)).plan
    if plan.executor != "command":
        raise InputError(
            f"expected a retraining of this command, but {plan.id} is a trainer's: a worker of the"
            " role trainer continues it"
        )
    return plan


async def run_plan(
    settings: Settings, plan: RetrainPlan, on_step: Callable[[str], None]
) -> RetrainAccount:
    """Execute a plan, and write its account."""
    give_way()
    account = await execute(settings, plan, on_step)
    await RetrainLog(settings).write(plan, account)
    return account


async def requested(
    settings: Settings, why: str, *, is_auto: bool | None, dry_run: bool
) -> RetrainRequest:
    """Write a request, unless it is a dry run; return it.

    Raises
    ------
    StartupError
        Kafka can't be reached, or the topic or a right is missing.
    """
    counts = await partition_counts(settings, Use.RETRAIN)
    if settings.leads_retrain not in counts:
        raise StartupError(
            f"expected the topic {settings.leads_retrain}, but it does not exist: create it with"
            " `leadscore topics create`"
        )
    request = _request(settings, why, is_auto=is_auto)
    if not dry_run:
        await RetrainLog(settings).request(request.request_id, request.encode())
    return request


async def _planned(settings: Settings, options: RunOptions) -> RetrainPlan:
    request = _request(settings, options.why, is_auto=options.is_auto)
    return await make_plan(settings, request, datetime.now(UTC), cut_ms=options.cut_ms)


def _request(settings: Settings, why: str, *, is_auto: bool | None) -> RetrainRequest:
    now = datetime.now(UTC)
    return RetrainRequest(
        request_id=new_id(now),
        requested_at=round(now.timestamp() * 1000),
        requested_by=operator(settings),
        reason=why,
        is_auto=is_auto,
    )


def operator(settings: Settings) -> str:
    """Return who runs the command."""
    try:
        return settings.operator or getpass.getuser()
    except (OSError, KeyError):  # in a container, a user may have a number alone
        return "unknown"
