"""The options --high, --medium and --engagement of `leadscore train`."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from schemas.errors import InputError

if TYPE_CHECKING:
    from model.metadata import Engagement
    from model.training.bands import BandRule

__all__ = ["band_rule", "check_order", "engagement_range"]

NUMBER = r"\d*\.?\d+(?:[eE][-+]?\d+)?"
PERCENT, LIFT = re.compile(rf"({NUMBER})\s*%"), re.compile(rf"({NUMBER})\s*[xX]")
CAPACITY, SCORE = re.compile(rf"({NUMBER})/({NUMBER})"), re.compile(NUMBER)


def band_rule(text: str, option: str) -> BandRule:
    """Parse the size of a band.

    Raises
    ------
    InputError
        The text is not a share, score, lift or capacity.
    """
    from model.training.bands import BandRule

    text = text.strip()
    if (found := PERCENT.fullmatch(text)) and 0 < (share := float(found[1]) / 100) <= 1:
        return BandRule("share", share, text)
    if (found := LIFT.fullmatch(text)) and 0 < (lift := float(found[1])) < math.inf:
        return BandRule("lift", lift, text)
    if found := CAPACITY.fullmatch(text):
        part, whole = float(found[1]), float(found[2])
        if 0 < part <= whole < math.inf:
            return BandRule("capacity", part / whole, text)
    if SCORE.fullmatch(text) and (score := float(text)) <= 1:
        return BandRule("score", score, text)
    raise InputError(
        f"{option} {text!r}: expected a share of the leads such as 10%, a score from 0 to 1 such "
        "as 0.7, a lift such as 2.5x, or a capacity such as 30/400 (at most 30 of 400 leads)"
    )


def check_order(high: BandRule, medium: BandRule) -> None:
    """Check the order of the two scores before the training.

    Raises
    ------
    InputError
        Medium's score is above High's.
    """
    if high.by == medium.by == "score" and medium.value > high.value:
        raise InputError(f"--medium {medium.text} is above --high {high.text}: give a lower score")


def engagement_range(text: str) -> Engagement:
    """Parse the healthy range of the mean score.

    Raises
    ------
    InputError
        The text is not a range.
    """
    from model.metadata import Engagement

    try:
        low, high = map(float, text.split("-"))
        return Engagement(low=low, high=high)
    except ValueError:
        raise InputError(
            f"--engagement {text!r}: expected two numbers from 0 to 1, the lower one first, such "
            "as 0.15-0.40"
        ) from None
