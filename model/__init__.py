"""Models: training, export, bundles, engines, the registry."""
