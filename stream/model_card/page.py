"""A model's card as one HTML page: no network, no script."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from schemas.display import for_terminal
from stream.comparison.page_style import STYLE
from stream.comparison.plots import AFTER, calibration
from stream.model_card.card import Bars, Card, Curve, Part, Section, Table

__all__ = ["render_page"]

OWN_STYLE = """
.hash{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
td,th{overflow-wrap:anywhere}
.facts td{text-align:left}
.facts th{white-space:nowrap;overflow-wrap:normal}
.cards{columns:2 420px;column-gap:16px}
.cards section{break-inside:avoid}
.bar b{min-width:132px}
.bar i{width:calc((100% - 140px)*var(--share))}
section ul{margin:0;padding-left:20px}
section li{margin:0 0 8px;overflow-wrap:anywhere}
"""


def render_page(card: Card) -> str:
    """Return the page."""
    sections = "".join(_section(section) for section in card.sections)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(card.title)}</title><style>{STYLE}{OWN_STYLE}</style></head>"
        f"<body><main>{_head(card)}<div class=cards>{sections}</div></main></body></html>\n"
    )


def _head(card: Card) -> str:
    first, *others = card.answers or ("",)
    return (
        f"<header><p class=kicker>Model card</p><h1>{_text(card.title)}</h1>"
        f"<p class=answer><b>{_text(first)}</b></p>"
        + "".join(f"<p class=answer>{_text(answer)}</p>" for answer in others)
        + "".join(f"<p class=hash>{_text(fact)}</p>" for fact in card.facts)
        + "</header>"
    )


def _section(section: Section) -> str:
    return (
        f"<section><h2>{_text(section.title)}</h2>{_sentences(section.sentences)}"
        f"{''.join(_part(part) for part in section.parts)}</section>"
    )


def _sentences(sentences: tuple[str, ...]) -> str:
    if len(sentences) == 1:
        return f"<p class=faint>{_text(sentences[0])}</p>"
    items = "".join(f"<li>{_text(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _part(part: Part) -> str:
    match part:
        case Table():
            return _table(part)
        case Bars():
            return _bars(part)
        case Curve():
            return calibration((), part.points)


def _table(table: Table) -> str:
    is_facts = not any(table.head)
    head = "" if is_facts else f"<thead><tr>{_cells('th scope=col', table.head)}</tr></thead>"
    body = "".join(
        f"<tr><th scope=row>{_text(name)}</th>{_cells('td', cells)}</tr>"
        for name, *cells in table.rows
    )
    kind = " class=facts" if is_facts else ""
    return f"<div class=scroll><table{kind}>{head}<tbody>{body}</tbody></table></div>"


def _cells(tag: str, cells: Iterable[str]) -> str:
    return "".join(f"<{tag}>{_text(cell)}</{tag.split()[0]}>" for cell in cells)


def _bars(bars: Bars) -> str:
    most = max((length for _, length, _ in bars.rows), default=0.0) or 1.0
    return "".join(
        f'<div class="pair"><div class="name">{_text(name)}</div><div class="bar">'
        f'<i style="--share:{length / most:.4f};background:{AFTER}"></i><b>{_text(words)}</b>'
        "</div></div>"
        for name, length, words in bars.rows
    )


def _text(text: str) -> str:
    return escape(for_terminal(text))
