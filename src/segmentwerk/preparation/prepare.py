"""From a source to the view on which all candidates are fitted and judged; shared by the learning verbs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from segmentwerk.config import LearningSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import FeatureSettings, GoalSettings
from segmentwerk.core.types import AccountTable
from segmentwerk.evaluation.scorecard import View
from segmentwerk.preparation.accounts import Accounts, open_accounts
from segmentwerk.preparation.campaigns import past_campaigns
from segmentwerk.preparation.leading import led
from segmentwerk.preparation.method_rows import MethodRows
from segmentwerk.segmenters.preprocess import ReferenceSpace
from segmentwerk.segmenters.rfm_grid import COLUMNS as RFM

log = logging.getLogger(__name__)

ACCOUNTS_A_FEATURE = 70
"""Accounts that each feature asks for (Dolnicar, Grün, Schmidt & Leisch 2014, "Required sample sizes for
data-driven market segmentation analyses in tourism", Journal of Travel Research 53)."""
SMALLEST = 40
"""Customers needed at least: fewer leave nothing to hold out and nothing to refit on."""


@dataclass(frozen=True)
class Prepared:
    """Everything the contest needs.

    ``train`` and ``holdout`` are the ids of the customers on either side of the split; ``space`` was
    fitted on ``train`` only; ``view`` holds both sides in the reference space. ``in_turn``: customers are
    few, so that each is held out in turn to judge (`evaluation.crossvalidation`). ``rows`` is what the
    analyst's methods read.
    """

    accounts: Accounts
    train: pd.Index
    holdout: pd.Index
    space: ReferenceSpace
    view: View
    in_turn: bool = False
    rows: MethodRows = field(default_factory=MethodRows)

    @property
    def table(self) -> AccountTable:
        """The account table: customers and prospects."""
        return self.accounts.table

    @property
    def factors(self) -> dict[str, tuple[str, ...]]:
        """Features by the factor that stands for them; empty where each feature stands for itself."""
        return self.space.factors_.members if self.space.factors_ else {}

    @property
    def faint(self) -> tuple[str, ...]:
        """Features that the factors hardly tell of."""
        return self.space.factors_.faint if self.space.factors_ else ()


def prepare(settings: LearningSettings, context: Context) -> Prepared:
    """Read the source, build the account table, split the customers and fit the reference space.

    Raises
    ------
    InputError
        If the source cannot be used, or has too few customers.
    ConfigError
        If the goal names an outcome that the source does not have.
    """
    source, rules, wanted = settings.source, settings.quality, settings.features
    level, most = settings.accounts.level, settings.evaluation.sample
    with open_accounts(
        source, rules, wanted, context, home=settings.home, level=level, most=most
    ) as accounts:
        return _prepared(led(accounts, settings.goal), settings, context)


def _prepared(accounts: Accounts, settings: LearningSettings, context: Context) -> Prepared:
    table = accounts.table
    customers = table.learnable
    _insist(table)
    train, holdout = split(customers, settings.evaluation.holdout_share, settings.seed)
    with context.timed("reference_space"):
        space = fit_space(table, train, settings.features, settings.goal)
        view = make_view(table, space, train, holdout, _outcome(table, settings.goal))
    with context.timed("past_campaigns"):
        view = replace(
            view,
            campaigns=past_campaigns(
                accounts.checked.tables, table, settings.features, space, whole=accounts.whole
            ),
        )
    if settings.goal.targeting_weight > 0 and not view.campaigns:
        log.warning(
            "The goal %s weighs targeting, but there is no past campaign whose arms were drawn at random: "
            "candidates are ranked without it.",
            settings.goal.name,
        )
    log.info("%d customers: %d to fit on, %d held out.", len(customers), len(train), len(holdout))
    in_turn = len(customers) < settings.evaluation.cross_validate_below
    with context.timed("method_rows"):
        rows = MethodRows.of(accounts.checked.tables, table.window.as_of)
    return Prepared(accounts, train, holdout, space, view, in_turn, rows)


def _insist(table: AccountTable) -> None:
    """Refuse too few customers."""
    if len(table.customers) < SMALLEST:
        raise InputError(
            f"Source {table.source!r} has {len(table.customers)} accounts with orders before "
            f"{table.window.as_of}.",
            f"At least {SMALLEST} are needed; check source.as_of and the mapping of the orders.",
        )
    if len(table.learnable) < SMALLEST:
        raise InputError(
            f"Source {table.source!r} has {len(table.learnable)} customers of whom a feature is known that "
            f"segments are made of ({' and '.join(table.active)}).",
            f"At least {SMALLEST} are needed; check the dates of surveys and choices, or take another goal.",
        )


def split(ids: pd.Index, share: float, seed: int) -> tuple[pd.Index, pd.Index]:
    """Split ids into (fit, held out) by a hash: an account stays on its side from retrain to retrain."""
    key = f"{seed:016d}"[-16:]
    hashed = pd.util.hash_array(ids.to_numpy(dtype=object), hash_key=key).astype(np.float64)
    held_out = hashed / 2.0**64 < share
    return ids[~held_out], ids[held_out]


def fit_space(
    table: AccountTable, ids: pd.Index, features: FeatureSettings, goal: GoalSettings
) -> ReferenceSpace:
    """Fit the shared reference space on some accounts; weights of the goal multiply those of the features.

    Where the table has fewer than `ACCOUNTS_A_FEATURE` customers for each feature, factors stand for all
    features but recency, frequency and money, which the baseline is made of. Features that a goal puts in
    the lead stand for themselves: somebody chose them.
    """
    approaches = {feature.name: feature.approach for feature in table.catalogue}
    weights = {
        approach: features.weights.get(approach, 1.0) * goal.weights.get(approach, 1.0)
        for approach in set(approaches.values())
    }
    if table.active:
        weights |= dict.fromkeys(set(approaches.values()) - set(table.active), 0.0)
    space = ReferenceSpace(
        numeric=table.names("numeric"),
        categorical=table.names("categorical"),
        approaches=approaches,
        weights=weights,
        clip=features.clip,
        rare_share=features.rare_share,
        apart=RFM,
    )
    space.fit(table.features.loc[ids])
    enough = ACCOUNTS_A_FEATURE * len(space.variables_)
    if table.active or features.selection == "off" or len(table.customers) >= enough:
        return space
    space.joined = True
    space.fit(table.features.loc[ids])
    if space.factors_ is not None:
        log.info(
            "%d customers are few for %d features (%d would be enough): segments are made of %s.",
            len(table.customers), len(space.variables_), enough, ", ".join(space.columns_),
        )  # fmt: skip
    return space


def make_view(
    table: AccountTable,
    space: ReferenceSpace,
    train: pd.Index,
    test: pd.Index,
    outcome: pd.Series | None,
) -> View:
    """Put both sides of a split into the reference space, with what they are judged by."""
    revenue = table.features.get("monetary")
    known_before = list(table.beforehand)
    prospect = table.features[known_before] if 0 < len(known_before) < len(table.catalogue) else None
    return View(
        train=space.transform(table.features.loc[train]),
        test=space.transform(table.features.loc[test]),
        discrete=space.discrete_,
        outcome_train=None if outcome is None else outcome.loc[train],
        outcome_test=None if outcome is None else outcome.loc[test],
        revenue_train=None if revenue is None else revenue.loc[train],
        revenue_test=None if revenue is None else revenue.loc[test],
        prospect_train=None if prospect is None else prospect.loc[train],
        prospect_test=None if prospect is None else prospect.loc[test],
    )


def halve(view: View, seed: int) -> View:
    """Split the training side of a view once more, so that tuning never sees the held-out accounts."""
    fit, check = split(view.train.index, 0.5, derive(seed, "halve"))
    return View(
        train=view.train.loc[fit],
        test=view.train.loc[check],
        discrete=view.discrete,
        outcome_train=_part(view.outcome_train, fit),
        outcome_test=_part(view.outcome_train, check),
        revenue_train=_part(view.revenue_train, fit),
        revenue_test=_part(view.revenue_train, check),
        present_train=_part(view.present_train, fit),
        present_test=_part(view.present_train, check),
    )


def _part(values: pd.Series | None, ids: pd.Index) -> pd.Series | None:
    return None if values is None else values.loc[ids]


def outcome_name(goal: GoalSettings) -> str:
    """Return which later outcome segments should tell, where the source has it."""
    return goal.outcome or "log_future_revenue"


def _outcome(table: AccountTable, goal: GoalSettings) -> pd.Series | None:
    """Return the later outcome that segments should tell, if there is one."""
    name = outcome_name(goal)
    if name in table.outcomes:
        return table.outcomes[name]
    if goal.outcome and len(table.outcomes.columns):
        raise ConfigError(
            f"goal.outcome {name!r} is not in the source.", nearest(name, table.outcomes.columns)
        )
    return None
