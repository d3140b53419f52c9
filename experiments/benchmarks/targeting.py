"""Who should be treated how: on a real campaign, without differences, with planted ones, on the demo.

    python experiments/benchmarks/targeting.py [PART …] [--draws N]

``hillstrom``: the e-mail test of that name (64,000 customers, three arms), looked for in $SEGMENTWERK_DATA,
default ../shared/data. Over 40 splits,
segments by the product's own k-means and mixture and the recommendation are learned on one half and valued on
the other, less the best arm for all; the peer is "the best arm of each segment", taken as it looks.

``null``: 1,000 campaigns without an effect, and 1,000 with the same effect in all segments; how often the
verdict is "treat segments differently", at most 5%.

``power``: planted differences by size and contacts; how often they are found, and how often the 95% interval
of the gain holds the mean true gain of the policies that it stands for, and that of the policy learned last.

``demo``: 20,000 accounts, a discount that works for bargain hoppers and a catalogue for workshops and
seasonal traders: the recommended arm of each latent type, and the targeting score of candidates near to the
types and far from them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from lib.lines import bench
from sets.labelled import DATA

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.context import Context
from segmentwerk.core.paths import config_root
from segmentwerk.core.settings import FeatureSettings, GoalSettings, QualitySettings, SourceSettings
from segmentwerk.evaluation import targeting
from segmentwerk.evaluation.policy import NORMAL_95, PolicyValue, value
from segmentwerk.evaluation.randomised import RandomisedCampaign
from segmentwerk.evaluation.targeting import PastCampaign
from segmentwerk.measurement.heterogeneity import permutation_test
from segmentwerk.measurement.recommendation import LEVEL, recommend
from segmentwerk.preparation.accounts import open_accounts
from segmentwerk.preparation.campaigns import past_campaigns
from segmentwerk.preparation.prepare import fit_space
from segmentwerk.segmenters.base import Segmenter
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.preprocess import ReferenceSpace

SPLITS, SEGMENTS = 40, 6
MODELS: dict[str, Callable[[int], Segmenter]] = {
    "kmeans": lambda seed: KMeansSegmenter(SEGMENTS, random_state=seed),
    "mixture": lambda seed: GaussianMixtureSegmenter(SEGMENTS, random_state=seed),
}
ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
LEAST = {"visit": -0.0003, "spend": -0.02}


def read_hillstrom(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what was known of each customer before the mail, and arm, visit and spend."""
    table = pd.read_csv(folder / "hillstrom" / "hillstrom.csv.gz")
    table.index = pd.Index([f"customer-{row:05d}" for row in range(len(table))])
    numeric = ["recency", "history", "mens", "womens", "newbie"]
    known = table[numeric].astype("float64").join(table[["zip_code", "channel"]].astype(object))
    happened = table[["visit", "spend"]].astype("float64")
    return known, happened.assign(arm=table["segment"].map(ARMS.index))


def segments_of(known: pd.DataFrame, learned: IntArray, model: str, seed: int) -> IntArray:
    """Fit space and segmenter on some customers and return the segment of everyone."""
    numeric = known.select_dtypes("number").columns.tolist()
    space = ReferenceSpace(numeric=numeric, categorical=["zip_code", "channel"]).fit(known.iloc[learned])
    fitted = MODELS[model](seed).fit(space.transform(known.iloc[learned]))
    return np.asarray(fitted.predict(space.transform(known)), dtype=np.int64)


def over_best_arm(campaign: RandomisedCampaign, arms: IntArray, best: int) -> tuple[float, float]:
    """Value of a policy less that of one arm for all, on accounts that chose neither, and its error."""
    cells = campaign.cells
    means, variances, shares = cells.means[0], cells.variances[0], cells.shares[0]
    rows = np.arange(len(arms))
    gap = (means[rows, arms] - means[rows, best]) * shares
    error = np.where(arms == best, 0, variances[rows, arms] + variances[rows, best]) * shares**2
    return float(gap.sum()), float(np.sqrt(error.sum()))


def real(splits: int) -> None:
    """Look at the real test, where it is there."""
    if (DATA / "hillstrom").is_dir():
        hillstrom(DATA, splits)
    else:
        print(f"hillstrom: skipped, it is not in {DATA}; name its folder in SEGMENTWERK_DATA.")


def hillstrom(folder: Path, splits: int = SPLITS) -> None:
    """Learn on one half, value on the other, and print means and losses."""
    known, happened = read_hillstrom(folder)
    arm, n = happened["arm"].to_numpy(dtype=np.int64), len(happened)
    for model in MODELS:
        halves = [np.array_split(np.random.default_rng(seed).permutation(n), 2) for seed in range(splits)]
        labels = [segments_of(known, half[0], model, seed) for seed, half in enumerate(halves)]
        for outcome, least in LEAST.items():
            y = happened[outcome].to_numpy()
            rows, verdicts = [], Counter[str]()
            for seed, (learned, asked) in enumerate(halves):
                first, second = (
                    RandomisedCampaign(labels[seed][part], arm[part], y[part], SEGMENTS, 3, 0)
                    for part in (learned, asked)
                )
                told = recommend(first, seed, permutations=99)
                verdicts[told.verdict] += 1
                arms = told.leaning if told.verdict == "by_segment" else (told.best_arm,) * SEGMENTS
                naive = first.cells.means[0].argmax(axis=1)
                rows.append(
                    [
                        over_best_arm(second, np.asarray(each), told.best_arm)
                        for each in (arms, told.leaning, naive)
                    ]
                )
            _tell_hillstrom(f"hillstrom_{model}_{outcome}", np.array(rows), verdicts, least)


def _tell_hillstrom(name: str, rows: FloatArray, verdicts: Counter[str], least: float) -> None:
    """Print means over splits: recommended, drawn together without verdict, and naive."""
    means, spread = rows[..., 0].mean(axis=0), rows[..., 0].std(axis=0, ddof=1)
    lost = (rows[..., 0] + NORMAL_95 * rows[..., 1] < 0).sum(axis=0)
    print(
        f"# {name}: verdicts {dict(verdicts)}; mean (deviation over splits), significant losses: "
        + "; ".join(
            f"{who} {mean:.5f} ({one:.5f}), {times}"
            for who, mean, one, times in zip(
                ("recommended", "shrunken", "naive"), means, spread, lost, strict=True
            )
        )
    )
    bench(name, means[0], means[2], f"ours>={least}", ok=bool(means[0] >= least and lost[0] == 0))


def draw(rng: np.random.Generator, n: int, means: FloatArray, *, money: bool = False) -> RandomisedCampaign:
    """Draw a campaign with some chance to buy by segment and arm; money is a log-normal sum of who buys."""
    k, a = means.shape
    segment = rng.choice(k, size=n, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    arm = rng.integers(a, size=n)
    y = (rng.random(n) < means[segment, arm]).astype(np.float64)
    if money:
        y *= np.exp(3.6 + 0.7 * rng.standard_normal(n))
    return RandomisedCampaign(segment, arm, y, k, a, 0, np.full(a, 1 / a))


def treats_differently(campaign: RandomisedCampaign, seed: int) -> tuple[bool, PolicyValue]:
    """Apply the rule of the recommendation; the test is asked only where the gain does not refuse."""
    found = value(campaign, seed)
    return found.gain.low > 0 and permutation_test(campaign, seed, 199) <= LEVEL, found


def null(draws: int, n: int = 6000) -> None:
    """Count how often segments are said to differ where they do not, for rates and for money."""
    levels = np.array([0.06, 0.08, 0.1, 0.14, 0.2])[:, None]
    worlds = {"no_effect": levels + np.zeros(3), "same_effect": levels + np.array([0.0, 0.02, 0.035])}
    for name, means in worlds.items():
        rng = np.random.default_rng(len(name))
        told, gains, lost = 0, 0, 0
        for number in range(draws):
            said, found = treats_differently(draw(rng, n, means, money=number % 2 == 1), number)
            told, gains, lost = told + said, gains + (found.gain.low > 0), lost + (found.gain.high < 0)
        print(f"# {name}: gain above 0 in {gains}, below 0 in {lost} of {draws} intervals")
        bench(f"null_{name}_differently", told / draws, LEVEL, "ours<=0.05", ok=told <= LEVEL * draws)
    rng, small = np.random.default_rng(3), max(draws // 5, 20)
    rejected = sum(
        permutation_test(draw(rng, 1500, worlds["same_effect"], money=number % 2 == 1), number, 99) <= LEVEL
        for number in range(small)
    )
    print(f"# permutation test under the same effect: rejected in {rejected} of {small} draws at {LEVEL}")


def power(draws: int) -> None:
    """Plant one arm that is best in two of five segments, another in the rest; print a table and coverage."""
    print("# lead of the right arm, contacts: by_segment told, true gain, coverage on the way, of the last")
    held, count = 0.0, 0
    for lead in (0.02, 0.04, 0.08):
        means = np.full((5, 3), 0.1)
        means[:2, 1] += lead
        means[2:, 2] += lead
        for n in (2000, 6000, 18000):
            rng, rows = np.random.default_rng(n), []
            for number in range(draws):
                campaign = draw(rng, n, means)
                said, found = treats_differently(campaign, number)
                rows.append([said, *_covered(found, means)])
            told, gain, covered, last = np.mean(rows, axis=0)
            print(f"# {lead:.2f} {n:6d}: {told:6.3f} {gain:8.4f} {covered:6.3f} {last:6.3f}", flush=True)
            held, count = held + covered, count + 1
    bench("power_coverage", held / count, 0.95, "0.93<=ours<=0.97", ok=0.93 <= held / count <= 0.97)


def _covered(found: PolicyValue, means: FloatArray) -> tuple[float, bool, bool]:
    """Return the last policy's true gain, and whether the interval holds that of those on the way, and it."""
    shares = np.arange(1, len(means) + 1) / (len(means) * (len(means) + 1) / 2)
    rows = np.arange(len(means))

    def gain(arms: IntArray, best: IntArray) -> FloatArray:
        return np.asarray((means[rows, arms] * shares).sum(axis=-1) - (means.T @ shares)[best])

    way, last = found.on_the_way, found.learned
    on_the_way, final = float(gain(way.arms, way.best_arm).mean()), float(gain(last.arms, last.best_arm))
    low, high = found.gain.low - 1e-12, found.gain.high + 1e-12
    return final, low <= on_the_way <= high, low <= final <= high


def demo(accounts: int, worlds: int) -> None:
    """Print the recommended arms of the latent types, and targeting scores of candidates."""
    scores: dict[str, list[float]] = {}
    for seed in range(7, 7 + worlds):
        with tempfile.TemporaryDirectory() as home:
            campaigns, types, label = _demo_world(Path(home), accounts, seed)
        if seed == 7:
            _arms_of_types(campaigns, types)
        for name, labelled in _candidates(campaigns, types, label, seed):
            for told, given in (("money", campaigns), ("conversion", [_bought(one) for one in campaigns])):
                k = max(int(part.max()) for part in labelled) + 1
                found = targeting.measure(labelled, k, given, 200, seed)
                score = found[0].score
                scores.setdefault(f"{told} {name}", []).append(score.value)
                print(f"# world {seed} {told} {name}: {score.value:.4f} ({score.low:.4f} … {score.high:.4f})")
    mean = {name: float(np.mean(each)) for name, each in scores.items()}
    for told in ("money", "conversion"):
        ours, peer = mean[f"{told} types"], mean[f"{told} random"]
        bench(f"demo_targeting_{told}_types_random", ours, peer, "ours>peer", ok=ours > peer)
        noisy = [mean[f"{told} types {share}% wrong"] for share in (0, 30, 60)]
        falling = noisy[0] > noisy[1] > noisy[2]
        bench(f"demo_targeting_{told}_by_noise", noisy[0], noisy[2], "falling-with-noise", ok=falling)


def _demo_world(
    home: Path, accounts: int, seed: int
) -> tuple[tuple[PastCampaign, ...], pd.Series, Callable[[PastCampaign], IntArray]]:
    """Return past campaigns of a world after both were run, its types, and k-means as a labeller."""
    conf = yaml.safe_load((config_root() / "conf" / "source" / "demo.yaml").read_text(encoding="utf-8"))
    given = conf | {"accounts": accounts, "seed": seed, "as_of": date(2026, 4, 1), "outcome_until": None}
    source, features = SourceSettings.model_validate(given), FeatureSettings()
    with open_accounts(source, QualitySettings(), features, Context("benchmark", home), home=home) as read:
        space = fit_space(read.table, read.table.customers, features, GoalSettings())
        campaigns = past_campaigns(read.checked.tables, read.table, features, space)
        rows = space.transform(read.table.features.loc[read.table.customers])
        truth = pd.concat(pd.read_parquet(file) for file in home.rglob("latent_types.parquet"))
    model = KMeansSegmenter(SEGMENTS, random_state=seed).fit(rows)
    types = truth.set_index("account_id")["latent_type"]
    return campaigns, types, lambda one: np.asarray(model.predict(one.rows), dtype=np.int64)


def _bought(campaign: PastCampaign) -> PastCampaign:
    """Return the campaign with whether revenue came as its outcome."""
    return replace(campaign, outcome=(campaign.outcome > 0).astype(np.float64), unit="share of contacts")


def _candidates(
    campaigns: tuple[PastCampaign, ...],
    types: pd.Series,
    label: Callable[[PastCampaign], IntArray],
    seed: int,
) -> Iterator[tuple[str, list[IntArray]]]:
    """Yield segmentations from the latent types down to labels by chance."""
    codes = pd.Series(pd.factorize(types, sort=True)[0], index=types.index)
    rng = np.random.default_rng(seed)
    other = pd.Series(rng.permutation(codes.to_numpy()), index=codes.index)
    luck = pd.Series(rng.random(len(codes)), index=codes.index)
    for share in (0, 30, 60, 100):
        noisy = codes.where(luck >= share / 100, other)
        title = "types" if share == 0 else "random" if share == 100 else f"types {share}% wrong"
        labelled = [noisy.reindex(one.rows.index, fill_value=0).to_numpy(dtype=np.int64) for one in campaigns]
        yield title, labelled
        if share == 0:
            yield "types 0% wrong", labelled
    yield "kmeans", [label(one) for one in campaigns]


def _arms_of_types(campaigns: tuple[PastCampaign, ...], types: pd.Series) -> None:
    """Recommend arms to the latent types from both campaigns and compare them with those planted."""
    names = sorted(types.unique())
    planted = {"bargain_hopper": "discount", "seasonal_trader": "catalogue", "steady_workshop": "catalogue"}
    arms, control = campaigns[0].arms, campaigns[0].control
    segment = np.concatenate([types.reindex(one.rows.index).map(names.index) for one in campaigns])
    arm = np.concatenate([one.arm for one in campaigns])
    for told, each in (("conversion", [_bought(one) for one in campaigns]), ("money", campaigns)):
        y = np.concatenate([one.outcome for one in each])
        campaign = RandomisedCampaign(segment.astype(np.int64), arm, y, len(names), len(arms), control)
        found = recommend(campaign, 7)
        leaning = {name: arms[one] for name, one in zip(names, found.leaning, strict=True)}
        gain = found.value.gain
        print(f"# demo {told}: {found.contacts} contacts, verdict {found.verdict}, arms {leaning}")
        print(f"# demo {told}: gain {gain.value:.4f} ({gain.low:.4f} … {gain.high:.4f}) a contact")
        hit = sum(leaning[name] == wanted for name, wanted in planted.items())
        ok = hit == len(planted) and gain.low > 0
        bench(f"demo_planted_arms_{told}", hit, len(planted), "all,gain-above-0", ok=ok)


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["hillstrom", "null", "power", "demo"])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--splits", type=int, default=SPLITS)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--worlds", type=int, default=3)
    given = parser.parse_args()
    if "hillstrom" in given.parts:
        real(given.splits)
    if "null" in given.parts:
        null(given.draws)
    if "power" in given.parts:
        power(max(given.draws // 5, 20))
    if "demo" in given.parts:
        demo(given.accounts, given.worlds)


if __name__ == "__main__":
    main()
