"""Backfills without Kafka: the processes of `leadscore score --out`, and the adapter for Spark.

What they do with files and rows is in ``lake``. May import: ``stream.process``, ``stream.settings``
and the packages below ``stream``.
"""
