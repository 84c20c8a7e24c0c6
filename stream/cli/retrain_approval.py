"""Work of `leadscore retrain approve`: the checks, the verdict, the canary."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agents.retraining.approval import ShadowVerdict, objection, obstacle, shadow_since
from model.alias import Alias
from model.alias_entry import LONGEST_REASON, AliasEntry, Made
from model.model_aliases import Aliases
from model.registry import Registry
from model.rollout_plan import RolloutStep, read_steps
from schemas.errors import FatalError, InputError
from stream.cli.models_options import described
from stream.retraining.hand_over import CLOCKS_DIFFER, make_canary
from stream.retraining.plan import RetrainRecord
from stream.settings import Settings
from stream.verdict.judging import judge
from stream.verdict.request import Request, learnt_until

__all__ = ["Approval", "approve_candidate"]

DIFFERENCE = 0.01
"""Difference of the Brier score that would matter: that of `leadscore models verdict`."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A candidate that is approved.

    Attributes
    ----------
    model, version
        The candidate.
    steps
        The steps of its rollout.
    verdict
        On the shadow; None if it was not asked for.
    entry
        The entry of the history; None if nothing was changed.
    """

    model: str
    version: str
    steps: tuple[RolloutStep, ...]
    verdict: ShadowVerdict | None
    entry: AliasEntry | None


def approve_candidate(
    settings: Settings,
    record: RetrainRecord,
    *,
    by: str,
    why: str,
    steps: Sequence[RolloutStep] | None = None,
    ignores_verdict: bool = False,
    is_dry_run: bool = False,
) -> Approval:
    """Make the candidate of a retraining the canary.

    Parameters
    ----------
    settings
        The registry, the topics of the verdict, and the steps of a rollout.
    record
        The retraining.
    by, why
        Who approves it, and the reason.
    steps
        The steps of the rollout; None: as they are set.
    ignores_verdict
        Whether no verdict on the shadow is read.
    is_dry_run
        Whether nothing is changed.

    Raises
    ------
    InputError
        It did not pass the gate, or is not the shadow any more, or another canary is under way.
    FatalError
        There is no verdict, or it speaks against the candidate.
    """
    model, version = record.plan.model, _passed(record)
    registry = Registry(settings.registry)
    now, history = registry.aliases_now(model), registry.history(model)
    if (why_not := obstacle(now, history, version)) is not None:
        raise InputError(
            f"{model}/{version} can't become the canary: {why_not}. See `leadscore models history"
            f" {model}`; `leadscore models canary start {model}/{version}` begins without a"
            " retraining"
        )
    since = shadow_since(history, version)
    verdict = None if ignores_verdict or since is None else _verdict(settings, now, version, since)
    _require_no_objection(settings, model, version, verdict)
    said = "approved without a verdict" if verdict is None else f"approved: {verdict.sentence}"
    reason = f"{why}; retraining {record.plan.id} {said}".removeprefix("; ")
    chosen = tuple(steps or read_steps(settings.rollout_steps))
    entry = None
    if not is_dry_run:
        made = Made(by, datetime.now(UTC), reason[:LONGEST_REASON])
        entry = make_canary(registry, now, version, chosen, made)
    return Approval(model, version, chosen, verdict, entry)


def _passed(record: RetrainRecord) -> str:
    """Return the version of a candidate that passed the gate."""
    account = record.account
    if account is None:
        raise InputError(f"retraining {record.plan.id} has not ended: wait for its candidate")
    if account.outcome != "passed" or account.version is None:
        raise InputError(
            f"expected a candidate that passed the gate, but retraining {record.plan.id} has none:"
            f" {account.sentence}"
        )
    return account.version


def _verdict(settings: Settings, now: Aliases, version: str, since: datetime) -> ShadowVerdict:
    registry = Registry(settings.registry)
    live, shadow = (
        described(registry, f"{now.name}/{each}")
        for each in (now.aliases[Alias.PRODUCTION], version)
    )
    start_ms = round((since - CLOCKS_DIFFER).timestamp() * 1000)
    identities = live.identity, shadow.identity
    request = Request(*identities, start_ms, DIFFERENCE, learnt_until(shadow))
    found = asyncio.run(judge(settings, request, lambda _topic, _count: None))
    return ShadowVerdict.of(found.as_dict())


def _require_no_objection(
    settings: Settings, model: str, version: str, verdict: ShadowVerdict | None
) -> None:
    if verdict is None:
        return
    against = objection(verdict, max_refused=settings.rollout_max_errors, must_be_better=False)
    if against is not None:
        raise FatalError(
            f"expected a verdict that is not against {model}/{version}, but: {against} See"
            f" `leadscore models verdict {model}`; --force approves it all the same"
        )
