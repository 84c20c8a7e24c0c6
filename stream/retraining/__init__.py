"""Retraining: a data set from the topics, a candidate, the gate, and the role trainer.

A plan with fixed offsets is written before a retraining begins, an account when it ends
(docs/adr/0058). What needs no Kafka is in ``agents.retraining``. May import: quality, archive,
drift, and below.
"""
