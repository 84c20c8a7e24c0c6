"""From Kafka to batches for an agent: assignment, start offsets, progress and commits.

The batch source reads what is assigned, hands a batch of each partition to a Faust channel, and
commits what is done. What is lost, cannot be read, or does not move is reported here. It imports
``stream.kafka`` and what is below it.
"""
