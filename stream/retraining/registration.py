"""Puts a candidate into the registry: with its report and data set, and the aliases it earned."""

from __future__ import annotations

import orjson

from model.alias_entry import LONGEST_REASON, Action, Made
from model.manifest import sha256
from model.registry import Alias, Registry
from schemas.errors import FatalError
from stream.retraining.candidate import Candidate
from stream.retraining.data_set import FILE, DataSet
from stream.retraining.plan import RetrainAccount, RetrainPlan
from stream.settings import Settings

__all__ = ["BY", "REPORT", "finished", "register"]

REPORT = "retraining.json"
"""File beside a model with the plan, the figures of the gate and the account."""
BY = "leadscore retrain"


def finished(registry: Registry, plan: RetrainPlan, made: Made) -> RetrainAccount | None:
    """Return the account of a retraining that was registered before it was killed.

    Aliases that were not set before are set.
    """
    for version in reversed(registry.versions(plan.model)):
        written = registry.attached(plan.model, version, REPORT)
        if written is None:
            continue
        report = orjson.loads(written)
        if report["plan"]["id"] == plan.id:
            account = RetrainAccount.model_validate(report["account"])
            _set_aliases(registry, plan, version, account, made)
            return account
    return None


def register(
    settings: Settings,
    plan: RetrainPlan,
    data: DataSet,
    candidate: Candidate,
    made: Made,
    *,
    seconds: float = 0.0,
) -> RetrainAccount:
    """Publish a candidate with its report, and set the aliases.

    A candidate that passed becomes ``staging`` and ``shadow``. One that did not is archived, with
    the reason.

    Parameters
    ----------
    settings
        Those of the plan.
    plan, data, candidate
        The retraining.
    made
        Who does it, and when.
    seconds
        Time that it took.
    """
    registry = Registry(settings.registry)
    _pin_production(registry, plan, made)
    version = _publish(registry, plan.model, candidate)
    account = _account(plan, data, candidate, version, seconds)
    report = {
        "plan": plan.model_dump(mode="json"),
        "gate": candidate.verdict.as_dict(),
        "hold_out": candidate.hold_out,
        "account": account.model_dump(mode="json"),
    }
    if settings.retrain_keep_data:
        registry.attach(plan.model, version, FILE, data.path.read_bytes())
    registry.attach(plan.model, version, REPORT, orjson.dumps(report, option=orjson.OPT_INDENT_2))
    _set_aliases(registry, plan, version, account, made)
    return account


def _pin_production(registry: Registry, plan: RetrainPlan, made: Made) -> None:
    """Set the alias production where none is set: workers would follow the newest version.

    Raises
    ------
    FatalError
        Another version is in production than that of the plan.
    """
    now = registry.aliases_now(plan.model)
    current = now.aliases.get(Alias.PRODUCTION)
    if current is None:
        why = Made(made.by, made.at, "pinned, so that workers do not follow a candidate")
        registry.change(now, Action.SET, why, alias=Alias.PRODUCTION, to=plan.production)
    elif current != plan.production:
        raise FatalError(
            f"expected {plan.model}/{plan.production} in production, which the candidate was"
            f" compared with, but it is {plan.model}/{current} now: retrain again"
        )


def _publish(registry: Registry, name: str, candidate: Candidate) -> str:
    """Publish the candidate, unless a retraining that was killed did so; return the version."""
    artefacts = candidate.trained.artefacts
    assert artefacts.onnx is not None, "training exports ONNX"
    found = [own for model, own in registry.find(sha256(artefacts.onnx)) if model == name]
    return found[-1] if found else registry.publish(name, artefacts)


def _account(
    plan: RetrainPlan, data: DataSet, candidate: Candidate, version: str, seconds: float
) -> RetrainAccount:
    verdict = candidate.verdict
    auc = verdict.quality.estimates["auc"] if verdict.quality else None
    return RetrainAccount(
        outcome="passed" if verdict.is_passed else "rejected",
        sentence=verdict.sentence,
        version=version,
        rows=data.rows,
        positives=data.positives,
        counts=data.counts.as_dict(),
        data_sha256=data.sha256,
        auc_production=None if auc is None else auc.before.value,
        auc_candidate=None if auc is None else auc.after.value,
        warnings=data.warnings,
        next_step=_next_step(plan, version) if verdict.is_passed else "",
        seconds=round(seconds, 1),
    )


def _next_step(plan: RetrainPlan, version: str) -> str:
    shadow = "let workers of the role shadow score with it"
    if plan.is_auto:
        return (
            f"{shadow}; the role trainer makes {plan.model}/{version} the canary once `leadscore"
            f" models verdict {plan.model}` says that it is better"
        )
    return (
        f"{shadow}; look at `leadscore models verdict {plan.model}`, then approve it with"
        f" `leadscore retrain approve {plan.id}`"
    )


def _set_aliases(
    registry: Registry, plan: RetrainPlan, version: str, account: RetrainAccount, made: Made
) -> None:
    why = f"retraining {plan.id}: {account.sentence}"[:LONGEST_REASON]
    change = Made(made.by, made.at, why)
    now = registry.aliases_now(plan.model)
    if account.outcome == "rejected":
        if version not in now.aliases.values():
            registry.change(now, Action.ARCHIVE, change, to=version)
        return
    # One that was set before may have moved on since.
    done = {
        entry.alias
        for entry in registry.history(plan.model)
        if entry.to == version and entry.why == why
    }
    for alias in (Alias.STAGING, Alias.SHADOW):
        if alias not in done:
            registry.set_alias(plan.model, alias, version, change)
