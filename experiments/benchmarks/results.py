"""Compare all segmenters, contrast groups too, on the demo and on real sets; write docs/results.md.

Each comparison is the whole main job (`segmentwerk compare`) without tracking, with another seed for the
split, the fits and the tuning. A table a source: the best trial of each segmenter by every family of the
scorecard, mean and standard deviation over the seeds, all measured on accounts held out from fitting.

    python experiments/benchmarks/results.py [--seeds N] [--only SOURCE …] [--output FILE] [OVERRIDE …]

The real sets are looked for in $SEGMENTWERK_DATA, default ../shared/data; those not there are left out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from lib.lines import machine

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("SEGMENTWERK_DATA", ROOT.parent / "shared" / "data")).resolve()
SOURCES = {
    "demo": ("source=demo", None),
    "online_retail": ("+experiments=online_retail", "online_retail/online_retail.parquet"),
    "adventureworks": ("+experiments=adventureworks", "adventureworks_reseller"),
    "wholesale": ("source=wholesale", "wholesale"),
}
MORE = "+segmenter@segmenters.contrast_groups=contrast_groups"
"""What competes beside the segmenters of every comparison; left out where there is no later outcome."""
SCORES = {
    "separation/gain": "held-out gain",
    "separation/purity": "purity",
    "stability/agreement": "agreement",
    "stability/prediction_strength": "prediction strength",
    "stability/jaccard_min": "least Jaccard",
    "value/explained": "outcome explained",
    "identifiability/balanced_accuracy": "identifiability",
    "substance/smallest_share": "smallest share",
    "wall_time/fit_seconds": "fit, s",
}
BETTER = list(SCORES)[:6]
HEAD = """# Results

Written by `python experiments/benchmarks/results.py`; do not edit. Each number is the mean over {seeds} seeds
and its standard deviation, of the best trial of each segmenter, on accounts that no fit has seen
([what the scores mean](concepts/scorecard.md)). *Won* counts the seeds in which a candidate of the segmenter
was selected, *passed* those in which its best trial passed every gate. Seconds of a fit are those beside
other work, since segmenters are judged while others are tuned.
"""


WHOLE = "evaluation.in_turns=false"
"""The tables tell of all segmenters, also of those that could no longer win."""


def compare(source: str, seed: int, overrides: list[str]) -> pd.DataFrame | None:
    """Run one comparison and return the scores of the first candidate of each segmenter, a row each."""
    source_overrides, path = SOURCES[source]
    if path and not (DATA / path).exists():
        return None
    with tempfile.TemporaryDirectory() as home:
        code = "import sys; from segmentwerk.cli import main; sys.exit(main())"
        given = [source_overrides, MORE, f"seed={seed}", "tracking.enabled=false", WHOLE, *overrides]
        given += [f"source.path={DATA / path}"] if path else []
        subprocess.run(
            [sys.executable, "-c", code, "compare", *given],
            check=True,
            env={**os.environ, "SEGMENTWERK_HOME": home},
            stdout=subprocess.DEVNULL,
        )
        output = next((Path(home) / "outputs" / "compare").iterdir())
        ranking = pd.read_csv(output / "ranking.csv")
        scores = pd.read_csv(output / "scores.csv")
    scores["key"] = scores["family"] + "/" + scores["name"]
    table = scores.pivot(index="candidate", columns="key", values="value")
    ranking = ranking.set_index("candidate")
    table["won"] = table.index == ranking.index[0]
    table["passed"] = ranking["passed"].reindex(table.index)
    table["segments"] = ranking["n_segments"].reindex(table.index)
    table["segmenter"] = ranking["algorithm"].reindex(table.index)
    best = table[~table.index.str.contains("#")].set_index("segmenter")
    best["won"] = table.groupby("segmenter")["won"].any()
    return best.assign(seed=seed)


def summary(table: pd.DataFrame) -> Iterator[str]:
    """Write the table of one source and what it says about the autoencoder."""
    known = [key for key in SCORES if key in table]
    groups = table.groupby("segmenter")
    mean, spread = groups[known].mean(), groups[known].std()
    heads = ["segmenter", "segments", *(SCORES[key] for key in known), "passed", "won"]
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for name in mean.index.astype(str):
        own, row = groups.get_group(name), mean.loc[name]
        cells = [f"{row[key]:.3f} ± {float(spread[key][name]):.3f}" for key in known]
        few, many = int(own["segments"].min()), int(own["segments"].max())
        segments = f"{few}" if few == many else f"{few} to {many}"
        counts = [f"{int(own[key].sum())} of {len(own)}" for key in ("passed", "won")]
        yield "| " + " | ".join([name, segments, *cells, *counts]) + " |"
    yield ""
    yield verdict(mean)


def verdict(mean: pd.DataFrame) -> str:
    """Say where the autoencoder is ahead of k-means and where it is behind."""
    known = [key for key in BETTER if key in mean]
    ours, peer = mean.loc["autoencoder"], mean.loc["kmeans"]
    ahead = [SCORES[key] for key in known if ours[key] > peer[key]]
    behind = [SCORES[key] for key in known if SCORES[key] not in ahead]
    times = ours["wall_time/fit_seconds"] / peer["wall_time/fit_seconds"]
    return (
        f"Against k-means, the autoencoder is ahead by {', '.join(ahead) or 'nothing'}, behind or equal by "
        f"{', '.join(behind) or 'nothing'}, and takes {times:.0f} times as long to fit."
    )


def main() -> None:
    """Run the comparisons and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results.md")
    parser.add_argument("overrides", nargs="*", help="passed on to segmentwerk compare")
    arguments = parser.parse_args()
    machine()
    parts = [HEAD.format(seeds=arguments.seeds)]
    for source in arguments.only:
        tables = [compare(source, seed, arguments.overrides) for seed in range(arguments.seeds)]
        measured = [table for table in tables if table is not None]
        text = "\n".join(summary(pd.concat(measured))) if measured else "The data is not there."
        print(f"## {source}\n\n{text}\n", flush=True)
        parts.append(f"## {source}\n\n{text}\n")
    arguments.output.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
