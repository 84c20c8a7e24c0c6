"""Kafka clients: consumers, producers, and requests to brokers.

Consumers, producers, bounded reads of a log, committed offsets, topics, rights and time live here.
A module here knows one request or one client, and nothing of leads. It imports ``stream.fetch``,
``stream.settings`` and ``stream.process``.
"""
