"""The features of a model: the spec, its one interpreter, tables, and reference bins."""
