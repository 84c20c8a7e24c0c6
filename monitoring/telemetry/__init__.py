"""What a worker shows of itself: metrics, gauges, health, and the HTTP port for them.

Every metric is declared in ``monitoring.telemetry.declarations``. It imports ``monitoring.drift``
for the gauges of drift, and nothing of Kafka.
"""
