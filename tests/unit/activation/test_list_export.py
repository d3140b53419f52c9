"""Lists reach the tools by the sinks, apart from campaigns, and leave out who is in one."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from handing_over import AS_OF, base, sink_settings
from segmentwerk.activation import exporting, list_export
from segmentwerk.activation.list_export import ListContext, ListWords

WORDS = ListWords(
    "Movement 2026-01-01", {"left": "left the best segment", "entered": "new in the best segment"}
)
NOBODY = pd.DataFrame(columns=["account_id", "from_date", "until_date", "arm"])


@pytest.fixture
def world():
    people, segments, _ = base(40)
    return people, segments


def rows(*pairs):
    return pd.DataFrame(pairs, columns=["account_id", "list"])


def hand_over(world, listed, root, ledger=NOBODY, tool="csv"):
    people, segments = world
    known = ListContext(AS_OF, people, segments, ledger, "EUR")
    return list_export.hand_over(listed, known, sink_settings(tool), WORDS, root)


def read(done, name):
    (path,) = [path for path in done.exported.files if name in path.name]
    return pd.read_csv(path, dtype=str)


def test_each_listed_account_stands_in_the_file_once_a_list(world, tmp_path):
    done = hand_over(world, rows(("0000003", "left"), ("0000007", "entered")), tmp_path)
    found = read(done, "measures")
    assert set(map(tuple, found[["account_id", "measure", "campaign"]].to_numpy())) == {
        ("0000003", "left the best segment", "Movement 2026-01-01"),
        ("0000007", "new in the best segment", "Movement 2026-01-01"),
    }
    assert found[["email", "phone", "address"]].isna().all().all()
    assert set(read(done, "segments")["account_id"]) == {"0000003", "0000007"}


def test_the_same_lists_again_are_no_further_export_and_the_next_say_what_changed(world, tmp_path):
    first = hand_over(world, rows(("0000003", "left")), tmp_path)
    again = hand_over(world, rows(("0000003", "left")), tmp_path)
    assert again.exported.folder == first.exported.folder
    later = read(hand_over(world, rows(("0000009", "left")), tmp_path), "measures")
    assert dict(zip(later["account_id"], later["change"], strict=True)) == {
        "0000003": "removed",
        "0000009": "new",
    }


def test_they_lie_apart_from_what_campaigns_handed_over_and_can_be_forgotten(world, tmp_path):
    done = hand_over(world, rows(("0000003", "left")), tmp_path)
    assert done.exported.folder.parent.name == "lists-csv"
    assert exporting.forget("0000003", tmp_path)
    kept = [
        path for path in Path(tmp_path).rglob("*.csv") if "0000003" in path.read_text(encoding="utf-8-sig")
    ]
    assert kept == []


@pytest.mark.parametrize("arm", ["treated", "control"])
def test_who_is_in_a_campaign_is_left_out(world, tmp_path, arm):
    ledger = pd.DataFrame(
        {
            "account_id": ["0000003", "0000007"],
            "from_date": [date(2025, 12, 1), date(2025, 1, 1)],
            "until_date": [date(2026, 2, 1), date(2025, 3, 1)],
            "arm": arm,
        }
    )
    done = hand_over(world, rows(("0000003", "left"), ("0000007", "left")), tmp_path, ledger)
    assert (done.rows, done.busy) == (1, 1)
    assert set(read(done, "measures")["account_id"]) == {"0000007"}


def test_a_crm_gets_them_as_a_measure_of_the_company(world, tmp_path):
    done = hand_over(world, rows(("0000003", "left"), ("0000007", "entered")), tmp_path, tool="hubspot")
    found = read(done, "companies").set_index("Record ID")
    assert found["Measure"].to_dict() == {
        "0000003": "left the best segment",
        "0000007": "new in the best segment",
    }
