"""The REST server: leads come in as JSON over HTTP, and go out with their scores.

It translates only: a lead of a request is decoded, scored and refused by the same scorer as one of
Kafka, so its score is the same to the bit. It may import ``sinks``, ``scoring``, ``kafka`` and
``process``; nothing but ``cli`` imports it.
"""
