"""A model's card as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from schemas.display import for_terminal
from stream.model_card.card import Bars, Card, Curve, Part, Table

__all__ = ["render_markdown"]

LONGEST_BAR = 30


def render_markdown(card: Card) -> str:
    """Return the card as Markdown with tables; plots are bars of block characters."""
    blocks = [f"# {_text(card.title)}", *(f"*{_text(fact)}*" for fact in card.facts)]
    blocks += [f"**{_text(answer)}**" for answer in card.answers]
    for section in card.sections:
        blocks.append(f"## {_text(section.title)}")
        blocks += [_text(sentence) for sentence in section.sentences]
        blocks += [_part(part) for part in section.parts]
    return "\n\n".join(blocks) + "\n"


def _part(part: Part) -> str:
    match part:
        case Table():
            return _table(part.head, part.rows)
        case Bars():
            most = max((length for _, length, _ in part.rows), default=0.0) or 1.0
            rows = ((name, _bar(length / most), words) for name, length, words in part.rows)
            return _table((part.title, "", ""), rows)
        case Curve():
            return _table(
                ("mean score", "converted", "leads", ""),
                (
                    (f"{p.score:.1%}", f"{p.rate:.1%}", f"{p.leads:,}", _bar(p.rate))
                    for p in part.points
                ),
            )


def _bar(share: float) -> str:
    return "█" * max(round(share * LONGEST_BAR), 1 if share > 0 else 0)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell if cell == "---" else _text(cell) for cell in line) + " |"
        for line in lines
    )


def _text(text: str) -> str:
    """Return a text with what Markdown or a terminal would obey escaped."""
    return re.sub(r"([\\`*_{}\[\]<>#|!&~])", r"\\\1", for_terminal(text))
