"""The process itself: child processes, the event loop, logs, exit codes.

Nothing here knows Kafka or leads. Every role and every command uses it. It imports
``stream.settings`` alone.
"""
