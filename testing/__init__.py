"""What tests and benchmarks share: fakes of Kafka's clients, and the records of a real Kafka.

It may import LeadScore's packages; nothing that is released imports it, and no wheel holds it.
"""
