"""URLs in text that people see: their passwords and tokens are masked."""

from __future__ import annotations

import re

__all__ = ["mask_url"]

END = r"\s\"'<>\\"
"""Characters that end a URL in a sentence or in JSON: none of them is allowed in one."""
PASSWORD = re.compile(rf"(://[^/?#:{END}]*):[^/?#{END}]*@")
SECRET = re.compile(
    rf"(?i)([?&][^=&#{END}]*(?:password|secret|token|key|sig|credential)[^=&#{END}]*)=[^&#{END}]*"
)


def mask_url(text: str) -> str:
    """Return a text with the passwords and tokens of its URLs replaced by ``***``.

    Examples
    --------
    >>> mask_url("s3://key:secret@bucket/models?token=abc&region=eu can't be read")
    "s3://key:***@bucket/models?token=***&region=eu can't be read"
    """
    if "://" not in text:
        return text
    return SECRET.sub(r"\1=***", PASSWORD.sub(r"\1:***@", text))
