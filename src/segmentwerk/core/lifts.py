"""How much more of something a group has than all: lift with shrinkage and interval.

A group's share is shrunken towards the share of all (beta-binomial with `PRIOR` members' worth of the overall
share; Gelman et al. 2013, Bayesian Data Analysis, ch. 2.4); the interval is the posterior's.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import beta

PRIOR = 20.0
QUANTILES = (0.025, 0.975)


def lifts(count: pd.Series, size: pd.Series, base: pd.Series) -> pd.DataFrame:
    """Return ``share`` (shrunken), ``lift`` and its 95% interval ``low`` and ``high``.

    Parameters
    ----------
    count
        Members of the group that have it; fractions where a member has it in part.
    size
        Members of the group.
    base
        Share of all members of all groups that have it, above 0.
    """
    a = count + PRIOR * base
    b = size - count + PRIOR * (1.0 - base)
    share = a / (a + b)
    some = b > 0  # else everybody has it everywhere: nothing is left to tell
    ends = {
        name: np.where(some, beta.ppf(quantile, a, b.where(some, 1.0)), 1.0) / base
        for name, quantile in zip(("low", "high"), QUANTILES, strict=True)
    }
    return pd.DataFrame({"share": share, "lift": share / base, **ends})
