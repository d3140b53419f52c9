"""The model card: what a version is for, what it learned from, how good it is, and where it ends.

After Mitchell et al. (2019), Model Cards for Model Reporting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from segmentwerk.config import CompareSettings
from segmentwerk.core.escaping import escape
from segmentwerk.core.proposal import Proposal
from segmentwerk.core.types import AccountTable
from segmentwerk.insight import markdown, report_tables, sentences
from segmentwerk.insight.cards import Card
from segmentwerk.insight.language import Language
from segmentwerk.insight.plots import criterion
from segmentwerk.insight.telling import markdown as decision_of
from segmentwerk.insight.telling import tell
from segmentwerk.insight.words import column_label, label
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.registry.publish import MAX_DESCRIPTION
from segmentwerk.release.describing import Described
from segmentwerk.release.packaging import Packed
from segmentwerk.segmenters.prospect import OUTLIER_SHARE

SCORE = "segmentwerk score input=accounts.csv output=segments.parquet"
PYTHON = 'mlflow.pyfunc.load_model("models:/…@champion").predict(frame)'


def write(
    described: Described,
    packed: Packed,
    prepared: Prepared,
    settings: CompareSettings,
    proposal: Proposal | None = None,
) -> str:
    """Return the card as Markdown, short enough for the registry; the segments' summaries give way first.

    ``proposal`` is what is to be decided; None until the version is registered.
    """
    decision = [] if proposal is None else [decision_of(tell(proposal, described.language))]
    for summaries, factors in ((True, True), (True, False), (False, False)):
        lines = _lines(described, packed, prepared, settings, summaries=summaries, factors=factors)
        text = "\n".join([*decision, *lines])
        if len(text) <= MAX_DESCRIPTION:
            break
    return text


def _lines(
    described: Described,
    packed: Packed,
    prepared: Prepared,
    settings: CompareSettings,
    *,
    summaries: bool,
    factors: bool,
) -> Iterator[str]:
    card, cards, prospects = described.winner.card, described.cards, packed.prospects
    language = described.language
    t = language.text
    opening = t("model_card.opening", algorithm=card.algorithm, k=len(cards))
    yield f"{opening} {sentences.headline(cards, language)}"
    yield f"\n## {t('page.segments')}\n"
    heads, rows = report_tables.overview(cards, language, prospects)
    yield markdown.table(heads, rows, left=2)
    yield ""
    if summaries:
        known = [one.segment for one in cards]
        yield from markdown.listed(f"**{one.id} {escape(one.name)}**: {escape(one.summary)}" for one in known)
    yield f"\n## {t('model_card.purpose')}"
    yield t("model_card.purpose_text", goal=settings.goal.name)
    yield f"\n## {t('page.data')}"
    yield _data(prepared, settings, language)
    if factors:
        yield from made_of(prepared, language)
    yield f"\n## {t('model_card.scorecard')}"
    for key in settings.evaluation.primary:
        if (score := card.score(key)) is not None:
            yield f"- {criterion(key, language)} (`{key}`): {report_tables.interval(score, language)}"
    yield ""
    yield markdown.table(*report_tables.gates_of(card, language), left=4)
    yield ""
    yield t("model_card.no_prospects") if prospects is None else sentences.prospects(prospects, language)
    yield f"\n## {t('model_card.limits')}"
    yield from _limits(prepared.table, cards, language)
    yield f"\n## {t('model_card.use')}"
    yield t("model_card.use_text", command=SCORE, python=PYTHON)


def _data(prepared: Prepared, settings: CompareSettings, language: Language) -> str:
    table = prepared.table
    return language.text(
        "model_card.data_text",
        source=escape(table.source),
        as_of=language.day(table.window.as_of),
        customers=language.number(len(table.customers)),
        accounts=language.number(len(table.orders)),
        features=len(table.catalogue),
        digest=table.digest[:16],
        share=language.percent(1 - settings.evaluation.holdout_share),
        judged=language.text("model_card.judged_in_turn" if prepared.in_turn else "model_card.judged"),
    )


def made_of(prepared: Prepared, language: Language) -> list[str]:
    """Say which factors stand for the features, where customers are few for all of them."""
    if not prepared.factors:
        return []
    stay = [
        escape(column_label(column, language))
        for column in prepared.space.columns_
        if column not in prepared.factors
    ]
    listed = [
        f"**{escape(column_label(name, language))}** "
        f"({escape(', '.join(label(one, language) for one in members))})"
        if len(members) > 1
        else f"**{escape(column_label(name, language))}**"
        for name, members in prepared.factors.items()
        if members
    ]
    text = language.text(
        "page.made_of",
        stay=", ".join(stay) or language.text("page.made_of_none"),
        count=len(prepared.factors),
        told=language.percent(
            prepared.space.factors_.explained_variance_ratio if prepared.space.factors_ else 1.0
        ),
        customers=language.number(len(prepared.table.customers)),
        features=len(prepared.space.variables_),
        factors=", ".join(listed),
    )
    if prepared.faint:
        names = [label(name, language) for name in prepared.faint]
        text += " " + language.text("report.faint", names=language.listed(names))
    return [text, ""]


def _limits(table: AccountTable, cards: Sequence[Card], language: Language) -> list[str]:
    t = language.text
    told = [
        t("model_card.limit_date", as_of=language.day(table.window.as_of)),
        t("model_card.limit_outlier", share=language.percent(OUTLIER_SHARE)),
        t("model_card.limit_basis"),
        t("model_card.limit_people"),
    ]
    told += [
        t("model_card.limit_segment", id=card.segment.id, warning=escape(warning))
        for card in cards
        for warning in card.segment.warnings
    ]
    return markdown.listed(told)
