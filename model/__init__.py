"""Models: bundles and the registry that stores them.

``model.serving`` predicts, ``model.training`` trains. It imports ``features`` and ``schemas``.
"""
