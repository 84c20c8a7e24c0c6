"""The snapshot job: a sample of recent leads compared with the training data (Evidently).

Each snapshot runs in a child process within limits of memory and time, and is stored in a folder
that keeps the newest ones. The statistics are in ``monitoring.snapshot``. It imports
``stream.scoring`` and the layers below.
"""
