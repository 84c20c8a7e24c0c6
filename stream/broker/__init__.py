"""Broker of the demo, the tests and the benchmarks: real Kafka wherever it is available.

A broker runs in Docker, or as a Java process from Maven's archives; a mock broker of librdkafka
stands in if neither is there. May import: ``stream.process`` and ``stream.settings``.
"""
