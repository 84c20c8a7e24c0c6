"""Program of a driver: scores Parquet files by a model, with all executors of a cluster.

Arguments: master, input folder, output folder, a model's folder. It prints the number of executors
that ran tasks.
"""

from __future__ import annotations

import sys
from datetime import datetime

from pyspark.sql import SparkSession

from stream.backfill.spark import score

NOW = datetime.fromisoformat("2026-05-31T00:00:00+00:00")


def main(master: str, source: str, target: str, bundle: str) -> None:
    spark = (
        SparkSession.builder.master(master)
        .appName("leadscore")
        .config("spark.driver.memory", "512m")
        .config("spark.executor.memory", "512m")
        .config("spark.executor.cores", "1")
        .config("spark.ui.enabled", "false")
        .config("spark.scheduler.minRegisteredResourcesRatio", "1.0")
        .config("spark.sql.session.timeZone", "America/New_York")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "700")
        .getOrCreate()
    )
    scored = score(spark.read.parquet(source).repartition(4), bundle, now=NOW)
    scored.write.parquet(target)
    # One of them is the driver.
    print(spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
