"""The drift role of a worker: counts of leads in, drift reports out.

The windows between them are in a Faust table; ``agents.drift_watch`` has the logic. It imports
``stream.deliver`` and the layers below.
"""
