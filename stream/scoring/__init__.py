"""The scoring role of a worker: batches in, scored events, dead letters and drift counts out.

The service wires the parts, the pipeline runs them, and the models are loaded, tried and changed
here. What is done with the leads themselves is in ``agents.scoring``. It imports ``stream.deliver``
and what is below it.
"""
