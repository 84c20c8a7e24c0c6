"""Retraining without Kafka: point-in-time labels, the gate, and when to retrain.

Plain functions on columns and figures; where leads and outcomes come from does not matter.
"""
