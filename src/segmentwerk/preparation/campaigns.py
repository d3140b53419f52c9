"""Past campaigns of a source as plain data, by which candidates are judged (`evaluation.targeting`).

A campaign counts if its contacts lie before the as-of date and its arms were drawn at random. The contacted
accounts come with the features that they had at midnight before the first contact, so that neither the
campaign nor anything it brought about is among them: not in ``campaign_response_rate``, not in orders.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

import numpy as np
import pandas as pd

from segmentwerk.core.measurement_settings import is_control
from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import AccountTable, Window
from segmentwerk.evaluation.targeting import LEAST_CONTACTS, PastCampaign, usable
from segmentwerk.features import table as features
from segmentwerk.segmenters.preprocess import ReferenceSpace

log = logging.getLogger(__name__)

MOST = 3
"""Campaigns that candidates are judged on at most, the latest ones: each costs the features of its eve."""
MONEY, SHARE = "money a contact", "share of contacts"


def past_campaigns(
    tables: dict[str, Any],
    table: AccountTable,
    settings: FeatureSettings,
    space: ReferenceSpace,
    *,
    whole: Mapping[str, Any] | None = None,
) -> tuple[PastCampaign, ...]:
    """Return the latest campaigns that candidates can be judged on, the earliest first.

    Parameters
    ----------
    tables
        Checked tables of a source that is still open.
    table
        The account table as of today; the features of a campaign's eve are computed as these were.
    space
        The reference space, fitted.
    whole
        The tables of all accounts, where ``tables`` are those of a sample.
    """
    if "campaigns" not in tables:
        return ()
    contacts = _contacts(tables["campaigns"], table.window.as_of)
    begins = contacts.groupby("campaign_id", sort=True)["contacted_at"].agg(["min", "size"])
    begins = begins[begins["size"] >= LEAST_CONTACTS].sort_values("min").tail(MOST)
    found = []
    for name, begin in begins["min"].items():
        own = contacts[contacts["campaign_id"] == name]
        campaign = _campaign(str(name), own, _eve(tables, table, settings, begin.date(), whole), space)
        reason = usable(campaign) if campaign is not None else "none of its accounts was a customer then"
        if campaign is not None and not reason:
            found.append(campaign)
        else:
            log.info("Segments are not judged on a past campaign, because: %s.", reason)
    return tuple(one for one in found if one.unit == found[-1].unit)


def _contacts(campaigns: Any, as_of: date) -> pd.DataFrame:
    moment = campaigns.contacted_at.cast("timestamp")
    before: pd.DataFrame = campaigns.filter(moment < datetime.combine(as_of, time())).to_pandas()
    return before.sort_values(["campaign_id", "account_id"], kind="stable")


def _eve(
    tables: dict[str, Any],
    table: AccountTable,
    settings: FeatureSettings,
    day: date,
    whole: Mapping[str, Any] | None,
) -> AccountTable:
    """Build the account table as of a campaign's first day."""
    eve = features.build(
        tables,
        Window(day),
        settings,
        source=table.source,
        digest=table.digest,
        learned=table.definitions,
        whole=whole,
    )
    return replace(eve, active=table.active)


def _campaign(
    name: str, contacts: pd.DataFrame, eve: AccountTable, space: ReferenceSpace
) -> PastCampaign | None:
    """Gather a campaign's contacts by account; who was no customer yet, or in two arms, is left out."""
    by_account = contacts.groupby("account_id", sort=True)
    one_arm = by_account["arm"].nunique() == 1
    known = one_arm.index[one_arm].intersection(eve.learnable)
    if len(known) == 0:
        return None
    outcome, unit = _outcome(by_account, contacts)
    keep = outcome.loc[known].notna()
    known = known[keep.to_numpy()]
    if len(known) == 0:
        return None
    names = by_account["arm"].first().loc[known]
    arms = tuple(sorted(names.unique()))
    control = next((code for code, arm in enumerate(arms) if is_control(arm)), None)
    return PastCampaign(
        name,
        space.transform(eve.features.loc[known]),
        np.searchsorted(arms, names.to_numpy(dtype=str)).astype(np.int64),
        outcome.loc[known].to_numpy(dtype=np.float64),
        arms,
        control,
        unit,
    )


def _outcome(by_account: Any, contacts: pd.DataFrame) -> tuple[pd.Series, str]:
    """Return money less cost, else the conversions, else the answers, by account.

    Where conversions are known, each counts with the mean revenue of one: how much an account happened to buy
    is noise that would drown how candidates differ, and is hardly the arm's doing.
    """
    sold = "revenue" in contacts and contacts["revenue"].fillna(0).ne(0).any()
    told = next((name for name in ("converted", "responded") if name in contacts), None)
    if sold:
        money = by_account["revenue"].sum().astype("float64")
        if told == "converted" and contacts["converted"].sum() > 0:
            bought = by_account["converted"].max().astype("float64")
            money = bought * (money.sum() / bought.sum())
        return (money - by_account["cost"].sum() if "cost" in contacts else money), MONEY
    if told is None:
        return pd.Series(np.nan, index=by_account.size().index), SHARE
    return by_account[told].max().astype("float64"), SHARE
