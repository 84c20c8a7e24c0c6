"""Drift: statistics, detectors, and the assessment of a window.

The statistics are functions of counts, so they are the same whoever counts. It imports ``features``
and ``schemas`` alone.
"""
