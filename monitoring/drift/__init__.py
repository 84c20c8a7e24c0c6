"""Drift: statistics, detectors, and the assessment of a window.

The statistics are pure functions of counts: a worker, a snapshot and an offline run get the same
result. It imports ``features`` and ``schemas`` alone.
"""
