"""Kafka's clients as LeadScore uses them: how they are opened, and what is asked of a broker.

Consumers, producers, bounded reads of a log, committed offsets, topics, rights and time live here.
A module here knows one request or one client, and nothing of leads. It imports ``stream.fetch``,
``stream.settings`` and ``stream.process``.
"""
