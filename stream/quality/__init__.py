"""Quality of scores, as reported on leads.quality: read, and exposed as metrics.

The role outcomes writes the reports; readers add up the partitions (``agents.quality``). It imports
``stream.drift``, ``stream.kafka`` and the layers below.
"""
