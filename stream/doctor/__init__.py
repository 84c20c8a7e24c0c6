"""Checks of the surroundings of a worker (`leadscore doctor`), each a function of its own.

A check gets the settings and a view of the cluster, and returns findings: ok, warn or fail, and
what to do. A check that crashes is a finding, too. It imports ``stream.scoring`` and the layers
below.
"""
