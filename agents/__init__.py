"""What is done with a batch, as plain functions and classes: bytes in, bytes and verdicts out."""
