"""What goes over the wire: schemas, wire formats, decoding, encoding, headers, errors."""
