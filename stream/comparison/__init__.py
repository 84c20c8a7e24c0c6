"""The comparison of two models, or of the live scores and a model, over the same past leads.

It reads the leads of a range of a topic or of a file, scores them as a worker does, and joins the
live scores; the statistics are in ``agents.comparison``. It imports ``stream.snapshot`` and the
layers below.
"""
