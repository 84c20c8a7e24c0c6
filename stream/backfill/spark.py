"""Adapter for Apache Spark: ``score(df, bundle)``.

The driver and each executor need the extra ``spark``; Spark itself is the cluster's. The executors
import ``lake.spark_batches`` alone. See docs/lake.md#spark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from model.bundle import Bundle, load_bundle
from schemas.errors import InputError
from stream.process.model_trial import Trials
from stream.settings import load_settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lake.spark_batches import SentModel

__all__ = ["score"]


def score(df: DataFrame, bundle: Bundle | str, *, now: datetime | None = None) -> DataFrame:
    """Score the rows of a data frame.

    The scores are those of `leadscore score --out`, to the bit. Each task opens the model once and
    scores its rows batch by batch, in Arrow. Nothing is computed before Spark executes an action.

    Parameters
    ----------
    df
        Leads: a column for each of the model's fields, found by name as in a file. All columns are
        kept as they are.
    bundle
        The model, or the folder of one (a path or URL), which only the driver reads.
    now
        When the leads arrived; None: now. A lead may be created at most LEADSCORE_TIMES_AHEAD_DAYS
        after it, and not before LEADSCORE_EARLIEST_YEAR (variables of the driver).

    Returns
    -------
    pyspark.sql.DataFrame
        The same rows and columns, and ``score``, ``category``, ``label``, ``confidence``,
        ``feature_coverage``, ``reasons``, ``error_code`` and ``error``. A row that is no lead has
        null scores, an error code and a sentence.

    Raises
    ------
    InputError
        A column of ``df`` has the name of an added one, no column is a field of the model, or a
        package is not installed.
    BundleError
        The model must not be used.
    ValueError
        ``now`` has no time zone.

    Examples
    --------
    >>> scored = score(spark.table("crm.leads"), "/models/leads/4")  # doctest: +SKIP
    >>> scored.write.format("delta").saveAsTable("crm.lead_scores")  # doctest: +SKIP
    """
    moment = datetime.now(UTC) if now is None else now
    if moment.tzinfo is None:
        raise ValueError("now has no time zone: pass datetime.now(UTC), or one with tzinfo")
    try:
        from pyspark.sql import types

        from lake.batch_scorer import TimeRules
        from lake.spark_batches import SentModel, with_scores
    except ModuleNotFoundError as error:
        raise InputError(
            f"a data frame of Spark can't be scored, as {error.name} is not installed:"
            " pip install 'leadscore[spark]' on the driver and the executors, and pyspark where"
            " the cluster does not bring it"
        ) from None
    settings = load_settings()
    times = TimeRules(
        settings.earliest_ms, settings.times_ahead_ms, round(moment.timestamp() * 1000)
    )
    loaded = load_bundle(bundle, Trials()) if isinstance(bundle, str) else bundle
    sent = SentModel.of(loaded, times)
    _check_columns(df.schema, sent)
    names = [*df.schema.names]

    def score_batches(batches: Iterable[Any]) -> Iterator[Any]:
        return with_scores(sent.open, (batch.rename_columns(names) for batch in batches))

    # mapInArrow looks columns up by name, and takes a point in one for a field of a struct.
    plain = df.toDF(*(f"column_{number}" for number in range(len(names))))
    return plain.mapInArrow(score_batches, _output_schema(df.schema, types))


def _check_columns(schema: Any, sent: SentModel) -> None:
    """Refuse a data frame that can't be scored, before any task runs."""
    from lake.spark_batches import added_schema, fields_in

    taken = sorted({*schema.names} & {*added_schema().names})
    if taken:
        raise InputError(
            f"the data frame was expected to have no columns {', '.join(taken)}, as they are added:"
            " rename or drop them"
        )
    if not fields_in([*_names(schema)], sent):
        raise InputError(
            f"the data frame was expected to have fields of the model {sent.name}/{sent.version},"
            f" but it has {', '.join(schema.names)}: rename its columns, or name another model"
        )


def _names(schema: Any, above: str = "") -> Iterator[str]:
    """Yield the names of columns, dotted inside structs."""
    for field in schema.fields:
        if hasattr(field.dataType, "fields"):
            yield from _names(field.dataType, f"{above}{field.name}.")
        else:
            yield f"{above}{field.name}"


def _output_schema(schema: Any, types: Any) -> Any:
    """Return the ``StructType`` of a data frame with the columns that are added.

    Parameters
    ----------
    schema
        The schema of the data frame.
    types
        The module ``pyspark.sql.types``.
    """
    from lake.spark_batches import added_schema

    added = [
        types.StructField(field.name, _spark_type(field.type, types)) for field in added_schema()
    ]
    return types.StructType([*schema.fields, *added])


def _spark_type(kind: Any, types: Any) -> Any:
    """Return the Spark type of an Arrow type of ``added_schema``."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        return types.ArrayType(_spark_type(kind.value_type, types))
    if pa.types.is_struct(kind):
        return types.StructType(
            [types.StructField(each.name, _spark_type(each.type, types)) for each in kind]
        )
    return types.DoubleType() if pa.types.is_floating(kind) else types.StringType()
