"""Shared by tests and benchmarks: fakes of Kafka's clients, and access to a real Kafka.

It may import LeadScore's packages; nothing that is released imports it, and no wheel holds it.
"""
