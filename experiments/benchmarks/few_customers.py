"""Measure what segmentations of few customers are worth, before and since the product minds their number.

    python experiments/benchmarks/few_customers.py [--only drawn nulls real] [--worlds N] [--seeds N]
                                                   [--sizes N ...] [--output FILE]

Three questions, each at 60, 100, 200 and 400 customers:

drawn   Worlds with known groups: how many are found, on 2,000 fresh customers of the same world.
nulls   The same worlds without groups: how often a candidate passes every gate all the same (5% may).
real    Customers of larger sources ($SEGMENTWERK_DATA, default ../shared/data; the demo is generated): how
        alike refits are, how much of the later revenue of all other customers the segments tell, and how much
        the rule of thumb in halves explains.

`before` segments by all features, judges on one split and knows the rule of thumb in quintiles alone; `now`
is the product as it is. Candidates: the rule of thumb, k-means (2 to 5 segments), full mixtures (2 to 4).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from lib.lines import bench, machine
from sets.customers import world
from sklearn.metrics import adjusted_rand_score

from segmentwerk.api import calls
from segmentwerk.config import CompareSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import FitError
from segmentwerk.core.settings import EvaluationSettings, FeatureSettings, GoalSettings
from segmentwerk.core.types import AccountTable, Scorecard, Selection
from segmentwerk.evaluation.scorecard import judge
from segmentwerk.evaluation.selection import select
from segmentwerk.preparation.accounts import read_accounts
from segmentwerk.preparation.prepare import fit_space, make_view, split
from segmentwerk.segmenters.base import Segmenter
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.preprocess import ReferenceSpace
from segmentwerk.segmenters.rfm_grid import RFMGridSegmenter

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("SEGMENTWERK_DATA", ROOT.parent / "shared" / "data")).resolve()
SOURCES: dict[str, tuple[dict[str, str | int], str | None]] = {
    "demo": ({"source": "demo", "source.accounts": 3000}, None),
    "online_retail": ({"experiments": "online_retail"}, "online_retail/online_retail.parquet"),
    "adventureworks": ({"experiments": "adventureworks"}, "adventureworks_reseller"),
    "olist_sellers": ({"source": "olist_sellers"}, "olist_b2b_sellers"),
}
OUTCOME = "log_future_revenue"
FRESH = 2000
ALLOWED = 0.05

Make = Callable[[int], Segmenter]


@dataclass(frozen=True)
class Way:
    """How few customers are treated."""

    features: FeatureSettings
    evaluation: EvaluationSettings
    levels: tuple[int, ...]

    def candidates(self) -> Iterator[tuple[str, Make]]:
        """Name the candidates; each makes an unfitted segmenter of a seed."""
        for levels in self.levels:
            name = "rfm_grid" if levels == 5 else "rfm_grid #2"
            yield name, partial(_grid, levels)
        for k in range(2, 6):
            yield f"kmeans-{k}", partial(_seeded, KMeansSegmenter, k)
        for k in range(2, 5):
            yield f"mixture-{k}", partial(_seeded, GaussianMixtureSegmenter, k)


def _grid(levels: int, _seed: int) -> Segmenter:
    return RFMGridSegmenter(levels)


def _seeded(kind: type[KMeansSegmenter] | type[GaussianMixtureSegmenter], k: int, seed: int) -> Segmenter:
    return kind(k, random_state=seed)


WAYS = {
    "before": Way(
        FeatureSettings(selection="off"), EvaluationSettings(n_bootstrap=100, cross_validate_below=0), (5,)
    ),
    "now": Way(FeatureSettings(), EvaluationSettings(n_bootstrap=100), (5, 2)),
}


@dataclass(frozen=True)
class Contest:
    """Who won among some customers, and how to label others."""

    selection: Selection
    cards: dict[str, Scorecard]
    model: Segmenter
    space: ReferenceSpace

    @property
    def card(self) -> Scorecard:
        """The winner's scorecard."""
        return self.cards[self.selection.winner]

    def label(self, features: pd.DataFrame) -> np.ndarray:
        """Label customers (n, n_features), shape (n,)."""
        return self.model.predict(self.space.transform(features))

    def row(self) -> dict[str, object]:
        """Return what is reported of it."""
        scores = {name: self.card.score(key) for name, key in KEYS.items()}
        return {
            "columns": len(self.space.columns_),
            "passed": self.card.passed,
            "thumb": self.selection.rule_of_thumb,
            "segments": self.card.n_segments,
            **{name: np.nan if score is None else score.value for name, score in scores.items()},
            "gain_low": np.nan if (gain := scores["gain"]) is None else gain.low,
        }


KEYS = {
    "agreement": "stability/agreement",
    "jaccard": "stability/jaccard_min",
    "gain": "separation/gain",
    "explained": "value/explained",
}


def contest(table: AccountTable, ids: pd.Index, way: Way, seed: int) -> Contest:
    """Let the candidates compete on some of a table's customers, as if there were no others."""
    own = replace(
        table,
        features=table.features.loc[ids],
        outcomes=table.outcomes.loc[ids],
        orders=table.orders.loc[ids],
    )
    train, test = split(ids, way.evaluation.holdout_share, seed)
    space = fit_space(own, train, way.features, GoalSettings())
    view = make_view(own, space, train, test, own.outcomes.get(OUTCOME))
    cards, models = {}, {}
    for name, make in way.candidates():

        def refit(X: pd.DataFrame, seed: int, make: Make = make) -> Segmenter:
            return make(seed).fit(X)

        try:
            models[name] = refit(view.train, seed)
            cards[name] = judge(
                name, models[name], refit, view, way.evaluation, seed=seed, algorithm=name.split()[0]
            )
        except FitError:
            continue
    selection = select(list(cards.values()), way.evaluation, GoalSettings())
    return Contest(selection, cards, models[selection.winner], space)


def drawn(sizes: list[int], worlds: int, *, groups: bool) -> Iterator[dict[str, object]]:
    """Compare both ways on worlds of known groups, or of none."""
    for number in range(worlds):
        table, group = world(np.random.default_rng([5, number]), max(sizes) + FRESH, groups=groups)
        fresh = table.features.index[max(sizes) :]
        for n in sizes:
            for name, way in WAYS.items():
                result = contest(table, table.features.index[:n], way, number)
                labels, own = result.label(table.features.loc[fresh]), group.loc[fresh].to_numpy()
                yield {
                    "customers": n, "way": name, "world": number, **result.row(),
                    "found": groups_found(own, labels), "ari": adjusted_rand_score(own, labels),
                }  # fmt: skip


def groups_found(own: np.ndarray, labels: np.ndarray) -> float:
    """Share of the groups that a segment overlaps by half or more (Jaccard)."""
    best = []
    for group in np.unique(own):
        member = own == group
        overlaps = [
            (member & (labels == s)).sum() / (member | (labels == s)).sum() for s in np.unique(labels)
        ]
        best.append(max(overlaps) >= 0.5)
    return float(np.mean(best))


def real(sizes: list[int], seeds: int) -> Iterator[dict[str, object]]:
    """Compare both ways on customers drawn from larger sources."""
    for source in SOURCES:
        table = read(source)
        if table is None:
            continue
        for n in (n for n in sizes if n < len(table.customers)):
            for seed in range(seeds):
                rng = np.random.default_rng([9, seed])
                ids = pd.Index(np.sort(rng.choice(table.customers, n, replace=False)))
                for name, way in WAYS.items():
                    result = contest(table, ids, way, seed)
                    halves = result.cards.get("rfm_grid #2")
                    explained = halves.score("value/explained") if halves else None
                    yield {
                        "source": source, "customers": n, "way": name, "seed": seed, **result.row(),
                        "told_of_others": told_of_others(table, ids, result),
                        "halves_explained": np.nan if explained is None else explained.value,
                    }  # fmt: skip


def told_of_others(table: AccountTable, ids: pd.Index, result: Contest) -> float:
    """Share of the later revenue's variance that the segments tell of customers that were not drawn."""
    others = table.customers.difference(ids)
    labels = pd.Series(result.label(table.features.loc[others]), index=others)
    y = table.outcomes.loc[others, OUTCOME]
    judged = np.random.default_rng(0).random(len(others)) < 0.5
    means = y[~judged].groupby(labels[~judged]).mean()
    errors = (y[judged] - labels[judged].map(means).fillna(y[~judged].mean())) ** 2
    return float(1 - errors.sum() / ((y[judged] - y[judged].mean()) ** 2).sum())


def read(source: str) -> AccountTable | None:
    """Return a source's account table; None where its data is not there."""
    overrides, path = SOURCES[source]
    if path and not (DATA / path).exists():
        return None
    place = {"source.path": str(DATA / path)} if path else {}
    with tempfile.TemporaryDirectory() as home:
        settings = calls.settings("compare", CompareSettings, {**overrides, **place, "home": home})
        context = Context("benchmark", Path(home))
        read = read_accounts(settings.source, settings.quality, settings.features, context, home=Path(home))
    return read.table


def main() -> None:
    """Run the parts that are asked for and print a table each."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument(
        "--only", nargs="+", choices=("drawn", "nulls", "real"), default=["drawn", "nulls", "real"]
    )
    parser.add_argument("--worlds", type=int, default=25)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[60, 100, 200, 400])
    parser.add_argument("--output", type=Path, help="write every contest as CSV")
    arguments = parser.parse_args()
    machine()
    parts = {
        "drawn": lambda: drawn(arguments.sizes, arguments.worlds, groups=True),
        "nulls": lambda: drawn(arguments.sizes, arguments.worlds, groups=False),
        "real": lambda: real(arguments.sizes, arguments.seeds),
    }
    tables = {}
    for part in arguments.only:
        rows = []
        for row in parts[part]():
            rows.append(row)
            print(f"{part} {len(rows)}", end="\r", flush=True)
        tables[part] = pd.DataFrame(rows)
        keys = [key for key in ("source", "customers", "way") if key in tables[part]]
        means = tables[part].groupby(keys, sort=False).mean(numeric_only=True)
        print(
            f"{part}\n{means.drop(columns=['world', 'seed'], errors='ignore').round(3).to_string()}\n",
            flush=True,
        )
    report(tables)
    if arguments.output:
        pd.concat(tables).to_csv(arguments.output)


def report(tables: dict[str, pd.DataFrame]) -> None:
    """Print the lines of the benchmark."""
    if "nulls" in tables:
        passed = tables["nulls"].groupby("way")["passed"].mean()
        bench(
            "few_customers/nulls_passed",
            passed["now"],
            passed["before"],
            f"ours<={ALLOWED}",
            ok=passed["now"] <= ALLOWED,
        )
    if "drawn" in tables:
        found = tables["drawn"].groupby("way")["found"].mean()
        bench(
            "few_customers/groups_found",
            found["now"],
            found["before"],
            "ours>=peer",
            ok=found["now"] >= found["before"],
        )


if __name__ == "__main__":
    main()
