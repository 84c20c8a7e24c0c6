"""From outputs to Kafka, in order: at least once, or exactly once.

A batch is done when all its outputs are acknowledged; with exactly once, outputs and offsets are
one transaction. The pipeline sees only ``stream.deliver.delivery``. It imports ``stream.consume``
and what is below it.
"""
