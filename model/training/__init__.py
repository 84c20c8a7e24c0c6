"""Train a model: from a table of past leads to the files of a bundle.

Labels, columns, folds, trees, calibration, bands and the report live here, with the libraries that
only training needs. It imports ``model.serving`` and what is below it; no worker imports it.
"""
