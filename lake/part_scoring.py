"""One part of a backfill: rows in, a file of scores and a file of rejected rows out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute

from features.table import Table
from lake.batch_scorer import BatchScorer, ScoredRows
from lake.file_reader import describe_contents, read_rows
from lake.lead_columns import LeadColumns, find_columns
from lake.manifest import Manifest
from lake.output import OutputFolder
from lake.parquet_reader import check_unchanged
from lake.plan import InputFile, Part, PartAccount, Plan, Span
from lake.score_columns import score_schema
from lake.writers import TableWriter, open_writer
from schemas.errors import InputError, InvalidEventError

__all__ = ["PartScorer"]

REJECTED = "_rejected"


class PartScorer:
    """Scores parts of a plan, one after the other.

    Parameters
    ----------
    plan
        The plan.
    scorer
        Scores batches with the plan's model.
    out
        Where the files go.
    on_rows
        Called with the number of rows of each batch that is scored.
    """

    def __init__(
        self,
        plan: Plan,
        scorer: BatchScorer,
        out: OutputFolder,
        on_rows: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._plan = plan
        self._scorer = scorer
        self._out = out
        self._manifest = Manifest(out)
        self._on_rows = on_rows
        self._columns: dict[Any, LeadColumns] = {}
        self._schema = self._output_schema()

    def score(self, number: int) -> PartAccount:
        """Score a part, unless it is complete; return its account.

        Its account is written last. A process that is killed before leaves the part incomplete,
        and the same files are made again.

        Raises
        ------
        InputError
            A file is missing or damaged, or it is ambiguous which column is a field.
        StartupError
            A file has changed, or a store can't be reached.
        """
        done = self._manifest.part(number)
        if done is not None:
            return done
        part = self._plan.parts[number]
        with self._out.scratch() as folder:
            account = self._written(part, folder)
        self._manifest.write_part(account)
        return account

    def _written(self, part: Part, folder: Path) -> PartAccount:
        shape = self._plan.request.format
        scores, rejects = folder / "scores", _Rejects(folder / "rejects")
        count = 0
        with rejects, open_writer(shape, scores, self._schema, self._facts()) as writer:
            for span in part.spans:
                count += self._write_span(span, writer, rejects)
        name = f"part-{part.number:05}"
        refused = None
        if rejects.codes:
            refused = self._out.publish(rejects.file, f"{REJECTED}/{name}.jsonl")
        return PartAccount(
            part=part.number,
            rows=count,
            scored=count - rejects.codes.total(),
            rejected=dict(sorted(rejects.codes.items())),
            output=self._out.publish(scores, f"{name}.{shape}"),
            rejects=refused,
        )

    def _write_span(self, span: Span, writer: TableWriter, rejects: _Rejects) -> int:
        """Score a span of a file; return its number of rows."""
        file = self._plan.files[span.file]
        check_unchanged(file)
        columns = self._columns_of(file)
        row = span.first_row
        for data in read_rows(file, span.groups, columns.read, columns.texts):
            table = self._scorer.table(data)
            scored = self._scorer.score(table)
            ids = _ids(data, table, columns.lead_id, row, self._row_name(span))
            writer.write(self._output(data, scored, ids))
            rejects.write(file.url, row, scored)
            row += data.num_rows
            self._on_rows(data.num_rows)
        return row - span.first_row

    def _row_name(self, span: Span) -> str:
        """Return what a row without an id is called, before its number in the file."""
        return "row-" if len(self._plan.files) == 1 else f"file-{span.file + 1}-row-"

    def _output(self, data: Any, scored: ScoredRows, ids: Any) -> Any:
        """Return the scored rows of a batch with ``_schema``."""
        kept = [data.column(name) for name in self._plan.request.keep]
        if scored.rejected:
            rows = pa.array(scored.rows)
            ids, kept = ids.take(rows), [column.take(rows) for column in kept]
        made = [ids, *kept, *scored.scores.columns]
        arrays = [array.cast(field.type) for array, field in zip(made, self._schema, strict=True)]
        return pa.table(arrays, schema=self._schema)

    def _columns_of(self, file: InputFile) -> LeadColumns:
        """Return the columns to read of a file; files of one schema have the same."""
        schema = describe_contents(file).schema
        key = schema.remove_metadata().to_string()
        if key not in self._columns:
            request = self._plan.request
            self._columns[key] = find_columns(
                schema, self._scorer.reader, request.id_column, request.keep, file.url
            )
        return self._columns[key]

    def _output_schema(self) -> Any:
        """Return the schema of the output: copied columns have the types of the first file."""
        fields = [pa.field("lead_id", pa.string())]
        if keep := self._plan.request.keep:
            schema = describe_contents(self._plan.files[0]).schema
            fields += [schema.field(name) for name in keep]
        fields += [*score_schema()]
        names = [field.name for field in fields]
        if len({*names}) < len(names):
            raise InputError(f"expected other columns with --keep than {', '.join(names)}")
        return pa.schema(fields)

    def _facts(self) -> dict[str, str]:
        model = self._plan.model
        return {
            "leadscore.model": f"{model.name}/{model.version}",
            "leadscore.model_sha256": model.sha256,
        }


class _Rejects:
    """Rejected rows as lines of JSON: where each is and why, without its values."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.codes: Counter[str] = Counter()
        self._file = file.open("xb")

    def write(self, url: str, first_row: int, scored: ScoredRows) -> None:
        for row, error in scored.rejected.items():
            self.codes[error.code] += 1
            line = _line(url, first_row + row, error)
            self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _line(url: str, row: int, error: InvalidEventError) -> dict[str, Any]:
    return {"file": url, "row": row + 1, "code": str(error.code), "error": str(error)}


def _ids(data: Any, table: Table, column: str | None, first_row: int, row_name: str) -> Any:
    """Return the leads' ids; the number of the row in its file where there is none."""
    if column is None:
        rows = range(first_row + 1, first_row + table.rows + 1)
        return pa.array([f"{row_name}{row}" for row in rows])
    if column in data.column_names and pa.types.is_string(data.schema.field(column).type):
        ids = data.column(column).combine_chunks()
        trimmed = pa.compute.utf8_trim_whitespace(ids)
        if not ids.null_count and not pa.compute.any(pa.compute.equal(trimmed, "")).as_py():
            return ids
    by_original = {original: name for name, original in table.originals.items()}
    cells = table.columns[by_original[column]].strings()
    return pa.array(
        [cell or f"{row_name}{row}" for row, cell in enumerate(cells, first_row + 1)],
        type=pa.string(),
    )
