"""CRM simulator: sends leads of a file or synthetic ones to Kafka, and counts them exactly.

It can break and shift leads, and send their outcomes, so that dead letters, drift and quality can
be seen without a CRM (`leadscore produce`). May import: ``stream.kafka`` and below.
"""
