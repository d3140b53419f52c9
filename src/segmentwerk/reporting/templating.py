"""Templates of pages, which speak a language."""

from __future__ import annotations

from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from segmentwerk.core.escaping import escape
from segmentwerk.insight.cards import Card
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import candidate, column_label, criterion, label
from segmentwerk.reporting import earned, lead_words, sentences, tables


def template(name: str, language: Language) -> Template:
    """Load a template that speaks a language: its words and numbers, our tables and sentences."""
    environment = Environment(
        loader=PackageLoader("segmentwerk.reporting"),
        autoescape=select_autoescape(("html.j2", "svg.j2")),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals |= {
        "language": language, "t": language.text, "say": sentences, "tables": tables, "money": _money,
        "earned": partial(earned.grid, language=language),
        "made_from": partial(lead_words.made_from, language=language),
        "companies": partial(lead_words.companies, language=language),
    }  # fmt: skip
    words = {"name": candidate, "criterion": criterion, "column": column_label, "feature": label}
    environment.filters |= {name: partial(word, language=language) for name, word in words.items()}
    environment.filters |= {"md": escape, "write": language.write}
    return environment.get_template(name)


def _money(card: Card) -> list[tuple[str, float, str]]:
    """Return what a card tells of a segment's money: key of the words, value, and how it is written."""
    return [
        ("revenue", card.revenue, "money"),
        ("revenue_share", card.segment.revenue_share, "%"),
        ("typical", card.revenue_typical, "money"),
        ("potential", card.potential, "money"),
    ]
