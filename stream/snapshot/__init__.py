"""The snapshot job: a sample of recent leads against the training's, as an Evidently report.

One snapshot runs in a process of its own, within limits of memory and time, and ends up in an
archive of the newest ones. The statistics are in ``monitoring.snapshot``. It imports
``stream.scoring`` and what is below it.
"""
