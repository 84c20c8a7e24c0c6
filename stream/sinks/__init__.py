"""Sinks: records of a topic written to a target outside Kafka (`leadscore sink`).

A sink is one module with the methods of ``Sink`` (stream/sinks/sink.py) and its line in
stream/sinks/kinds.py; the runner reads, retries, writes dead letters and commits for all of them.
May import: scoring and below.
"""
