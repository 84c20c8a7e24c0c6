"""Program of a driver: prints the rows of a Delta table as Spark reads them, a line of JSON each.

Arguments: master, table, the jars of Delta's connector, separated by commas.
"""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession


def main(master: str, table: str, jars: str) -> None:
    spark = (
        SparkSession.builder.master(master)
        .appName("leadscore-delta")
        .config("spark.driver.memory", "512m")
        .config("spark.ui.enabled", "false")
        .config("spark.jars", jars)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config(
            "spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"
        )
        .getOrCreate()
    )
    for line in spark.read.format("delta").load(table).toJSON().collect():
        print(line)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
