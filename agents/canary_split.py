"""Which leads the canary scores: a salted stable hash of the lead's id against a share.

The hash is a number from 0 to 2**64, and a lead is the canary's if it is below the share of that
range. So a lead stays with its model as long as salt and share do, and a larger share adds leads to
the canary and removes none. Another salt chooses other leads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from schemas.model_identity import ModelIdentity

__all__ = ["SALT_BYTES", "CanarySplit"]

HASH_BYTES = 8
SALT_BYTES = 32
"""Longest salt, in UTF-8."""


@dataclass(frozen=True, slots=True)
class CanarySplit:
    """The part of the leads that another model scores.

    Attributes
    ----------
    model
        The canary.
    share
        Percentage of the leads, above 0 and below 100.
    salt
        Chooses the leads: up to 32 bytes in UTF-8.

    Raises
    ------
    ValueError
        The share or the salt is outside its range.
    """

    model: ModelIdentity
    share: float
    salt: str

    def __post_init__(self) -> None:
        if not 0 < self.share < 100:
            raise ValueError(f"expected a share above 0 and below 100 percent, not {self.share}")
        if not 0 < len(self.salt.encode()) <= SALT_BYTES:
            raise ValueError(f"expected a salt of 1 to {SALT_BYTES} bytes, not {self.salt!r}")

    @property
    def key(self) -> str:
        """Text that differs between splits that are not the same."""
        return f"{self.model.sha256}@{self.share:g}:{self.salt}"

    def chosen(self, lead_ids: Sequence[bytes]) -> NDArray[np.bool_]:
        """Return which leads the canary scores.

        Parameters
        ----------
        lead_ids
            In UTF-8.

        Examples
        --------
        >>> canary = ModelIdentity("leads", "2", "9f")
        >>> leads = [b"%d" % number for number in range(10)]
        >>> CanarySplit(canary, 20, "a1").chosen(leads).nonzero()[0].tolist()
        [2, 8]
        >>> CanarySplit(canary, 50, "a1").chosen(leads).nonzero()[0].tolist()
        [0, 1, 2, 6, 8]
        """
        salt = self.salt.encode()
        hashes = b"".join(
            [blake2b(lead, digest_size=HASH_BYTES, key=salt).digest() for lead in lead_ids]
        )
        return np.frombuffer(hashes, dtype=">u8") < np.uint64(self._limit)

    @property
    def _limit(self) -> int:
        return int(self.share / 100 * 2.0 ** (8 * HASH_BYTES))
