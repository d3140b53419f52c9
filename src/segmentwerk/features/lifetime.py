"""Predicted customer value: BG/NBD for the purchases to come, Gamma-Gamma for their money.

`pymc-marketing` (extra ``clv``) fits the parameters; predicting from them is a closed form, so that a
model trained with the extra scores without it. A purchase is a day with an order; time is in weeks.

Sources: Fader, Hardie and Lee (2005), "Counting your customers" the easy way, Marketing Science 24:2,
section 3; Fader and Hardie (2013), The Gamma-Gamma model of monetary value, equations 3 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import hyp2f1

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.types import Feature
from segmentwerk.features.declare import EVER, NOT_NEGATIVE, CannotLearnError, Learned, Step

SMALLEST = 200
"""Customers with a repeat purchase needed at least."""
SAMPLE = 20_000
"""Customers learned from at most, evenly spread over the sorted ids."""
WEEKS = 52.0
"""Weeks ahead."""

_FEATURE = Feature(
    "predicted_value_12m",
    "numeric",
    "money",
    "value",
    "orders",
    EVER,
    "Predicted revenue of the next 52 weeks, undiscounted (BG/NBD with Gamma-Gamma).",
    limits=NOT_NEGATIVE,
)


def histories(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a customer: repeat purchases, weeks until the last one, weeks known, mean money.

    Columns ``frequency``, ``recency``, ``T`` and ``monetary_value``, as the literature calls them.
    """
    customers = rows[rows["orders"] > 0]
    span = customers["tenure_days"] - customers["recency_days"]
    # The mean gap is the span divided by the number of gaps, so this division gives that number back.
    repeats = (span / customers["interpurchase_days"]).round().fillna(0.0)
    return pd.DataFrame(
        {
            "frequency": repeats,
            "recency": span / 7.0,
            "T": customers["tenure_days"] / 7.0,
            "monetary_value": customers["average_basket"] * customers["frequency"] / (repeats + 1.0),
        }
    )


def learn(rows: pd.DataFrame) -> Learned:
    """Fit both models to the customers' histories by maximum likelihood."""
    known = histories(rows)
    repeaters = int((known["frequency"] > 0).sum())
    if repeaters < SMALLEST:
        raise CannotLearnError(f"{repeaters} customers bought again, {SMALLEST} are needed")
    sample = known.iloc[np.unique(np.linspace(0, len(known) - 1, min(len(known), SAMPLE)).astype(int))]
    spend = sample[["frequency", "monetary_value"]].assign(frequency=sample["frequency"] + 1.0)
    return {"purchases": fit_purchases(sample), "spend": fit_spend(spend)}


def fit_purchases(known: pd.DataFrame) -> dict[str, float]:
    """Fit r, alpha, a and b of the BG/NBD model to ``frequency``, ``recency`` and ``T``."""
    from pymc_marketing.clv import BetaGeoModel

    return _fit(BetaGeoModel, known[["frequency", "recency", "T"]], ("r", "alpha", "a", "b"))


def fit_spend(known: pd.DataFrame) -> dict[str, float]:
    """Fit p, q and v of the Gamma-Gamma model to ``monetary_value``, the mean of ``frequency`` purchases."""
    from pymc_marketing.clv import GammaGammaModel

    return _fit(GammaGammaModel, known[["frequency", "monetary_value"]], ("p", "q", "v"))


def _fit(model: Any, known: pd.DataFrame, names: Sequence[str]) -> dict[str, float]:
    """Maximise the posterior under flat priors, which is the likelihood."""
    from pymc_extras.prior import Prior

    fitted = model(model_config={name: Prior("HalfFlat") for name in names})
    fitted.fit(
        data=known.assign(customer_id=range(len(known))).reset_index(drop=True),
        method="map",
        progressbar=False,
    )
    return {name: float(fitted.idata.posterior[name].mean()) for name in names}


def expected_purchases(known: pd.DataFrame, fitted: Mapping[str, float], weeks: float = WEEKS) -> FloatArray:
    """Return the purchases expected in the next weeks (equation 10 of Fader, Hardie and Lee).

    The hypergeometric function is taken after Euler's transformation, which keeps its arguments small
    however often an account has bought.
    """
    r, alpha, a, b = (fitted[name] for name in ("r", "alpha", "a", "b"))
    x, t_x, age = (known[name].to_numpy(dtype=np.float64) for name in ("frequency", "recency", "T"))
    z = weeks / (alpha + age + weeks)
    lasting = (1.0 - z) ** (a - 1.0) * hyp2f1(a + b - 1.0 - r, a - 1.0, a + b + x - 1.0, z)
    with np.errstate(over="ignore"):  # long silence of a frequent buyer: certainly gone
        silence = ((alpha + age) / (alpha + t_x)) ** (r + x)
    gone = np.where(x > 0, a / (b + np.maximum(x, 1.0) - 1.0) * silence, 0.0)
    return np.asarray((a + b + x - 1.0) / (a - 1.0) * (1.0 - lasting) / (1.0 + gone))


def expected_spend(known: pd.DataFrame, fitted: Mapping[str, float]) -> FloatArray:
    """Return the money expected of a purchase, given the mean so far (equation 5 of Fader and Hardie)."""
    p, q, v = (fitted[name] for name in ("p", "q", "v"))
    n = known["frequency"].to_numpy(dtype=np.float64) + 1.0
    mean = known["monetary_value"].to_numpy(dtype=np.float64)
    return np.asarray(p * (v + n * mean) / (p * n + q - 1.0))


def apply(rows: pd.DataFrame, learned: Learned) -> pd.DataFrame:
    """Predict each customer's revenue of the next 52 weeks."""
    known = histories(rows)
    value = expected_purchases(known, learned["purchases"]) * expected_spend(known, learned["spend"])
    return pd.DataFrame({_FEATURE.name: pd.Series(value, index=known.index).reindex(rows.index)})


STEP = Step(
    name="lifetime",
    features=(_FEATURE,),
    learn=learn,
    apply=apply,
    reads=("recency_days", "frequency", "tenure_days", "interpurchase_days", "average_basket"),
    package="pymc_marketing",
    extra="clv",
)
