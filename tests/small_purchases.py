"""200 accounts of two segments, which buy from two worlds of three items."""

import numpy as np
import pandas as pd

NAMES = {1: "Erste", 2: "Zweite"}


def purchases():
    """What was bought, the segment of each account, and three features of it."""
    rng = np.random.default_rng(0)
    accounts = [f"secret-{n}" for n in range(200)]
    segments = pd.Series(rng.integers(1, 3, 200), index=accounts)
    rows = [
        (account, "weekday", str(item), 1.0)
        for account, segment in segments.items()
        for item in range(6)
        if rng.random() < (0.7 if (item < 3) == (segment == 1) else 0.1)
    ]
    bought = pd.DataFrame(rows, columns=["account_id", "kind", "item", "count"])
    features = pd.DataFrame(rng.standard_normal((200, 3)), index=accounts, columns=["a", "b", "recency_days"])
    features["a"] += 3 * segments
    return bought, segments, features
