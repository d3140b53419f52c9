"""`segmentwerk monitor` with a sink: the lists are those of two scored dates, and no id leaves home."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from command_line import Finished, in_process, segmentwerk

DEMO = "source.accounts=500"
DATES = ("2025-07-01", "2026-01-01")


@pytest.fixture
def home(comparison, tmp_path):
    """The comparison's project without campaigns of other tests, whose accounts would stand in no list."""
    others = shutil.ignore_patterns("outputs", "activation")
    return Path(shutil.copytree(comparison.home, tmp_path / "home", ignore=others))


def monitored(home, *given) -> Finished:
    asked = f"as_of=[{','.join(DATES)}]"
    done = segmentwerk("monitor", DEMO, asked, "monitoring.then=false", *given, home=home)
    assert done.code in (0, 3), done.stderr
    return done


def told(home):
    (path,) = home.glob("outputs/monitor/*/summary.json")
    return json.loads(path.read_text(encoding="utf-8"))["lists"]


def members(home, day, segment):
    """Customers of a segment at a date, by what `score` writes and the generated orders; all accounts."""
    output = home / f"{day}.parquet"
    columns = "columns=[account_id,segment_id]"
    done = segmentwerk("score", "source=demo", DEMO, f"as_of={day}", f"output={output}", columns, home=home)
    assert done.code == 0, done.stderr
    found = pd.read_parquet(output)
    orders = pd.concat([pd.read_parquet(path) for path in home.glob("cache/**/orders/*.parquet")])
    buyers = orders.loc[orders["ordered_at"] < pd.Timestamp(day), "account_id"]
    customers = found[found["account_id"].isin(buyers)]
    return set(customers.loc[customers["segment_id"] == segment, "account_id"]), set(found["account_id"])


@pytest.mark.slow
def test_lists_equal_two_scored_dates_and_lie_below_home_alone(home):
    monitored(home, "sink=csv", "best=[2]")
    lists = told(home)
    (had, _), (has, there) = (members(home, day, 2) for day in DATES)
    path = next(Path(one) for one in lists["files"] if "measures" in one)
    assert path.is_relative_to(home / "activation" / "exports" / "lists-csv")
    assert (home / "activation").stat().st_mode & 0o077 == 0
    rows = pd.read_csv(path, dtype=str)
    listed = rows.groupby("measure")["account_id"].agg(set).to_dict()
    assert listed.get("left the best segment", set()) == (had & there) - has
    assert listed.get("new in the best segment", set()) == has - had
    assert (lists["left"], lists["entered"]) == (len((had & there) - has), len(has - had))
    assert lists["entered"] + lists["left"] > 0
    texts = [one.read_text(encoding="utf-8") for one in (home / "monitoring").rglob("*.json")]
    assert not [name for name in listed.get("new in the best segment", set()) if name in "".join(texts)]


def test_a_best_segment_must_be_one_of_the_model(comparison, monkeypatch, capsys):
    done = in_process(
        "monitor", DEMO, "best=[77]", "sink=csv", home=comparison.home, monkeypatch=monkeypatch, capsys=capsys
    )
    assert done.code == 2
    assert "best=77 is no segment" in done.stderr
    assert "Known: 1, 2" in done.stderr
