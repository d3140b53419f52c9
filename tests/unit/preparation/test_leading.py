"""Which features lead: what `goal.active` makes of a table, of the space, and of those without answers."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from segmentwerk.contest.candidates import insist_on_fit, unfit
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.settings import FeatureSettings, GoalSettings, SegmenterSettings
from segmentwerk.core.types import AccountTable, Feature, Window
from segmentwerk.preparation.accounts import Accounts
from segmentwerk.preparation.leading import led
from segmentwerk.preparation.prepare import fit_space, make_view

NEEDS = GoalSettings(name="needs", active=["needs", "psychographic"], weights={"psychographic": 10.0})
RFM = SegmenterSettings(_target_="segmentwerk.segmenters.rfm_grid.RFMGridSegmenter")
KMEANS = SegmenterSettings(_target_="segmentwerk.segmenters.kmeans.KMeansSegmenter")
APPROACHES = {
    "recency_days": "behavioural",
    "frequency": "behavioural",
    "monetary": "value",
    "employees": "firmographic",
    "survey_factor_1": "psychographic",
    "partworth_1": "needs",
}


@pytest.fixture
def table():
    """Twelve accounts; the last never ordered; six answered a survey, three of them chose, too."""
    rng = np.random.default_rng(0)
    ids = pd.Index([f"K{number:02d}" for number in range(12)], name="account_id")
    features = pd.DataFrame(rng.normal(size=(12, 6)), index=ids, columns=list(APPROACHES))
    features.loc[ids[6:], "survey_factor_1"] = np.nan
    features.loc[ids[3:], "partworth_1"] = np.nan
    orders = pd.Series([5] * 11 + [0], index=ids)
    return AccountTable(
        features=features,
        outcomes=pd.DataFrame(index=ids),
        orders=orders,
        catalogue=tuple(
            Feature(name, "numeric", "x", approach, "t", "ever", name, prospect=name == "employees")
            for name, approach in APPROACHES.items()
        ),
        window=Window(date(2025, 1, 1)),
        source="shop",
        digest="0",
    )


def accounts(table, absent=None):
    """Accounts of which only the table and what is absent are asked."""
    return Accounts(None, None, table, absent or {}, None, None, {})


def test_without_a_lead_all_features_make_segments_and_all_customers_are_learned_from(table):
    assert led(accounts(table), GoalSettings()).table is table
    assert table.leading == tuple(APPROACHES)
    assert table.describing == ()
    assert table.learnable.equals(table.customers)
    assert table.beforehand == ("employees",)


def test_in_the_lead_are_the_goals_approaches_and_learned_from_are_those_who_answered(table):
    found = led(accounts(table), NEEDS).table
    assert found.leading == found.own == ("survey_factor_1", "partworth_1")
    assert found.describing == found.beforehand == ("recency_days", "frequency", "monetary", "employees")
    assert list(found.learnable) == [f"K{number:02d}" for number in range(6)]
    assert len(found.customers) == 11


def test_a_prospect_who_answered_is_not_learned_from(table):
    table.features.loc["K11", "survey_factor_1"] = 1.0
    assert "K11" not in led(accounts(table), NEEDS).table.learnable


def test_the_space_holds_what_leads_alone(table):
    found = led(accounts(table), NEEDS).table
    space = fit_space(found, found.learnable, FeatureSettings(rare_share=0.0), NEEDS)
    assert set(space.variables_) == {"survey_factor_1", "partworth_1"}
    assert space.factors_ is None  # though six accounts are few
    assert set(space.active_) == {"survey_factor_1", "partworth_1"}
    assert {*space.numeric} == {
        *APPROACHES
    }  # the model asks for all, since the others place who did not answer


def test_identifiability_is_judged_by_what_describes(table):
    found = led(accounts(table), NEEDS).table
    space = fit_space(found, found.learnable, FeatureSettings(), NEEDS)
    view = make_view(found, space, found.learnable[:3], found.learnable[3:], None)
    assert list(view.prospect_train) == ["recency_days", "frequency", "monetary", "employees"]


def test_a_source_without_answers_is_refused_with_the_reasons(table):
    without = replace(table, catalogue=table.catalogue[:4], features=table.features.iloc[:, :4])
    absent = {"survey_factor_1": "there is no table 'surveys'", "partworth_1": "there is no table 'choices'"}
    with pytest.raises(InputError, match=r"table 'surveys'.*table 'choices'") as refusal:
        led(accounts(without, absent), NEEDS)
    assert "source.tables" in str(refusal.value)


def test_an_unknown_approach_is_refused_with_the_nearest(table):
    with pytest.raises(ConfigError, match="'need'") as refusal:
        led(accounts(table), GoalSettings(active=["need"]))
    assert "needs" in str(refusal.value)


def test_a_rule_about_what_only_describes_takes_no_part(table):
    found = led(accounts(table), NEEDS).table
    assert unfit(RFM, table) == unfit(KMEANS, found) == ""
    assert "recency_days" in unfit(RFM, found)
    with pytest.raises(ConfigError, match="rfm_grid cannot be fitted"):
        insist_on_fit(RFM, found)
