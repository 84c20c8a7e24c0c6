"""Options of `leadscore score` that need a folder for the output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from model.bundle import Bundle
from schemas.errors import InputError
from stream.cli.options import SHARE, add_options
from stream.replay.shards import parse_shard

__all__ = ["check_without_out", "lake_options", "score_into_folder"]

ROWS_PER_FILE = 1_000_000


LAKE_OPTIONS = (
    click.option(
        "--out",
        metavar="FOLDER",
        type=click.Path(),
        help="Folder for files of scores and their manifest: a path or URL.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, 256),
        help="Processes.  [default: one per core; needs --out]",
    ),
    click.option(
        "--shard",
        "shards",
        multiple=True,
        metavar="I/N",
        help="Only the I-th of N parts of the rows; /N in a Kubernetes Indexed Job.",
    ),
    click.option(
        "--keep",
        multiple=True,
        metavar="COLUMN",
        help="A column that is copied to the output; may be repeated.",
    ),
    click.option(
        "--rows-per-file",
        type=click.IntRange(1),
        help=f"Rows of an output file.  [default: {ROWS_PER_FILE}, or a row group]",
    ),
    click.option(
        "--delta-version",
        type=click.IntRange(0),
        help="Version of a Delta table.  [default: the latest]",
    ),
    click.option(
        "--max-rejected",
        type=SHARE,
        default="0",
        help="Share of rejected rows above which the exit code is 1.  [default: 0]",
    ),
    click.option("--dry-run", is_flag=True, help="Show what --out would do; write nothing."),
    click.option("--json", "is_json", is_flag=True, help="Print NDJSON about --out."),
)


def lake_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for data sets."""
    return add_options(command, LAKE_OPTIONS)


def check_without_out(options: Mapping[str, Any]) -> None:
    """Refuse options that need ``--out``.

    Raises
    ------
    InputError
        One is given.
    """
    given = [name for name, value in options.items() if value]
    if given:
        names = {"shards": "shard", "is_json": "json"}
        option = names.get(given[0], given[0]).replace("_", "-")
        raise InputError(f"--{option} needs --out: name a folder for the files of scores")


def score_into_folder(
    files: Sequence[str],
    load: Callable[[], Bundle],
    options: Mapping[str, Any],
    *,
    model: str,
    id_column: str,
    encoding: str | None,
    shape: str,
) -> int:
    """Score data sets into files; return the exit code.

    Parameters
    ----------
    files
        Sources.
    load
        Loads the model.
    options
        Values of ``lake_options``.
    model, id_column, encoding, shape
        Other options of the command.

    Raises
    ------
    InputError
        An option does not go with ``--out``, or pyarrow is not installed; and as of ``score_lake``.
    StartupError
        As of ``score_lake``.
    """
    shards = tuple(parse_shard(text) for text in options["shards"])
    if encoding is not None:
        raise InputError(
            "--encoding does not go with --out, which detects it for each file: leave it out"
        )
    if shape == "table":
        raise InputError("--format table does not go with --out: choose parquet, jsonl or csv")
    try:
        from stream.cli.score_lake import LakeOptions, Request, score_lake
    except ModuleNotFoundError as error:
        raise InputError(
            f"--out reads and writes data sets, and {error.name} is not installed for it:"
            " pip install 'leadscore[lake]'"
        ) from None
    request = Request(
        sources=tuple(files),
        model=model,
        id_column=id_column,
        keep=options["keep"],
        format="parquet" if shape == "auto" else shape,
        rows_per_file=options["rows_per_file"] or ROWS_PER_FILE,
        delta_version=options["delta_version"],
    )
    given = LakeOptions(
        out=options["out"],
        workers=options["workers"],
        shards=shards,
        is_dry_run=options["dry_run"],
        is_json=options["is_json"],
        max_rejected=options["max_rejected"],
    )
    return score_lake(request, given, load)
