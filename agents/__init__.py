"""Processing of leads and drift counts in plain Python: bytes in, bytes and verdicts out."""
