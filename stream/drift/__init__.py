"""The drift role of a worker: counts of leads in, drift reports out.

The windows between them are in a Faust table. What the counts mean is in ``agents.drift_watch``. It
imports ``stream.deliver`` and what is below it.
"""
