"""Observability of a worker: metrics, health, drift statistics, and the HTTP port for them."""
