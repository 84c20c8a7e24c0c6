"""Open a model and predict with it: engines, and the checks of what a file holds.

A graph is checked before it is opened, and golden rows are computed before it serves. It imports
``model.metadata``, and nothing of training.
"""
