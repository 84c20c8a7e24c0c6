"""Wire formats: one class each, behind ``EventFormat``; ``schemas.wire`` lists them.

``event_format`` is the protocol. ``avro_single_object`` and ``json_objects`` are the formats.
``avro_leads`` and ``avro_events`` read and write the Avro binary encoding behind any header, for
another framing of Avro, too. It imports the rest of ``schemas``, except what chooses between
formats (``wire``, ``decode``, ``encode``, ``headers``).
"""
