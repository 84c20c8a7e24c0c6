"""Schemas, wire formats, decoding, encoding, headers and error codes of what Kafka carries.

``schemas.formats`` has a class for each wire format. It imports no other package of LeadScore.
"""
