"""The process itself: background tasks, deadlines, pauses, child processes, logs, exit codes.

Every role and every command uses it; it does not depend on leads, and of
Kafka it knows only the names of errors. It imports ``stream.settings`` alone.
"""
