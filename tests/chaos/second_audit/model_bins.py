"""The bins of a model, and the bin of each value of a lead, by the bundle's own JSON."""

from __future__ import annotations

import struct
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["ModelBins", "float32"]

MISSING_WORDS = frozenset({"", "nan", "null", "none", "n/a", "#n/a"})
FARTHEST_DATE = 1e14
"""Milliseconds from 1970; a date farther away counts as missing."""
DAY = 86_400_000
FIRST_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""

CodeOf = Callable[[Any], int]
AspectCode = Callable[[Mapping[str, Any]], int | None]


class ModelBins:
    """One model's fields, bins and thresholds.

    Parameters
    ----------
    sha256
        The model's identity.
    metadata
        The JSON of its bundle.

    Attributes
    ----------
    kinds
        Each field's kind, by name, in the order of the model: number, category, text, date.
    """

    def __init__(self, sha256: str, metadata: Mapping[str, Any]) -> None:
        self.sha256 = sha256
        self.kinds: dict[str, str] = {f["name"]: f["kind"] for f in metadata["spec"]["fields"]}
        reference = metadata["reference"]
        self._codes_of: list[tuple[str, int, int, CodeOf]] = []
        """For each field: name, first position in the vector of counts, code of a missing value."""
        self._aspects: list[tuple[int, int, AspectCode]] = []
        """For each further aspect: first position, code of a missing value."""
        start = 0
        specs = {f["name"]: f for f in metadata["spec"]["fields"]}
        for bins in reference["fields"]:
            size = _size(bins)
            code_of = _code_of(specs[bins["name"]], bins, size)
            self._codes_of.append((bins["name"], start, size + 1, code_of))
            start += size + 2
        created_shift = specs.get("created_at", {}).get("day_shift_ms", 0)
        for bins in reference.get("aspects", ()):
            size = _size(bins)
            code_of_lead = _aspect_code(specs[bins["field"]], bins, created_shift)
            self._aspects.append((start, size + 1, code_of_lead))
            start += size + 2
        self._score_start = start
        self._score_edges: list[float] = reference["score"]["edges"]
        thresholds = metadata["thresholds"]
        self._label = float32(thresholds["label"])
        self._medium, self._high = thresholds["medium"], thresholds["high"]

    def codes(self, fields: Mapping[str, Any]) -> tuple[list[int], list[int], int]:
        """Find the bins of a lead.

        Returns
        -------
        list of int
            For each field and each further aspect, its place in the vector of counts.
        list of int
            For each field, its code.
        int
            How many fields are present.
        """
        places, codes, present = [], [], 0
        for name, start, missing, code_of in self._codes_of:
            value = fields.get(name)
            code = missing if value is None else code_of(value)
            present += code != missing
            places.append(start + code)
            codes.append(code)
        for start, missing, aspect_of in self._aspects:
            found = aspect_of(fields)
            places.append(start + (missing if found is None else found))
        return places, codes, present

    def score_place(self, score: float) -> int:
        """Return the score's place in the vector of counts."""
        return self._score_start + bisect_right(self._score_edges, score)

    def is_engaged(self, score: float) -> bool:
        """Return whether a score is above the label threshold."""
        return score > self._label

    def category(self, score: float) -> str:
        """Return the category of a score."""
        return "High" if score >= self._high else "Medium" if score >= self._medium else "Low"


def float32(value: float) -> float:
    """Round to the nearest float32."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _size(bins: Mapping[str, Any]) -> int:
    """Count the bins without "other" and "missing", which are the last two codes."""
    if bins["by"] == "quantile":
        return len(bins["edges"]) + 1
    fixed = {"weekday": 7, "hour": 24}
    return fixed.get(bins["by"]) or len(bins["levels"]) + (bins["by"] == "keyword")


def _code_of(spec: Mapping[str, Any], bins: Mapping[str, Any], size: int) -> CodeOf:
    kind, missing, edges = spec["kind"], size + 1, bins.get("edges", ())
    day_shift = spec.get("day_shift_ms", 0)

    def of_number(value: float) -> int:
        return bisect_right(edges, value)

    def of_text(value: str) -> int:
        is_missing = " ".join(value.split()).casefold() in MISSING_WORDS
        return missing if is_missing else bisect_right(edges, len(value))

    def of_date(value: float) -> int:
        if not abs(value) <= FARTHEST_DATE:
            return missing
        return (int(value + day_shift) // DAY + FIRST_WEEKDAY) % 7

    if kind == "category":
        return _Levels(bins["levels"], size).__getitem__
    finders: dict[str, Callable[[Any], int]] = {
        "number": of_number,
        "text": of_text,
        "date": of_date,
    }
    return finders[kind]


def _aspect_code(
    spec: Mapping[str, Any], bins: Mapping[str, Any], created_shift: int
) -> AspectCode:
    """Return what finds an aspect's code in a lead's fields; None where the value is missing."""
    name, edges = spec["name"], bins.get("edges", ())

    def text_of(fields: Mapping[str, Any]) -> str | None:
        value = fields.get(name)
        if value is None or " ".join(value.split()).casefold() in MISSING_WORDS:
            return None
        return unicodedata.normalize("NFC", value).casefold()

    def words(fields: Mapping[str, Any]) -> int | None:
        text = text_of(fields)
        return None if text is None else bisect_right(edges, len(text.split()))

    def keyword(fields: Mapping[str, Any]) -> int | None:
        text, keywords = text_of(fields), bins["levels"]
        if text is None:
            return None
        return max((i for i, word in enumerate(keywords) if word in text), default=len(keywords))

    def hour(fields: Mapping[str, Any]) -> int | None:
        at = _moment(fields.get(name))
        return None if at is None else int(at) % DAY // 3_600_000

    def age(fields: Mapping[str, Any]) -> int | None:
        at, created_at = _moment(fields.get(name)), _moment(fields.get("created_at"))
        if at is None or created_at is None:
            return None
        if spec.get("whole_days"):
            at = (at + spec.get("day_shift_ms", 0)) // DAY * DAY
            created_at = (created_at + created_shift) // DAY * DAY
        return bisect_right(edges, float32((created_at - at) / DAY))

    return {"words": words, "keyword": keyword, "hour": hour, "age": age}[bins["aspect"]]


def _moment(value: float | None) -> float | None:
    return None if value is None or not abs(value) <= FARTHEST_DATE else value


class _Levels(dict[str, int]):
    """Cache of codes by the raw text of a level."""

    def __init__(self, levels: list[str], size: int) -> None:
        super().__init__()
        self._known = {level: code for code, level in enumerate(levels)}
        self._other, self._missing = size, size + 1

    def __missing__(self, raw: str) -> int:
        level = " ".join(raw.split()).casefold()
        code = self._missing if level in MISSING_WORDS else self._known.get(level, self._other)
        if len(self) < 10_000 and len(raw) < 256:
            self[raw] = code
        return code
