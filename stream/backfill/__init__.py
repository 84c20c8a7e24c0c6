"""Processes that execute a backfill (`leadscore score --out`), without Kafka.

What they do with files and rows is in ``lake``. May import: ``stream.process``, ``stream.settings``
and the packages below ``stream``.
"""
