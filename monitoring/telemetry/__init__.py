"""Telemetry of a worker: metrics, gauges, health, and the HTTP port that serves them.

Every metric is declared in ``monitoring.telemetry.declarations``. It imports ``monitoring.drift``
for the gauges of drift, and nothing of Kafka.
"""
