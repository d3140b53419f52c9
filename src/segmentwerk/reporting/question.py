"""What is to be decided about a new version, in words: once, for every page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from segmentwerk.core.proposal import Comparison, Proposal
from segmentwerk.insight.language import Language
from segmentwerk.reporting import tables
from segmentwerk.reporting.tables import Grid


@dataclass(frozen=True)
class Answer:
    """One answer: the word for it, the command where there is one, and what comes of it."""

    word: str
    command: str | None
    outcome: str


@dataclass(frozen=True)
class Question:
    """A proposal in one language; without ``answers`` nothing is to be decided."""

    heading: str
    question: str
    facts: tuple[str, ...]
    answers: tuple[Answer, ...] = ()
    grids: tuple[Grid, ...] = ()


def put(proposal: Proposal, language: Language) -> Question:
    """Say what is to be decided, what it changes, what speaks for and against it, and how to answer."""
    t = language.text
    heading, comparison = t("decision.heading"), proposal.comparison
    if proposal.standing == "unregistered":
        return Question(heading, t("decision.nothing"), (t(f"decision.{proposal.cause}"),))
    champion = comparison.champion if comparison else None
    kind = "confirm" if proposal.standing == "champion" else "replace" if comparison else "first"
    values = {"version": proposal.version, "model": proposal.model, "champion": champion}
    back = "no_none" if comparison is None else "no_back" if proposal.standing == "champion" else "no_stays"
    yes = t("decision.yes_champion" if proposal.yes else "decision.yes_nothing", **values)
    grids = (tables.differences(proposal, language), tables.promotion(proposal, language))
    return Question(
        heading,
        t(f"decision.ask_{kind}", **values),
        tuple(_facts(proposal, language)),
        (
            Answer(t("decision.yes"), proposal.yes, yes),
            Answer(t("decision.no"), proposal.no, t(f"decision.{back}", **values)),
        ),
        tuple(grid for grid in grids if grid is not None),
    )


def _facts(proposal: Proposal, language: Language) -> Iterator[str]:
    if proposal.cause:
        yield language.text(f"decision.{proposal.cause}")
    yield _change(proposal, language)
    if proposal.against:
        named = [f"{gate.code} {language.text(f'promotion.{gate.code}')}" for gate in proposal.against]
        yield language.text("decision.some_refuse", gates="; ".join(named))
    else:
        yield language.text("decision.all_pass" if proposal.gates else "decision.not_asked")
    comparison = proposal.comparison
    if comparison and not comparison.differences:
        yield language.text("decision.too_few", held_out=comparison.held_out)


def _change(proposal: Proposal, language: Language) -> str:
    comparison, money = proposal.comparison, ""
    if comparison is None:
        if proposal.revenue is not None:
            money = language.text("decision.first_money", revenue=proposal.revenue)
        return language.text("decision.first", accounts=proposal.accounts, money=money)
    values = {
        "moved": round(comparison.moved * comparison.accounts),
        "accounts": comparison.accounts,
        "share": comparison.moved,
    }
    return language.text("decision.moves", money=_moved_money(comparison, language), **values)


def _moved_money(comparison: Comparison, language: Language) -> str:
    if comparison.revenue is None or comparison.moved_revenue is None or not comparison.revenue:
        return ""
    share = comparison.moved_revenue / comparison.revenue
    values = {
        "moved_revenue": comparison.moved_revenue,
        "revenue": comparison.revenue,
        "revenue_share": share,
    }
    return language.text("decision.moves_money", **values)
