"""Opening of models and prediction: the engines, and the checks of a model file.

An engine is a module with a class behind ``prediction.Predictor``, and a line in ``predictor``. A
graph is checked before it is opened, and golden rows are computed before it serves. It imports
``model.metadata``, and nothing of training.
"""
