"""The role outcomes: scores and outcomes in, counts of quality by cohort out.

What is counted is in agents/outcomes, without Kafka; how is in docs/adr/0051. May import: consume,
deliver, and below.
"""
