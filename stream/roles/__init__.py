"""The roles of a worker, a module for each: ``wire`` constructs its agents, services and tables.

``stream/topology.py`` lists them and shows what flows where. Only a worker of the role imports its
module, as the libraries of each role take seconds and memory. May import: outcomes, sinks,
retraining, rollout, scoring, drift, archive, and below.
"""
