"""The verdict on a shadow: what workers and the shadow made of the same leads, and outcomes.

It reads the topics beside all consumer groups, partition by partition; the statistics are in
``agents.verdict``. It imports ``stream.snapshot`` and the layers below.
"""
