"""`leadscore score --out`: data sets of any size, into a folder of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import click
from rich.console import Console

from lake.manifest import Manifest
from lake.output import OutputFolder
from lake.plan import Plan, Request
from lake.planning import describe_inputs, make_plan
from lake.store import open_store
from model.bundle import Bundle
from schemas.errors import InputError
from stream.backfill.processes import score_parts
from stream.backfill.scoring_process import load_planned, open_part_scorer
from stream.cli.file_leads import say
from stream.cli.found_fields import check_found
from stream.cli.score_lake_display import BackfillDisplay, print_account, print_plan
from stream.process.exit_codes import EXIT_UNBALANCED
from stream.process.model_trial import Trials
from stream.replay.shards import Shard
from stream.settings import load_settings

__all__ = ["LakeOptions", "Request", "score_lake"]

EXIT_SOME_REJECTED = 1
OPTIONS = {
    "sources": "files",
    "model": "--model",
    "id_column": "--id",
    "keep": "--keep",
    "format": "--format",
    "rows_per_file": "--rows-per-file",
    "delta_version": "--delta-version",
}
"""Options of a request, as a user gives them."""


@dataclass(frozen=True, slots=True)
class LakeOptions:
    """Options of a backfill besides its request.

    Attributes
    ----------
    out
        The output folder.
    workers
        Number of processes; None: one a core.
    shards
        Shard of a shard of … all parts; empty: all.
    is_dry_run
        Whether to only show the plan.
    is_json
        Whether to print lines of JSON.
    max_rejected
        Share of rejected rows, 0 to 1, above which the exit code is 1.
    """

    out: str
    workers: int | None
    shards: Sequence[Shard]
    is_dry_run: bool
    is_json: bool
    max_rejected: float


def score_lake(request: Request, options: LakeOptions, load: Callable[[], Bundle]) -> int:
    """Plan a backfill, or continue it by its plan; return the exit code.

    Parameters
    ----------
    request
        What to score.
    options
        How.
    load
        Loads the model; only called if there is no plan yet.

    Raises
    ------
    InputError
        A source, an option or the model is unusable, or the folder has the plan of another request.
    StartupError
        A file has changed since the plan was made, a store can't be reached, or a process has
        ended.
    """
    _check_apart(options.out, request.sources)
    out = OutputFolder(options.out)
    manifest = Manifest(out)
    bundle, plan = None, manifest.plan()
    if plan is None:
        bundle = load()
        plan = _planned(request, bundle)
        if not options.is_dry_run:
            plan = manifest.write_plan(plan)
    _check_request(plan, request, options.out)
    numbers = _own(plan, options.shards)
    done = manifest.done() & {*numbers}
    if options.is_dry_run or options.is_json:
        print_plan(plan, numbers, done, is_json=options.is_json)
    if options.is_dry_run:
        return 0
    todo = [number for number in numbers if number not in done]
    if not todo:
        click.echo("all files were written before: nothing is scored", err=True)
    with BackfillDisplay(
        plan, numbers, done, Console(stderr=True), is_json=options.is_json
    ) as shown:
        _score(plan, out, bundle, todo, options, shown)
    manifest.finish(plan)  # if this was the last shard
    account = manifest.account(numbers)
    print_account(plan, account, options.out, len(manifest.done()), is_json=options.is_json)
    if not account.is_balanced(plan, numbers):
        return EXIT_UNBALANCED
    is_above = account.rows - account.scored > options.max_rejected * account.rows
    return EXIT_SOME_REJECTED if is_above else 0


def _planned(request: Request, bundle: Bundle) -> Plan:
    settings = load_settings()
    inputs = describe_inputs(request.sources, request.delta_version)
    return make_plan(
        request,
        inputs,
        bundle,
        created_at=datetime.now(UTC),
        earliest_ms=settings.earliest_ms,
        ahead_ms=settings.times_ahead_ms,
        on_fields=lambda fields, source: check_found(
            bundle.metadata, fields, source, "column", say
        ),
    )


def _score(
    plan: Plan,
    out: OutputFolder,
    bundle: Bundle | None,
    todo: Sequence[int],
    options: LakeOptions,
    shown: BackfillDisplay,
) -> None:
    workers = min(options.workers or _cores(), len(todo))
    if workers > 1:
        score_parts(options.out, todo, workers, shown.on_rows, shown.on_part)
    elif todo:
        if bundle is None or bundle.sha256 != plan.model.sha256:
            bundle = load_planned(plan, Trials())
        scorer = open_part_scorer(plan, out, bundle, shown.on_rows)
        for number in todo:
            shown.on_part(scorer.score(number))


def _own(plan: Plan, shards: Sequence[Shard]) -> list[int]:
    """Return the numbers of the parts of a shard of a shard of … the plan."""
    numbers = [part.number for part in plan.parts]
    for shard in shards:
        numbers = numbers[shard.index :: shard.count]
    return numbers


def _check_request(plan: Plan, request: Request, out: str) -> None:
    if plan.request == request:
        return
    planned, given = plan.request.model_dump(), request.model_dump()
    other = [OPTIONS[name] for name in planned if planned[name] != given[name]]
    raise InputError(
        f"{out} has the plan of another request, with other {', '.join(other)}: give the same"
        " options to continue it, or name another folder with --out"
    )


def _check_apart(out: str, sources: Sequence[str]) -> None:
    """Refuse to write to where it is read: a later plan would read the scores."""
    target = _whole(out)
    for source in sources:
        if f"{target}/".startswith(f"{_whole(source)}/"):
            raise InputError(
                f"expected a folder outside {source} for the scores, not {out}: name another"
                " with --out"
            )


def _whole(location: str) -> str:
    """Return a location as a URL, without a slash at the end."""
    files, path = open_store(location)
    url: str = files.unstrip_protocol(path)
    return url.rstrip("/")


def _cores() -> int:
    """Return the number of cores that this process may use."""
    with suppress(AttributeError):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
