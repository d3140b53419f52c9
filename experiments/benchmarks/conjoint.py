"""Whether the simulator's intervals hold the truth, on drawn choices whose part-worths are known.

Of one class: 100 accounts choose 4 times among three, and the truth is the logit of the true part-worths. Of
two classes: 200 accounts choose 8 times, the number of classes is given, and the truth is the mixture. It
counts how often 95% intervals of shares of preference, of a product's worth and of what a new product takes
from our own hold the truth: 93 to 97% are asked for.

    python experiments/benchmarks/conjoint.py [--draws N]
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from lib.lines import bench

from segmentwerk.analysis import choice_model, latent_classes
from segmentwerk.analysis.choice_model import ChoiceData
from segmentwerk.analysis.simulator import Taste
from segmentwerk.core.arrays import FloatArray

COLUMNS = ("price", "speed", "support")
PRODUCTS = np.array([[0.2, 0.0, 0.0], [0.9, 0.0, 0.0], [0.6, 1.0, 0.0]])
"""Plain; dear, which the plain one dominates; fast, which is new. Ours is the plain one."""
ONE = np.array([[-1.5, 1.0, 0.5]])
TWO = np.array([[-3.0, 0.5, 0.0], [-0.8, 2.0, 0.5]])
SAMPLES = 400
LEAST, MOST = 0.93, 0.97


def draw(betas: FloatArray, n_accounts: int, n_tasks: int, seed: int) -> ChoiceData:
    """Let accounts of equally large classes choose among three alternatives."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, len(betas), n_accounts)
    x = rng.uniform(-1, 1, (n_accounts, n_tasks, 3, len(COLUMNS)))
    utility = np.einsum("atkp,ap->atk", x, betas[kinds]) + rng.gumbel(size=x.shape[:3])
    chosen = utility == utility.max(axis=2, keepdims=True)
    starts, account = np.arange(0, chosen.size, 3), np.repeat(np.arange(n_accounts), n_tasks)
    rows = x.reshape(-1, len(COLUMNS))
    return ChoiceData(COLUMNS, rows, chosen.ravel(), starts, account, pd.RangeIndex(n_accounts))


def figures(taste: Taste) -> FloatArray:
    """Return shares, worths and what is cannibalised (1 + n_draws, 7), as fitted and as drawn."""
    shares, worths = taste.shares(PRODUCTS), taste.worths(PRODUCTS, "price")
    lost = taste.shares(PRODUCTS[:2])[:, 0] - shares[:, 0]
    return np.column_stack([shares, worths, lost / shares[:, 2]])


def held(betas: FloatArray, seed: int) -> FloatArray:
    """Return which of the figures' intervals hold the truth; NaN where nothing was told."""
    weights = np.full((2, len(betas)), 1 / len(betas))
    truth = figures(Taste(COLUMNS, weights, np.stack([betas, betas])))[0]
    if len(betas) == 1:
        taste = Taste.of_one(choice_model.fit(draw(betas, 100, 4, seed)), SAMPLES, seed)
    else:
        data = draw(betas, 200, 8, seed)
        taste = Taste.of_classes(latent_classes.fit(data, len(betas), 2, seed), SAMPLES, seed)
    low, high = np.quantile(figures(taste)[1:], (0.025, 0.975), axis=0)
    return np.where(np.isnan(low), np.nan, (low <= truth) & (truth <= high))


def main() -> None:
    """Draw, fit and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=400)
    draws = parser.parse_args().draws
    for name, betas, times in (("one_class", ONE, 5), ("two_classes", TWO, 1)):  # one class fits fast
        found = np.array([held(betas, seed) for seed in range(times * draws)])
        for what, part in {"share": found[:, :3], "worth": found[:, 3:6], "taken": found[:, 6:]}.items():
            share = float(np.nanmean(part))
            ok = LEAST <= share <= MOST
            bench(f"conjoint_{name}_{what}", share, 0.95, f"{LEAST}..{MOST}", ok=ok)
            print(f"# told in {1 - np.isnan(part).mean():.1%} of the draws", flush=True)


if __name__ == "__main__":
    main()
