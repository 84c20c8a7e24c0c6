"""Outcomes of leads, joined to the scores that came before them. No Kafka, no clock."""
