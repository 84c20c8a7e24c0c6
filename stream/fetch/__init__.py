"""Read record batches in bounded memory, whatever a broker or a sender puts into them.

It parses and decompresses the batches of fetch responses piece by piece, and returns a verdict for
each record that cannot be read. It knows aiokafka's internals and nothing of groups or offsets of
ours. It imports nothing else of ``stream``.
"""
