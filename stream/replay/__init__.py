"""Replays: records of a range of the leads topic scored again (`leadscore replay`).

A replay shares nothing with the workers but the broker and the code: its partitions are assigned by
hand, its progress is committed under a group of its own. May import: scoring and below.
"""
