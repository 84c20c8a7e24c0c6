"""Quality of scores on leads whose outcome is known, from counts that add.

Counts are exact and merge in any order: over batches, partitions, workers, weeks and segments. The
statistics are pure functions of counts. It imports NumPy and ``schemas`` alone; only
``monitoring.quality.concept_drift`` needs river.
"""
