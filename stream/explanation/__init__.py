"""Explanations of scores that workers gave: events found in Kafka and computed again.

It finds the scored event and the lead's record by bounded reads without a consumer group, and
recomputes the score with the model that the event names (`leadscore explain`). It imports
``stream.comparison``, ``stream.dead_letters``, ``stream.replay`` and the layers below.
"""
