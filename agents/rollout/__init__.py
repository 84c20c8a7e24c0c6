"""Decisions on a canary's rollout, from the outputs of both models. No Kafka, no clock."""
