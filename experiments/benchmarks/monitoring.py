"""How often monitoring calls for something where nothing has changed, and finds what has.

    python experiments/benchmarks/monitoring.py [--part nothing|changes|large] [--worlds N] [--accounts N]
                                                [--home FOLDER]

A champion (k-means, packaged as `compare` does) is trained on one demo world. Then:

nothing   worlds drawn afresh at later dates, four quarters in turn: of 40 at most 2 may call for a refresh,
          and no other error may be called. Seasons and customers differ, the business is the same.
changes   for each scenario of `source.demo.scenario`, worlds with it planted: the finding that stands first
          must name the right feature or segment with the right word in 19 of 20. The new type is right if
          it is called by the segment that holds most of its customers, or by one of the eight features in
          which they differ most from the others (by the truth that no pipeline reads).
large     time and memory of monitoring many accounts beside those of scoring them (`--accounts 500000`).

A world takes about four seconds; `large` is asked for by name.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path

import pandas as pd
from lib.lines import bench, machine
from omegaconf import OmegaConf

from segmentwerk.config import CompareSettings, MonitorSettings
from segmentwerk.contest.candidates import judge_one
from segmentwerk.core.context import Context
from segmentwerk.core.monitored import Monitored, MonitoringFinding
from segmentwerk.core.monitoring_settings import MonitoringSettings
from segmentwerk.core.paths import config_root
from segmentwerk.core.settings import EvaluationSettings, QualitySettings, SegmenterSettings, SourceSettings
from segmentwerk.core.types import AccountTable, Window
from segmentwerk.data import contracts, sources
from segmentwerk.data.demo.scenarios import BRANCH, NEW_TYPE, SCENARIOS
from segmentwerk.features import definitions
from segmentwerk.features import table as features
from segmentwerk.preparation.prepare import prepare
from segmentwerk.registry.publish import save_pyfunc
from segmentwerk.release import watching
from segmentwerk.release.asking import answered
from segmentwerk.release.describing import describe
from segmentwerk.release.packaging import pack
from segmentwerk.release.watching import Looked, Watched
from segmentwerk.scoring.load import load
from segmentwerk.shipped.model_catalogue import Catalogue

DATES = (date(2026, 4, 1), date(2026, 7, 1), date(2026, 10, 1), date(2027, 1, 1))
KMEANS = SegmenterSettings(_target_="segmentwerk.segmenters.kmeans.KMeansSegmenter")
SEGMENTS = 6
QUICK = EvaluationSettings(n_bootstrap=20, n_splits=2)
MONEY = {"revenue_12m", "monetary", "average_basket", "historic_value"}
RIGHT = {
    "cents": ("data fault", MONEY),
    "prices": ("real change", MONEY),
    "renamed": ("data fault", {"main_category"}),
    "web_silent": ("data fault", {"web_recency_days", "web_count_12m"}),
    "survey_scale": ("data fault", {f"survey_factor_{number}" for number in range(1, 7)}),
    "discounts": ("real change", {"margin_rate"}),
    "new_type": ("real change", set()),
}
"""The right word and the right features; those of the new type are read off the truth."""
TELLING = 8


def demo(accounts: int, seed: int, as_of: date | None = None, scenario: str | None = None) -> SourceSettings:
    """Return the settings of a demo world."""
    given = OmegaConf.to_container(OmegaConf.load(config_root() / "conf" / "source" / "demo.yaml"))
    assert isinstance(given, dict)
    moved = {"as_of": as_of, "outcome_until": None} if as_of else {}
    given |= {"accounts": accounts, "seed": seed, "demo": {"as_of": as_of, "scenario": scenario}, **moved}
    return SourceSettings.model_validate(given)


def champion(home: Path, accounts: int) -> Watched:
    """Train, package and open a champion on one world."""
    context = Context("compare", home / "champion")
    settings = CompareSettings(
        home=home, source=demo(accounts, 7), segmenters={"kmeans": KMEANS}, evaluation=QUICK
    )
    prepared = prepare(settings, context)
    winner = judge_one("kmeans", "kmeans", KMEANS, {"n_segments": SEGMENTS}, prepared.view, QUICK, seed=0)
    packed = pack(describe(prepared, winner, settings, None), prepared, settings, context)
    catalogue = Catalogue.from_json((packed.folder / "catalogue.json").read_bytes())
    save_pyfunc(home / "model", packed.folder, catalogue, 1)
    return Watched.of(load(str(home / "model")), monitor(home, settings.source), context)


def monitor(home: Path, source: SourceSettings) -> MonitorSettings:
    """Return the settings of a monitoring of a world drawn afresh: it holds no account of the training."""
    return MonitorSettings(
        home=home, model="model", source=source, monitoring=MonitoringSettings(then=False, outcome=False)
    )


def read(watched: Watched, source: SourceSettings, home: Path) -> AccountTable:
    """Read a world as the verb does, but for the quality report."""
    kept = json.loads((watched.loaded.folder / "artifacts" / "definitions.json").read_text())
    wanted, learned = definitions.restore(kept)
    with sources.open_source(source, home / "cache") as opened:
        checked = contracts.check(opened.tables, QualitySettings())
        assert source.as_of is not None
        return features.build(
            checked.tables, Window(source.as_of), wanted, source="demo", digest=opened.digest, learned=learned
        )


def looked(watched: Watched, home: Path, source: SourceSettings) -> tuple[Looked, AccountTable]:
    """Monitor one world."""
    table = read(watched, source, home)
    return watching.judge(watched, monitor(home, source), table, Context("monitor", home)), table


def nothing(watched: Watched, home: Path, accounts: int, worlds: int) -> None:
    """Count calls where nothing has changed."""
    due, others, told = 0, 0, Counter[str]()
    for number in range(worlds):
        source = demo(accounts, 1000 + number, DATES[number % 4])
        found = looked(watched, home, source)[0].monitored
        calling = [one for one in found.failed if one.calls]
        due += found.advice == "refresh"
        others += any(one.word == "data fault" for one in calling)
        told.update(one.code for one in found.failed)
        if calling:
            print(f"# world {number}, {found.as_of}:", *(f"{one.code} {one.message}" for one in calling))
    print(f"# told in {worlds} worlds: {dict(told)}")
    bench("monitoring.nothing.refresh", due, worlds, "<=0.05", ok=due <= 0.05 * worlds, unit="worlds")
    bench("monitoring.nothing.fault", others, worlds, "=0", ok=others == 0, unit="worlds")


def changes(watched: Watched, home: Path, accounts: int, worlds: int, wanted: list[str]) -> None:
    """Count what is found of what was planted."""
    for scenario in wanted:
        right, calls = 0, 0
        for number in range(worlds):
            seed, as_of = 2000 + number, DATES[number % 4]
            one, table = looked(watched, home, demo(accounts, seed, as_of, scenario))
            folder = home / "cache" / "demo" / f"{accounts}-{seed}-{as_of}-{scenario}"
            ok = is_right(scenario, one, table, folder)
            right, calls = right + ok, calls + (one.monitored.advice != "keep")
            if not ok:
                print(f"# {scenario} {number}: {first(one.monitored)}", flush=True)
        bench(f"monitoring.{scenario}", right, worlds, ">=0.95", ok=right >= 0.95 * worlds, unit="worlds")
        print(
            f"# {scenario}: something is to be done in {calls} of {worlds}; the last: {first(one.monitored)}",
            flush=True,
        )


def first(found: Monitored) -> str:
    """Return the finding that stands first, in a line."""
    if not found.failed:
        return "nothing was found"
    one = found.failed[0]
    return f"{one.code} {one.word} {one.features[:2]} {one.segments[:1]} {one.level} {one.message}"


def is_right(scenario: str, one: Looked, table: AccountTable, folder: Path) -> bool:
    """Tell whether the first finding names what was planted, by the right word."""
    if not one.monitored.failed:
        return False
    found, (word, named) = one.monitored.failed[0], RIGHT[scenario]
    if scenario == "new_type":
        return found.word == word and names_newcomers(found, one, table, folder)
    if scenario == "cents" and found.level != f"country={BRANCH}":
        theirs = table.features.loc[table.features["country"] == BRANCH, "region"].unique()
        if found.level not in {f"region={region}" for region in theirs}:
            return False
    return found.word == word and found.features[:1] != () and found.features[0] in named


def names_newcomers(found: MonitoringFinding, one: Looked, table: AccountTable, folder: Path) -> bool:
    """Tell whether a finding names the new type's segment, or a feature in which it differs most."""
    truth = pd.read_parquet(folder / "truth" / "latent_types.parquet").set_index("account_id")["latent_type"]
    new = truth.reindex(table.customers) == NEW_TYPE
    if found.segments:
        return bool(
            found.segments[0] == one.snapshot.accounts.loc[table.customers[new], "segment_id"].mode()[0]
        )
    numbers = table.features.loc[table.customers].select_dtypes("number").rank()
    gap = (numbers[new].mean() - numbers[~new].mean()).abs() / numbers.std()
    return found.features[0] in set(gap.nlargest(TELLING).index)


def large(watched: Watched, home: Path, accounts: int) -> None:
    """Measure monitoring many accounts beside scoring them."""
    source = demo(accounts, 7)
    begin = time.perf_counter()
    table = read(watched, source, home)
    print(f"# reading {accounts} accounts and building their features: {time.perf_counter() - begin:.1f} s")
    begin = time.perf_counter()
    answered(watched.loaded, table)
    scoring, peak = time.perf_counter() - begin, memory()
    begin = time.perf_counter()
    watching.judge(watched, monitor(home, source), table, Context("monitor", home))
    judging = time.perf_counter() - begin
    bench("monitoring.large.time", judging, scoring, "<=2", ok=judging <= 2 * scoring, unit="s")
    bench("monitoring.large.memory", memory(), peak, "<=1.5", ok=memory() <= 1.5 * peak, unit="GB")


def memory() -> float:
    """Return the most memory that this process has held, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", nargs="*", choices=("nothing", "changes", "large"))
    parser.add_argument("--scenario", nargs="*", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--worlds", type=int, default=None, help="40 of nothing, 20 of each change")
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--home", type=Path, default=None)
    given = parser.parse_args()
    machine()
    with tempfile.TemporaryDirectory() as scratch:
        home = given.home or Path(scratch)
        watched = champion(home, 2000)
        for part in given.part or ("nothing", "changes"):
            if part == "nothing":
                nothing(watched, home, given.accounts, given.worlds or 40)
            elif part == "changes":
                changes(watched, home, given.accounts, given.worlds or 20, given.scenario)
            else:
                large(watched, home, given.accounts)


if __name__ == "__main__":
    main()
