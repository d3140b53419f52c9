"""Needs: whether planted classes of choices come back.

    python experiments/benchmarks/needs.py [PART …] [--draws N]

``intervals``: drawn choices of 200 and of 400 accounts in three classes, with the settings of ``segmentwerk
analyse method=conjoint``: how often the 95% intervals of part-worths and of shares hold the truth (at least
93%: 95% less what so many draws leave open).

``number``: how often the number of classes is right (at least 80%), 200 accounts.

``segments``: agreement (adjusted Rand index) with the planted classes of three segments by k-means on the
accounts' part-worths, as ``goal=needs`` makes them, beside that of latent classes; 400 accounts, 20 draws.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import ibis
import numpy as np
import pandas as pd
from lib.lines import bench
from sklearn.metrics import adjusted_rand_score

from segmentwerk.analysis import conjoint, latent_classes
from segmentwerk.core.analysis_settings import ConjointSettings
from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.features import partworths
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.preprocess import ReferenceSpace

NAMES = ["price", "speed", "support"]
CLASSES = np.array([[-3.0, 0.5, 0.0], [0.0, 3.0, 0.5], [-0.5, 0.0, 3.0]])
"""Part-worths of the planted classes, in utility a unit."""
SHARES = np.array([0.5, 0.3, 0.2])
TASKS, ALTERNATIVES = 10, 3
LEAST = 200
"""Accounts drawn; twice as many, where intervals are asked about."""
NORMAL_95 = 1.96
SEGMENTED = 20
"""Draws that are segmented at most: each fits a mixed logit."""
ID = {"account": "account_id"}


def drawn(n_accounts: int, seed: int) -> tuple[pd.DataFrame, IntArray]:
    """Draw choices in long form, and each account's class."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(len(SHARES), n_accounts, p=SHARES)
    shape = (n_accounts, TASKS, ALTERNATIVES)
    x = rng.uniform(-1, 1, (*shape, len(NAMES)))
    utility = np.einsum("atkp,ap->atk", x, CLASSES[kinds]) + rng.gumbel(size=shape)
    account, task, alternative = (place.ravel() for place in np.indices(shape))
    wide = pd.DataFrame(x.reshape(-1, len(NAMES)), columns=NAMES).assign(
        account=[f"{n:04d}" for n in account],
        task_id=[f"{n:02d}" for n in task],
        alternative_id=alternative.astype(str),
        chosen=(utility == utility.max(axis=2, keepdims=True)).ravel().astype(float),
    )
    ids = ["account", "task_id", "alternative_id", "chosen"]
    return wide.melt(ids, var_name="attribute", value_name="value"), kinds


def matched(found: latent_classes.Classes) -> IntArray:
    """Return the found class that comes nearest to each planted one; classes have no names."""
    apart = np.abs(found.coefficients[None] - CLASSES[:, None]).sum(axis=2)
    return np.asarray(apart.argmin(axis=1))


def covered(found: latent_classes.Classes) -> tuple[FloatArray, FloatArray]:
    """Say which intervals hold the truth: part-worths (n_classes, n_attributes), shares (n_classes,)."""
    order = matched(found)
    worths = np.abs(found.coefficients[order] - CLASSES) < NORMAL_95 * found.errors[order]
    shares = np.abs(found.shares[order] - SHARES) < NORMAL_95 * found.share_errors[order]
    return worths, shares


def number(draws: int) -> None:
    """Judge the number of classes again and again."""
    settings, chosen = ConjointSettings(), []
    for seed in range(draws):
        data = conjoint.read(drawn(LEAST, seed)[0])
        chosen.append(latent_classes.choose(data, settings, seed).chosen)
        print(f"# {len(chosen)} draws, right: {chosen.count(len(SHARES))}", flush=True)
    right = float(np.mean(np.array(chosen) == len(SHARES)))
    bench(f"needs.{LEAST}.number_right", right, 0.8, "ours>=0.8", ok=right >= 0.8)


def intervals(draws: int) -> None:
    """Fit the planted number of classes again and again."""
    settings = ConjointSettings()
    for n_accounts in (LEAST, 2 * LEAST):
        held = []
        for seed in range(draws):
            data = conjoint.read(drawn(n_accounts, seed)[0])
            held.append(covered(latent_classes.fit(data, len(SHARES), settings.starts, seed)))
        for name, parts in zip(("worths", "shares"), zip(*held, strict=True), strict=True):
            share = float(np.mean(parts))
            bench(f"needs.{n_accounts}.{name}_covered", share, 0.95, "ours>=0.93", ok=share >= 0.93)


def segments(draws: int) -> None:
    """Segment by part-worths as features, and by the classes that are planted."""
    ours, peer = [], []
    for seed in range(min(draws, SEGMENTED)):
        long, kinds = drawn(2 * LEAST, seed)
        relation, names = partworths.relate({"choices": ibis.memtable(long.rename(columns=ID))}, None)
        rows = relation.to_pandas().set_index("account_id").sort_index().rename(columns=names)
        worths = partworths.apply(rows, partworths.learn(rows))
        space = ReferenceSpace(numeric=worths.columns.tolist()).fit_transform(worths)
        model = KMeansSegmenter(n_segments=len(SHARES), random_state=seed).fit(space)
        ours.append(adjusted_rand_score(kinds, model.labels_))
        found = latent_classes.fit(conjoint.read(long), len(SHARES), 4, seed)
        peer.append(adjusted_rand_score(kinds, found.members.argmax(axis=1)))
    kept = float(np.mean(ours))
    bench("needs.segments.ari", kept, float(np.mean(peer)), "ours>=0.8", ok=kept >= 0.8)


PARTS: dict[str, Callable[[int], None]] = {
    "intervals": intervals,
    "number": number,
    "segments": segments,
}


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--draws", type=int, default=120)
    given = parser.parse_args()
    for part in given.parts:
        PARTS[part](given.draws)


if __name__ == "__main__":
    main()
