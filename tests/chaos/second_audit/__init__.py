"""A second audit that shares no code with LeadScore.

Its client is confluent-kafka. It reads leads, events, partials and a bundle's file by its own
rules, written after the documentation, and counts for itself. So a fault of LeadScore's own readers
cannot hide a fault of a worker. `tests/unit/second_audit/test_init.py` holds it to that.
"""
