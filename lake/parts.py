"""Split of the row groups of files into parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lake.plan import Part, Span

__all__ = ["split_into_parts"]


def split_into_parts(files: Sequence[Sequence[int]], rows_per_part: int) -> tuple[Part, ...]:
    """Split files into parts of whole row groups, in order.

    Parameters
    ----------
    files
        For each file, the number of rows of each row group.
    rows_per_part
        Rows from which on a part is full; one with a larger row group has more.

    Returns
    -------
    tuple of Part
        Each row is in exactly one part. A part may have several small files.

    Examples
    --------
    >>> [part.rows for part in split_into_parts([[3, 3], [2], [9]], 6)]
    [6, 2, 9]
    """
    parts: list[tuple[Span, ...]] = []
    spans: list[Span] = []
    rows = 0
    for span in _groups(files):
        if spans and rows + span.rows > rows_per_part:
            parts.append(tuple(spans))
            spans, rows = [], 0
        rows += span.rows
        if spans and _follows(spans[-1], span):
            span = _joined(spans.pop(), span)
        spans.append(span)
    if spans:
        parts.append(tuple(spans))
    return tuple(Part(number=number, spans=each) for number, each in enumerate(parts))


def _groups(files: Sequence[Sequence[int]]) -> Iterator[Span]:
    """Yield each row group that has rows, as a span."""
    for file, groups in enumerate(files):
        first_row = 0
        for group, rows in enumerate(groups):
            if rows:
                yield Span(file=file, groups=(group, group + 1), first_row=first_row, rows=rows)
            first_row += rows


def _follows(span: Span, after: Span) -> bool:
    return span.file == after.file and span.groups[1] == after.groups[0]


def _joined(span: Span, after: Span) -> Span:
    return Span(
        file=span.file,
        groups=(span.groups[0], after.groups[1]),
        first_row=span.first_row,
        rows=span.rows + after.rows,
    )
