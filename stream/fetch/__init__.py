"""Read record batches in bounded memory, whatever their size, compression or damage.

It parses and decompresses the batches of fetch responses piece by piece, and returns a verdict for
each unreadable record. It depends on aiokafka's internals, but knows no groups or committed
offsets. It imports nothing else of ``stream``.
"""
