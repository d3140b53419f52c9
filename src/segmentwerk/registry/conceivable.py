"""Features as a version can take them: what cannot be counts as unknown.

Features are made of records here, and records give odd numbers: of an account whose returns nearly equal its
purchases the margin may be sixteen times the revenue. Who sends a file is told of such a number, and can mend
it; nobody can mend this one.
"""

from __future__ import annotations

import logging

import pandas as pd

from segmentwerk.shipped.model_catalogue import Catalogue

log = logging.getLogger(__name__)


def conceivable(features: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """Return the features (n_accounts, n_features) without the numbers that a version refuses."""
    limits = dict(zip(catalogue.numeric, catalogue.possible, strict=True))
    beyond = {
        name: (features[name] < limit.least) | (features[name] > limit.most)
        for name, limit in limits.items()
        if name in features
    }
    wrong = {name: int(where.sum()) for name, where in beyond.items() if where.any()}
    if not wrong:
        return features
    told = ", ".join(f"{name} of {count}" for name, count in wrong.items())
    log.warning("Accounts hold what cannot be, and it counts as unknown: %s.", told)
    return features.assign(**{name: features[name].mask(beyond[name]) for name in wrong})
