"""What is recorded, once, and what is refused before anything is."""

from datetime import date

import pytest

from handing_over import AS_OF, KEY, base
from segmentwerk.activation import ledger
from segmentwerk.core.errors import InputError
from segmentwerk.data.forget import forget


@pytest.fixture
def rows():
    return base(50)[2]


def append(path, rows, **changes):
    return ledger.append(path, rows, **{"model": "m/1", "as_of": AS_OF, "key": KEY, **changes})


def files(path):
    return sorted(file.name for file in path.rglob("*") if file.is_file() and file.name != ".lock")


def test_a_ledger_that_is_not_there_is_empty(tmp_path):
    found = ledger.read(tmp_path / "none")
    assert found.empty
    assert list(found.columns) == ledger.SCHEMA.names


def test_what_was_appended_is_read_back(rows, tmp_path):
    done = append(tmp_path, rows)
    assert (done.rows_new, done.rows_known) == (50, 0)
    found = ledger.read(tmp_path)
    assert found["account_id"].tolist() == rows["account_id"].tolist()
    assert found["account_id"][7] == "0000007"
    assert set(found["arm"]) == {"treated", "control"}
    assert found.loc[0, ["from_date", "until_date", "as_of"]].tolist() == [AS_OF, date(2026, 3, 31), AS_OF]
    assert set(found["model"]) == {"m/1"}


def test_the_same_again_in_any_order_adds_nothing(rows, tmp_path):
    append(tmp_path, rows)
    before = files(tmp_path)
    done = append(tmp_path, rows.sample(frac=1, random_state=1))
    assert (done.rows_new, done.rows_known, done.part) == (0, 50, None)
    assert files(tmp_path) == before


def test_only_what_is_new_is_added(rows, tmp_path):
    append(tmp_path, rows[:30])
    done = append(tmp_path, rows, as_of=date(2026, 2, 1))
    assert (done.rows_new, done.rows_known) == (20, 30)
    assert len(files(tmp_path)) == 2
    found = ledger.read(tmp_path)
    assert found["as_of"].value_counts().to_dict() == {AS_OF: 30, date(2026, 2, 1): 20}
    assert not found.duplicated(list(ledger.KEY)).any()


def test_the_first_record_counts(rows, tmp_path):
    append(tmp_path, rows)
    append(tmp_path, rows.assign(segment="another"), model="m/2")
    found = ledger.read(tmp_path)
    assert len(found) == 50
    assert "another" not in set(found["segment"])


def test_a_campaign_keeps_its_arms(rows, tmp_path):
    append(tmp_path, rows)
    before = files(tmp_path)
    changed = rows.assign(arm=["control" if arm == "treated" else "treated" for arm in rows["arm"]])
    with pytest.raises(InputError, match=r"50 accounts would change.*2026-01 win back.*another name"):
        append(tmp_path, changed)
    assert files(tmp_path) == before
    append(tmp_path, changed.assign(campaign="2026-02 win back"))
    assert len(ledger.read(tmp_path)) == 100


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.rename(columns={"measure": "messure"}), "no column 'measure'.*'messure'"),
        (lambda rows: rows.assign(arm="treatet"), "'treatet' is no arm.*'treated'"),
        (lambda rows: rows.assign(account_id="same"), "47 accounts stand twice"),
        (lambda rows: rows.assign(from_date=None), "'from_date' is empty"),
        (
            lambda rows: rows.assign(account_id="same", channel=[str(i) for i in range(len(rows))]),
            "would change between treated and control",
        ),
    ],
)
def test_what_cannot_be_recorded_leaves_nothing(spoil, message, rows, tmp_path):
    with pytest.raises(InputError, match=message) as raised:
        append(tmp_path / "ledger", spoil(rows))
    assert "0000007" not in str(raised.value)
    assert not (tmp_path / "ledger").exists()


def test_a_damaged_part_is_named(rows, tmp_path):
    part = append(tmp_path, rows).part
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(InputError, match=part.name):
        ledger.read(tmp_path)


def test_names_of_files_tell_nothing_without_the_key(rows, tmp_path):
    one, other = append(tmp_path / "a", rows).part, append(tmp_path / "b", rows, key=b"o" * 32).part
    assert one.name != other.name
    assert append(tmp_path / "c", rows).part.name == one.name


def test_drafts_of_the_killed_are_removed(rows, tmp_path):
    (tmp_path / ".2026-01-01-x.parquet.0123.parquet").write_bytes(b"half")
    append(tmp_path, rows)
    assert len(files(tmp_path)) == 1


def test_a_forgotten_account_leaves_the_ledger(rows, tmp_path):
    append(tmp_path / "activation" / "ledger", rows)
    forget("0000007", tmp_path, KEY)
    found = ledger.read(tmp_path / "activation" / "ledger")
    assert len(found) == 49
    assert "0000007" not in set(found["account_id"])
    rest = rows[rows["account_id"] != "0000007"]
    assert append(tmp_path / "activation" / "ledger", rest).rows_new == 0
