"""Measure movement on real records, and refreshes on worlds that changed and that did not.

real       Online Retail by quarter, AdventureWorks by half-year: the transition matrix that `monitor` keeps
           must equal a count by pandas over the files that `score` writes, cell by cell; the forecast against
           "as today" on the dates there are.
unchanged  a champion, then refreshes on worlds of other seeds and later dates: in at least 95 of 100 the
           champion must stay. One champion is made for every five worlds.
new_type   each champion's own world half a year later, a tenth of the firms replaced by such of a type that
           the champion has never seen, monitored and refreshed as the timer of docs/how-to/operate.md does: a
           new version must be proposed, in which at least 95 of 100 accounts of the old types keep the id of
           their segment, and the newcomers have a segment of their own with an id never used before. The
           other firms are those of before, since only these have an id to keep.

    python experiments/benchmarks/movement.py [--only PART …] [--worlds N] [--first N] [--accounts N]
                                              [--home FOLDER]

The real sets (online_retail, adventureworks_reseller) are looked for in
$SEGMENTWERK_DATA, default ../shared/data; those not there are left out. Which accounts are of the new
type stands in the generated truth, which no pipeline reads.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

import pandas as pd
from lib.lines import bench

from segmentwerk.core.monitored import Monitored
from segmentwerk.data.demo import scenarios
from segmentwerk.monitoring.assessing import THEN
from segmentwerk.monitoring.forecast import backtest
from segmentwerk.monitoring.movement import Movement

DATA = Path(
    os.environ.get("SEGMENTWERK_DATA", Path(__file__).parents[2].parent / "shared" / "data")
).resolve()
MAIN = "import sys; from segmentwerk.cli import main; sys.exit(main())"
QUICK = [
    "candidates=[kmeans]",
    "segmenters.kmeans.search_space.n_segments={type:int,low:6,high:8}",
    "segmenters.kmeans.start=[{n_segments:6}]",
    "segmenters.kmeans.n_trials=3",
    "evaluation.n_finalists=1",
    "evaluation.n_bootstrap=100",
    "evaluation.null_copies=5",
]
"""K-means with six to eight segments, the champion's first; the world has six types."""
LATER = ["source.demo.as_of=2026-07-01", "source.as_of=2026-07-01", "source.outcome_until=2027-01-01"]
CHAMPIONS = 5
"""Worlds for each champion."""
REAL = {
    "online_retail": (
        "online_retail/online_retail.parquet",
        ("2011-06-01", "2011-09-01"),
        ["2011-03-01", "2011-06-01", "2011-09-01", "2011-12-01"],
    ),
    "adventureworks": (
        "adventureworks_reseller",
        ("2012-07-01", "2013-01-01"),
        ["2011-07-01", "2012-01-01", "2012-07-01", "2013-01-01", "2013-07-01"],
    ),
}
"""File or folder, the date the champion is made as of and the end of its outcome, and the monitored dates."""


@dataclass(frozen=True)
class Verb:
    """A verb that ended: its exit code and its summary."""

    code: int
    summary: dict[str, Any]
    said: str


def run(home: Path, *arguments: str) -> Verb:
    """Run a verb in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SEGMENTWERK_HOME": str(home)},
    )
    if done.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(arguments)}\n{done.stderr[-2000:]}")
    lines = done.stdout.strip().splitlines()
    summary = json.loads(Path(lines[-1]).read_text(encoding="utf-8")) if lines and not done.returncode else {}
    return Verb(done.returncode, summary, done.stderr)


def real(options: argparse.Namespace) -> None:
    """Compare kept movements with an independent count, and the forecast with "as today"."""
    for name, (path, (trained, until), dates) in REAL.items():
        if not (DATA / path).exists():
            print(f"# {name}: skipped, {path} is not in {DATA}; name its folder in SEGMENTWERK_DATA.")
            continue
        home = options.home / name
        source = [f"source={name}", f"source.path={DATA / path}"]
        outcome = f"source.outcome_until={until}"
        told = run(home, "compare", *source, f"source.as_of={trained}", outcome, *QUICK).summary["model"]
        if not told["champion"]:  # movement is counted the same way for any version
            run(home, "promote", str(told["version"]), "--force", "reason=to count its movement")
        run(home, "monitor", *source, f"as_of=[{','.join(dates)}]")
        promised(home)
        movements = list(kept(home))
        scored = [answers(home, source, day) for day in dates]
        wrong = sum(
            differing(one, before, after)
            for one, before, after in zip(movements, scored, scored[1:], strict=False)
        )
        cells = sum(len(one.segments) ** 2 for one in movements)
        bench(f"movement_{name}_cells_wrong", wrong, cells, "=0", ok=wrong == 0 and len(movements) > 1)
        for one in movements:
            total = int(one.between.to_numpy().sum())
            print(f"# {name} {one.since} to {one.until}: {one.moved:.1%} of {total} moved", flush=True)
        found = backtest(movements, seed=0)
        ok = not found.shown or found.error < found.as_today
        bench(f"forecast_{name}_error", found.error, found.as_today, "shown-only-where-<1", ok=ok)
        covered = sum(one.covered for one in found.dates), sum(one.segments for one in found.dates)
        shown = "shown" if found.shown else "not shown"
        print(f"# {name}: {shown}, {covered[0]} of {covered[1]} shares within their interval", flush=True)


def promised(home: Path) -> None:
    """Print the explained outcome as promised and as it came at each date."""
    for path in sorted((home / "monitoring").rglob("*.json")):
        told = Monitored.model_validate_json(path.read_text(encoding="utf-8"))
        then, now = (told.figures.get(f"{when}still_true/explained") for when in (THEN, ""))
        print(f"# {told.source} {told.as_of}: promised {then}, came {now}", flush=True)


def kept(home: Path) -> Iterator[Movement]:
    """Read the movements that were kept, oldest first."""
    for path in sorted((home / "monitoring").rglob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8")).get("movement")
        if told:
            yield Movement.read(told)


def answers(home: Path, source: list[str], day: str) -> pd.Series:
    """Score the accounts as of a date, and return the segments of the customers that have one."""
    output = home / f"scored-{day}.parquet"
    columns = "columns=[account_id,segment_id,basis]"
    model = "model=models:/b2b-segments@champion"
    run(home, "score", *source, f"as_of={day}", f"output={output}", columns, model)
    found = pd.read_parquet(output).set_index("account_id")
    return found.loc[(found["basis"] != "firmographic") & (found["segment_id"] >= 0), "segment_id"]


def differing(kept_one: Movement, before: pd.Series, after: pd.Series) -> int:
    """Count the cells in which a kept movement and a count by pandas differ."""
    both = pd.merge(before, after, left_index=True, right_index=True, suffixes=("_before", "_after"))
    counted = pd.crosstab(both["segment_id_before"], both["segment_id_after"]).reindex(
        index=kept_one.segments, columns=kept_one.segments, fill_value=0
    )
    return int((counted.to_numpy() != kept_one.between.to_numpy()).sum())


def refreshes(options: argparse.Namespace, fresh: bool) -> Iterator[tuple[int, Path, dict[str, Any]]]:
    """Refresh on world after world, with newcomers or without; yield its number, the home and the summary."""
    size = [f"source.accounts={options.accounts}", *QUICK]
    with_champion = (number for number in count(options.first) if champion(options, size, number, fresh))
    for number in islice(with_champion, options.worlds):
        made = number if fresh else number // CHAMPIONS
        home, seed = options.home / f"champion-{made}", made if fresh else 1000 + number
        begin, world = time.perf_counter(), [*LATER, f"source.seed={seed}"]
        shutil.rmtree(home / "monitoring", ignore_errors=True)  # the world before had the same date
        if fresh:
            world.append(f"source.demo.scenario={NEW}")
            run(home, "monitor", size[0], *world, "monitoring.then=false")
        done = run(home, "refresh", *size, *world)
        told = done.summary["refresh"]
        overall = (told["comparison"] or {}).get("overall") or {}
        interval = " ".join(f"{overall.get(key, float('nan')):+.3f}" for key in ("value", "low", "high"))
        print(
            f"# world {number}: {told['decision']} ({told['cause']}), {interval}, "
            f"{time.perf_counter() - begin:.0f} s",
            flush=True,
        )
        yield number, home, done.summary


def champion(options: argparse.Namespace, size: list[str], number: int, fresh: bool) -> bool:
    """Make a world's champion, and tell whether there is one: what fails its scorecard becomes none."""
    made = number if fresh else number // CHAMPIONS
    home: Path = options.home / f"champion-{made}"
    if not (home / "made").exists():
        told = run(home, "compare", *size, f"source.seed={made}").summary["model"]
        (home / "made").write_text("yes" if told["champion"] else "no")
        if not told["champion"]:
            why = [gate["message"] for gate in told["proposal"]["gates"] if gate["status"] == "failed"]
            print(f"# world {made}: no champion, for its version {'; '.join(why)}", flush=True)
    return (home / "made").read_text() != "no"


def unchanged(options: argparse.Namespace) -> None:
    """Count how often the champion stays where nothing changed but the customers."""
    kept_count = sum(told["refresh"]["decision"] == "keep" for _, _, told in refreshes(options, fresh=False))
    share = kept_count / options.worlds
    bench("refresh_unchanged_keeps", kept_count, options.worlds, ">=0.95", ok=share >= 0.95)


def new_type(options: argparse.Namespace) -> None:
    """Count how often a new type leads to a version that keeps the old ids and gives the newcomers one."""
    right = 0
    for number, home, told in refreshes(options, fresh=True):
        right += told["refresh"]["decision"] == "propose" and is_right(number, home, told, options.accounts)
    bench("refresh_new_type_right", right, options.worlds, ">=0.95", ok=right / options.worlds >= 0.95)


def is_right(number: int, home: Path, told: dict[str, Any], accounts: int) -> bool:
    """Tell whether old accounts keep their id and the newcomers have a segment of their own."""
    found = pd.read_parquet(told["model"]["assignments"]).set_index("account_id")
    given = pd.read_parquet(told["model"]["accounts"]).set_index("account_id")
    before = answers_of_champion(home, told["model"]["accounts"])
    fresh = newcomers(home, number, accounts).reindex(found.index, fill_value=False)
    customer = given["frequency"].fillna(0) > 0
    old = found.index[customer & ~fresh & (before.reindex(found.index) >= 0)]
    same = float((found.loc[old, "segment_id"] == before.loc[old]).mean())
    theirs = found.loc[customer & fresh, "segment_id"]
    new_ids = set(found["segment_id"]) - set(before)
    own = theirs[theirs.isin(new_ids)].value_counts(normalize=False)
    held = int(own.max()) / len(theirs) if len(own) else 0.0
    print(
        f"#   old accounts that keep their id {same:.1%}, newcomers in one new segment {held:.1%} of "
        f"{len(theirs)}, events {[event['kind'] for event in told['model']['events']]}",
        flush=True,
    )
    return same >= 0.95 and held > 0.5


def answers_of_champion(home: Path, accounts: str) -> pd.Series:
    """Return what the champion says of the accounts of a refresh."""
    output = home / "champion.parquet"
    run(home, "score", f"input={accounts}", f"output={output}", "model=models:/b2b-segments@champion")
    return pd.read_parquet(output).set_index("account_id")["segment_id"]


def newcomers(home: Path, number: int, accounts: int) -> pd.Series:
    """Read which accounts of a world are of the new type."""
    (folder,) = (home / "cache" / "demo").glob(f"{accounts}-{number}-*{NEW}*")
    truth = pd.read_parquet(folder / "truth" / "latent_types.parquet").set_index("account_id")["latent_type"]
    return truth == scenarios.NEW_TYPE


NEW = "new_type"
PARTS = {"real": real, "unchanged": unchanged, "new_type": new_type}


def main() -> None:
    """Run the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        options.home = (options.home or Path(scratch)).resolve()
        for part in options.only:
            PARTS[part](options)


if __name__ == "__main__":
    main()
