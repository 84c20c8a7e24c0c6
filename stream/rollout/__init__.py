"""The role that rolls out canaries: reads what both models did, and changes the aliases.

It may import ``stream.scoring``, ``stream.deliver`` and what is below. What it decides is in
``agents.rollout``, without Kafka.
"""
