"""What answers are worth when part of an account is unknown, before and since the unknown is marginalised.

    python experiments/benchmarks/partial_answers.py [--only SOURCE ...] [--copies N] [--splits N]

Segmenters of each kind are fitted on seven tenths of the customers and packaged as `compare` does. Features
of the others are then hidden at random, 10 to 90% of them, and the packaged model is asked. For each share:

agree    how often the answer names the segment of the whole account
ece      expected calibration error of the confidence (Guo et al. 2017): at most 0.05 is asked
outlier  share of the accounts flagged as outliers, whole ones beside it in the first row
silent   share of the accounts of which too little is known, so that there is no answer

`before` fills unknown values with medians, as the model did once. One half of the customers held out tempers
the confidence while the other, which nothing was learned from, is asked; then they change places. With
`--splits` the customers are parted anew, and the answers of all partings are judged together: three tenths of
a small source are too few to tell an error of 0.05 from none. Rows `only …` hide all but what is named.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from few_customers import SOURCES, read
from lib.lines import machine

from segmentwerk.core.settings import FeatureSettings, GoalSettings
from segmentwerk.core.types import AccountTable, Segment
from segmentwerk.insight.language import ENGLISH
from segmentwerk.insight.reasons import wording
from segmentwerk.preparation.prepare import fit_space, split
from segmentwerk.registry import package, partial
from segmentwerk.scoring.local import score_package
from segmentwerk.segmenters import prospect
from segmentwerk.segmenters.autoencoder import AutoencoderSegmenter
from segmentwerk.segmenters.base import Segmenter
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.preprocess import ReferenceSpace
from segmentwerk.segmenters.rfm_grid import RFMGridSegmenter

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
GOAL = 0.05
SEGMENTERS = (
    KMeansSegmenter(6),
    GaussianMixtureSegmenter(5),
    AutoencoderSegmenter(6),
    RFMGridSegmenter(levels=2),
)
ALONE = {
    "frequency": ["frequency"],
    "rfm": ["recency_days", "frequency", "monetary"],
    "orders": ["recency_days", "frequency", "monetary", "tenure_days", "average_basket", "revenue_12m"],
}
"""What a caller may know of an account and nothing else."""


def hidden(features: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return the rows with a share of their features hidden, others in each row."""
    order = rng.random(features.shape).argsort(axis=1).argsort(axis=1)
    return features.mask(order < round(share * features.shape[1]))


def pack(folder: Path, table: AccountTable, space: ReferenceSpace, model: Segmenter, train: pd.Index,
         tempering: pd.Index) -> Path:  # fmt: skip
    """Package a fitted segmenter as `compare` does."""
    features = table.features
    x = space.transform(features.loc[train])
    labels = pd.Series(model.predict(x), index=train)
    typical = model.score_samples(space.transform(features.loc[tempering]))
    names = {"numeric": list(space.numeric), "categorical": list(space.categorical)}
    beforehand = 0 < sum(feature.prospect for feature in table.catalogue) < len(table.catalogue)
    return package.save(
        folder,
        package.Trained(
            space=space,
            segmenter=model,
            partial=partial.fit(space, model, features.loc[train], features.loc[tempering], seed=0),
            outlier_threshold=float(np.quantile(typical, prospect.OUTLIER_SHARE)),
            prospect=prospect.fit(table, labels, **names, seed=0) if beforehand else None,
        ),
        table,
        labels,
        [Segment(k, f"Segment {k}", k, 1, 0.1, (), "") for k in range(model.n_segments_)],
        package.About(wording(table.catalogue, ENGLISH)),
    )


def rows(source: str, copies: int, splits: int) -> Iterator[dict[str, object]]:
    """Ask every segmenter about every share of hidden features."""
    table = read(source)
    if table is None:
        return
    for model in SEGMENTERS:
        answers = [answer for seed in range(splits) for answer in halves(table, model, copies, seed)]
        kind = type(model).__name__.removesuffix("Segmenter")
        for case in answers[0]:
            answered = pd.concat([answer[case] for answer in answers])
            yield {"source": source, "segmenter": kind, "case": case, **worth(answered)}


def halves(
    table: AccountTable, model: Segmenter, copies: int, seed: int
) -> Iterator[dict[str, pd.DataFrame]]:
    """Fit on seven tenths of the customers; ask about each half of the others, the other half tempering."""
    train, held_out = split(table.customers, 0.3, seed)
    space = fit_space(table, train, FeatureSettings(), GoalSettings())
    model.fit(space.transform(table.features.loc[train]))
    for half in range(2):
        yield ask(table, space, model, train, held_out[1 - half :: 2], held_out[half::2], copies)


def ask(
    table: AccountTable,
    space: ReferenceSpace,
    model: Segmenter,
    train: pd.Index,
    tempering: pd.Index,
    judged: pd.Index,
    copies: int,
) -> dict[str, pd.DataFrame]:
    """Return the answers of both ways, by case: confidences, and whether they name the right segment."""
    features = table.features.loc[judged, [*space.numeric, *space.categorical]]
    truth = np.tile(model.predict(space.transform(features)), copies)
    answers = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pack(Path(scratch) / "model", table, space, model, train, tempering)
        for case, frames in cases(features, copies).items():
            frame = pd.concat(frames, ignore_index=True).astype(dict.fromkeys(space.numeric, "float64"))
            before = model.predict_proba(space.transform(frame))
            now = score_package(
                folder, frame.set_index(frame.index.astype(str)), ["segment_id", "confidence", "is_outlier"]
            )
            answers[case] = now.assign(
                right=now["segment_id"] == truth,
                before=before.max(axis=1),
                before_right=before.argmax(axis=1) == truth,
            )
    return answers


def cases(features: pd.DataFrame, copies: int) -> dict[str, list[pd.DataFrame]]:
    """Return the accounts with different parts of them hidden."""
    made = {"nothing hidden": [features]}
    for share in LEVELS:
        rng = np.random.default_rng([7, int(100 * share)])
        made[f"{share:.0%} hidden"] = [hidden(features, share, rng) for _ in range(copies)]
    for name, left in ALONE.items():
        gone = np.tile(~features.columns.isin(left), (len(features), 1))
        made[f"only {name}"] = [features.mask(gone)]
    return {case: frames * (copies // len(frames)) for case, frames in made.items()}


def worth(answers: pd.DataFrame) -> dict[str, float]:
    """Return what the answers of both ways are worth."""
    spoken = answers[answers["segment_id"] >= 0]
    return {
        "before_agree": answers["before_right"].mean(),
        "before_ece": error(answers["before"], answers["before_right"]),
        "agree": spoken["right"].mean(),
        "ece": error(spoken["confidence"], spoken["right"]),
        "confidence": spoken["confidence"].mean(),
        "outlier": answers["is_outlier"].mean(),
        "silent": 1 - len(spoken) / len(answers),
    }


def error(confidence: pd.Series, right: pd.Series, n_bins: int = 15) -> float:
    """Return the expected calibration error of confidences in answers that are right or wrong."""
    place = np.minimum((confidence.to_numpy() * n_bins).astype(np.int64), n_bins - 1)
    gaps = np.bincount(place, weights=confidence - right, minlength=n_bins)
    return float(np.abs(gaps).sum() / max(len(right), 1))


def main() -> None:
    """Ask, and print a table."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--only", nargs="+", default=["demo", "online_retail", "adventureworks"])
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--splits", type=int, default=1)
    arguments = parser.parse_args()
    machine()
    SOURCES["demo"] = ({"source": "demo"}, None)
    table = pd.DataFrame(
        [row for source in arguments.only for row in rows(source, arguments.copies, arguments.splits)]
    )
    print(table.round(3).to_string(index=False))
    hidden_rows = table[table["case"].str.contains("% hidden")]
    print(f"# largest calibration error: {hidden_rows['ece'].max():.3f} (goal {GOAL})")


if __name__ == "__main__":
    main()
