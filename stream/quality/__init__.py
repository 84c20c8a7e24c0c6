"""Quality of scores, as reported on leads.quality: read, and exposed as metrics.

It imports ``stream.drift``, ``stream.kafka`` and the layers below.
"""
