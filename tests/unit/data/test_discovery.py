"""The file that was named is found and read, whatever signs its name and its folder's name hold."""

import pandas as pd
import pytest

from segmentwerk.core.settings import SourceSettings
from segmentwerk.data import discovery
from segmentwerk.data.sources import open_source

NAMES = [
    "orders[1]",
    "orders*",
    "orders?",
    "orders{1,2}",
    "d'or",
    'say "x"',
    "größe",
    "3.42.12\u202fPM",
    "a#b",
    "a%20b",
]


def names(root, pattern):
    return [file.name for file in discovery.find(root, pattern, alone=False)]


def test_an_existing_file_wins_over_a_pattern(tmp_path):
    for name in ("orders1.csv", "orders[1].csv", "orders2.csv", "orders*.csv"):
        (tmp_path / name).write_text("a\n")
    assert names(tmp_path, "orders[1].csv") == ["orders[1].csv"]
    assert names(tmp_path, "orders*.csv") == ["orders*.csv"]
    (tmp_path / "orders*.csv").unlink()
    assert names(tmp_path, "orders*.csv") == ["orders1.csv", "orders2.csv", "orders[1].csv"]
    assert names(tmp_path, "orders[1-9].csv") == ["orders1.csv", "orders2.csv"]
    assert names(tmp_path, "orders?.csv") == ["orders1.csv", "orders2.csv"]


def test_a_number_in_brackets_is_a_copy_and_no_pattern(tmp_path):
    (tmp_path / "orders1.csv").write_text("a\n")
    with pytest.raises(discovery.MissingInputError, match=r"There is no .*orders\[1\]\.csv"):
        names(tmp_path, "orders[1].csv")


def test_what_programs_keep_beside_the_data_is_not_read(tmp_path):
    kept = [".ipynb_checkpoints/orders-checkpoint.csv", "_temporary/part.csv", "~$orders.csv", "._orders.csv"]
    for name in ("orders.csv", "2024/orders.csv", *kept):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a\n")
    found = discovery.find(tmp_path, "*", alone=True)
    assert [file.relative_to(tmp_path).as_posix() for file in found] == ["orders.csv"]
    found = discovery.find(tmp_path.parent, tmp_path.name, alone=False)
    assert [file.relative_to(tmp_path).as_posix() for file in found] == ["2024/orders.csv", "orders.csv"]
    assert names(tmp_path / "2024", "../*.csv") == ["orders.csv"]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("name", NAMES)
def test_a_source_reads_the_file_that_was_named_and_no_other(tmp_path, name, kind):
    root = tmp_path / f"in {name}"
    root.mkdir()
    for stem, account in ((name, "RIGHT"), ("orders1", "WRONG"), ("ordersx", "WRONG"), ("orders", "WRONG")):
        rows = pd.DataFrame(
            {"order_id": ["1"], "account_id": [account], "ordered_at": ["2024-01-31"], "revenue": [1.5]}
        )
        path = root / f"{stem}.{kind}"
        rows.to_parquet(path) if kind == "parquet" else rows.to_csv(path, index=False)
    settings = SourceSettings(
        name="test",
        path=root,
        inputs={"orders": {"file": f"{name}.{kind}"}, "more": {"file": "none.csv", "required": False}},
        tables={"orders": {"origin": "orders"}},
    )
    with open_source(settings, tmp_path / "cache") as source:
        assert source.tables["orders"].account_id.to_pyarrow().to_pylist() == ["RIGHT"]
