"""The figures of a comparison: each title says the finding, each axis its unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from segmentwerk.core.types import Identity, Scorecard, Segment, Selection, StudyResult
from segmentwerk.insight.figure import Bars, Dots, Figure, Flows, Heat, Line, Lines, Points
from segmentwerk.insight.profiles import Effect
from segmentwerk.insight.words import label, number

MAP_POINTS = 2000
"""Points of the map, at most, drawn at random; more would hide each other."""
HEAT_FEATURES = 14


def ranked(selection: Selection, cards: Sequence[Scorecard], key: str) -> Figure:
    """One criterion of all candidates with intervals, in the order of the ranking."""
    found = {card.candidate: card.score(key) for card in cards}
    order = [str(name) for name in selection.ranking["candidate"] if found[str(name)] is not None]
    scores = [score for name in order if (score := found[name]) is not None]
    best = max(scores, key=lambda score: score.value if score.higher_is_better else -score.value)
    leader = next(name for name in order if found[name] is best)
    family, _, name = key.partition("/")
    words = name.replace("_", " ")
    return Figure(
        f"scores_{family}_{name}",
        f"{leader} leads in {words} ({best.value:.3f}); {selection.winner} won",
        f"{words}, 95% interval {best.unit}".strip(),
        "candidate, best rank first",
        Dots(order, [s.value for s in scores], [s.low for s in scores], [s.high for s in scores]),
    )


def side_by_side(selection: Selection, cards: Sequence[Scorecard], keys: Sequence[str]) -> Figure:
    """All criteria of all candidates as parallel coordinates, each scaled from worst (0) to best (1)."""
    names = [str(name) for name in selection.ranking["candidate"]]
    values = np.array([[_value(card, key) for key in keys] for card in cards])
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    scaled = (values - low) / np.where(high > low, high - low, 1.0)
    row = {card.candidate: scaled[i] for i, card in enumerate(cards)}
    lines = [Line(name, [float(x) for x in range(len(keys))], row[name].tolist()) for name in names]
    wins = sum(row[selection.winner] >= np.nanmax(scaled, axis=0))
    ticks = [key.split("/")[-1].replace("_", " ") for key in keys]
    return Figure(
        "side_by_side",
        f"{selection.winner} is best in {wins} of {len(keys)} criteria",
        "criterion",
        "worst (0) to best (1) candidate",
        Lines(lines, ticks),
    )


def _value(card: Scorecard, key: str) -> float:
    score = card.score(key)
    return float("nan") if score is None else score.value


def by_segments(studies: Mapping[str, StudyResult], chosen: Scorecard) -> Figure:
    """Objective against the number of segments: the best trial of each algorithm at each number."""
    lines = []
    mark = None
    for name, study in studies.items():
        best: dict[float, float] = defaultdict(lambda: -np.inf)
        for trial in study.trials:
            if trial.state == "complete":
                k = trial.scores.get("substance/n_segments", float("nan"))
                best[k] = max(best[k], trial.value)
        points = sorted((k, value) for k, value in best.items() if np.isfinite(k))
        lines.append(Line(name, [k for k, _ in points], [value for _, value in points]))
        if name == chosen.algorithm and chosen.n_segments in dict(points):
            mark = (float(chosen.n_segments), dict(points)[chosen.n_segments])
    title = f"{chosen.n_segments} segments were chosen, found by {chosen.algorithm}"
    return Figure("by_segments", title, "number of segments", "objective of tuning", Lines(lines, mark=mark))


def history(studies: Mapping[str, StudyResult]) -> Figure:
    """Best objective so far against the number of trials."""
    lines = []
    for name, study in studies.items():
        values = [trial.value if trial.state == "complete" else np.nan for trial in study.trials]
        best = np.fmax.accumulate(np.array(values, dtype=float))
        lines.append(Line(name, [float(i + 1) for i in range(len(best))], best.tolist()))
    total = sum(len(study.trials) for study in studies.values())
    title = f"{total} trials in {len(studies)} studies"
    return Figure("history", title, "trial", "best objective so far", Lines(lines))


def sizes(segments: Sequence[Segment]) -> Figure:
    """Share of accounts and of revenue by segment."""
    names = [_short(segment) for segment in segments]
    series = {"accounts": [segment.share for segment in segments]}
    known = all(np.isfinite(segment.revenue_share) for segment in segments)
    if known:
        series["revenue"] = [segment.revenue_share for segment in segments]
    top = max(segments, key=lambda segment: segment.revenue_share if known else segment.share)
    title = f"Segment {top.id} holds {top.share:.0%} of accounts"
    title += f" and {top.revenue_share:.0%} of revenue" if known else ""
    return Figure("sizes", title, "segment", "share", Bars(names, series))


def stability(segments: Sequence[Segment], card: Scorecard) -> Figure:
    """Overlap of each segment with its like in refits."""
    overlaps = [float(card.per_segment["jaccard"].iloc[segment.label]) for segment in segments]
    weak = [segment.id for segment, value in zip(segments, overlaps, strict=True) if value < 0.6]
    title = f"Segments {', '.join(map(str, weak))} are doubtful" if weak else "Every segment comes back"
    title += " when refitted on half of the accounts (below 0.6 is doubtful, above 0.75 stable)"
    names = [_short(segment) for segment in segments]
    return Figure("stability", title, "segment", "Jaccard overlap", Bars(names, {"overlap": overlaps}))


def profile(measured: Sequence[Effect], segments: Sequence[Segment]) -> Figure:
    """Deviation of each segment from all others, for the features that tell most."""
    size: dict[tuple[str, str], float] = defaultdict(float)
    for effect in measured:
        size[effect.feature.name, effect.level] += abs(effect.effect)
    chosen = sorted(size, key=lambda key: (-size[key], key))[:HEAT_FEATURES]
    cell = {(effect.label, effect.feature.name, effect.level): effect for effect in measured}
    rows, values, texts = [], [], []
    for name, level in chosen:
        effects = [cell.get((segment.label, name, level)) for segment in segments]
        feature = next(effect.feature for effect in effects if effect is not None)
        rows.append(f"{label(feature)} {level}".strip())
        values.append([0.0 if effect is None else effect.effect for effect in effects])
        texts.append(["" if effect is None else _inside(effect) for effect in effects])
    title = f"{rows[0]} sets the segments apart most" if rows else "Nothing sets the segments apart"
    columns = [_short(segment) for segment in segments]
    heat = Heat(rows, columns, np.array(values).reshape(len(rows), len(columns)), texts)
    return Figure("profile", title + " (median or share of each segment)", "segment", "feature", heat)


def _short(segment: Segment) -> str:
    """Name a segment on an axis: its id and the first of its traits."""
    return f"{segment.id} {segment.name.split(', ')[0]}"


def _inside(effect: Effect) -> str:
    return f"{effect.inside:.0%}" if effect.level else number(effect.inside, effect.feature.unit)


def map_of(space: pd.DataFrame, labels: pd.Series, segments: Sequence[Segment], seed: int) -> Figure:
    """Accounts in the two directions of the shared space that vary most (principal components)."""
    shown = space.sample(min(len(space), MAP_POINTS), random_state=seed)
    pca = PCA(n_components=min(2, space.shape[1]), random_state=seed).fit(space)
    flat = pca.transform(shown)
    flat = np.column_stack([flat, np.zeros(len(flat))])[:, :2]
    kinds = labels.loc[shown.index].to_numpy()
    groups = {f"{segment.id} {segment.name}": flat[kinds == segment.label] for segment in segments}
    share = float(pca.explained_variance_ratio_.sum())
    title = f"Two directions show {share:.0%} of the variance; what overlaps here may be apart in others"
    return Figure("map", title, "first principal component", "second principal component", Points(groups))


def training(curve: Sequence[float]) -> Figure:
    """Draw the validation loss of the autoencoder by epoch."""
    best = int(np.argmin(curve))
    epochs = [float(i + 1) for i in range(len(curve))]
    title = f"The autoencoder was best after {best + 1} of {len(curve)} epochs"
    lines = Lines([Line("validation loss", epochs, list(curve))], mark=(best + 1.0, float(curve[best])))
    return Figure("training", title, "epoch", "validation loss", lines)


def migration(identity: Identity) -> Figure:
    """Who moves from the champion's segments to the new ones."""
    matrix = identity.migration
    counts = [(i, j, float(n)) for (i, j), n in np.ndenumerate(matrix.to_numpy(dtype=float)) if n > 0]
    left = [f"segment {name}" for name in matrix.index]
    right = [f"segment {name}" for name in matrix.columns]
    title = f"{identity.moved:.1%} of the accounts change their segment"
    return Figure("migration", title, "champion (left), new model (right)", "", Flows(left, right, counts))
