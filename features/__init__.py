"""What a model reads: the feature spec, its one interpreter, tables and reference bins."""
