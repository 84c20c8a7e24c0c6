"""Lag of any consumer group, read from the broker: no worker needs to run.

Imports kafka, fetch, process and settings. The worker's gauges share ``catch_up``; replays may ask
``reader`` how far the live group is behind.
"""
