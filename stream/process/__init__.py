"""The process itself: child processes, the event loop, logs, exit codes.

Every role and every command uses it; it does not depend on Kafka or leads. It imports
``stream.settings`` alone.
"""
