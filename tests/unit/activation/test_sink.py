"""What a sink refuses, in one clear message and before anything is written; and what it forgets."""

import csv

import numpy as np
import pytest
from pydantic import ValidationError

from handing_over import base, sink_settings
from segmentwerk.activation import consent, exporting, sink
from segmentwerk.core.activation_settings import ActivationSettings
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.sink_settings import SinkSettings
from segmentwerk.data.forget import forget


@pytest.fixture(scope="module")
def world():
    return base(40)


def changed(name, file, **changes):
    given = sink_settings(name).model_dump()
    given["files"][file] |= changes
    return SinkSettings.model_validate(given)


def prepare(given, world, **changes):
    people, segments, rows = world
    told = {"accounts": people, "segments": segments, "assignments": rows, **changes}
    reach = consent.reachable(people, ActivationSettings())
    return sink.prepare(
        given,
        told["assignments"],
        told["accounts"],
        told["segments"],
        reach,
        currency=changes.get("currency", "EUR"),
    )


def test_a_column_that_is_not_there_names_the_nearest(world):
    given = changed("csv", "segments", columns={"account_id": "account_id", "S": "segmnt"}, optional=[])
    with pytest.raises(ConfigError, match=r"'csv', file 'segments': column 'S' reads 'segmnt'.*'segment'"):
        prepare(given, world)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("segment + ", "column 'S' is no SELECT"),
        ("now()", "the function now is none"),
        ("random()", "the function random is none"),
        ("1) FROM ours; SELECT (1", "holds 2 statements"),
        ("(SELECT count(*) FROM accounts)", "accounts"),
        ("(SELECT count(*) FROM known)", "known"),
        ("CAST(segment AS INTEGER)", "cannot be computed"),
        ("upper(confidence, 2)", "cannot be computed"),
        ("(SELECT count(*) FROM read_csv('/etc/passwd'))", "read_csv"),
    ],
)
def test_an_expression_that_cannot_be_computed(sql, message, world):
    given = changed("csv", "segments", columns={"account_id": "account_id", "S": sql}, optional=[])
    with pytest.raises(ConfigError, match=message) as raised:
        prepare(given, world)
    assert "Gruppe" not in str(raised.value)


def test_optional_columns_go_where_ours_are_absent(world):
    people = world[0][["account_id"]]
    made = prepare(sink_settings("csv"), world, accounts=people)
    assert "name" not in made.tables["segments"].column_names
    assert "segment" in made.tables["segments"].column_names
    with pytest.raises(ConfigError, match="'email', which is not there"):
        prepare(sink_settings("activecampaign"), world, accounts=people)
    assert set(prepare(sink_settings("hubspot"), world, accounts=people).tables) == {"companies"}


def test_another_currency(world):
    given = sink_settings("hubspot", currency="EUR")
    prepare(given, world)
    with pytest.raises(ConfigError, match=r"takes EUR, the source is in USD.*sink\.currency=USD"):
        prepare(given, world, currency="USD")


def test_an_account_twice(world):
    people, segments, rows = world
    for told in (
        {"accounts": people.iloc[[0, 0, 1]]},
        {"segments": segments.iloc[[0, 0, 1]]},
        {"assignments": rows.iloc[[0, 0]].assign(arm="treated")},
    ):
        with pytest.raises(InputError, match="1 accounts stand twice") as raised:
            prepare(sink_settings("csv"), world, **told)
        assert "0000000" not in str(raised.value)


def test_an_assignment_without_a_segment(world):
    _, segments, rows = world
    with pytest.raises(InputError, match="assignments are of accounts without a segment"):
        prepare(sink_settings("csv"), world, segments=segments[5:], assignments=rows)


def test_an_unknown_channel_and_a_missing_column(world):
    rows = world[2]
    with pytest.raises(InputError, match=r"'mail' is no channel.*'email'"):
        prepare(sink_settings("csv"), world, assignments=rows.assign(channel="mail"))
    with pytest.raises(InputError, match="no column 'arm'"):
        prepare(sink_settings("csv"), world, assignments=rows.drop(columns="arm"))


def test_an_empty_key(world):
    people = world[0].assign(email=None)
    given = changed("activecampaign", "contacts", reachable_by=None, optional=["Phone"])
    with pytest.raises(InputError, match="the key Email is empty in 40 rows"):
        prepare(given, world, accounts=people)


def test_accounts_with_one_address_stand_once(world):
    people = world[0].assign(email="info@x.example", consent_email=1)
    made = sink.prepare(
        sink_settings("activecampaign"),
        world[2],
        people,
        world[1],
        consent.reachable(people, ActivationSettings()),
        currency="EUR",
    )
    assert made.tables["contacts"].num_rows == 1
    assert made.shared == {"contacts": 39}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": ["acount_id"]}, "'acount_id' is none of its columns .*'account_id'"),
        ({"encoding": "utf-9"}, "no such encoding"),
        ({"max_columns": 2}, "more than max_columns=2"),
        ({"delimeter": ";"}, "Extra inputs"),
        ({"channels": ["mail"]}, "Input should be 'email'"),
    ],
)
def test_settings_that_do_not_fit(changes, message):
    with pytest.raises(ValidationError, match=message):
        changed("csv", "measures", **changes)


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden"])
def test_names_that_would_leave_the_folder(name):
    with pytest.raises(ValidationError, match="name of a folder or file"):
        sink_settings("csv", name=name)


def test_a_table_needs_an_address(world):
    with pytest.raises(ValidationError, match=r"sink\.url="):
        sink_settings("warehouse")
    with pytest.raises(ConfigError, match="no address of a database") as raised:
        prepare(sink_settings("warehouse", url="nosuch://user:secret@host/x"), world)
    assert "secret" not in str(raised.value)
    with pytest.raises(InputError, match="Cannot connect") as raised:
        prepare(sink_settings("warehouse", url="postgres://u:secret@127.0.0.1:9/x"), world)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_length": 5}, "column 'account_id' holds 40 texts longer than the 5 characters"),
        ({"encoding": "ascii"}, "'ü', which ascii cannot write"),
    ],
)
def test_what_the_tool_cannot_hold_is_refused_before_anything_is_written(changes, message, world):
    with pytest.raises(InputError, match=message):
        prepare(changed("csv", "segments", **changes), world)


def test_a_damaged_export_is_named(world, tmp_path):
    first = exporting.export(prepare(sink_settings("csv"), world), tmp_path)
    (first.folder / "state" / "segments.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=first.folder.name):
        exporting.export(prepare(sink_settings("csv", full=True), world), tmp_path)


def test_full_hands_over_everything_each_time(world, tmp_path):
    segments = world[1]
    given = sink_settings("csv", full=True)
    exporting.export(prepare(given, world), tmp_path)
    done = exporting.export(prepare(given, world, segments=segments.assign(confidence=0.5)), tmp_path)
    assert done.changed > 0
    with (done.folder / "segments.csv").open(encoding="utf-8-sig", newline="") as file:
        assert len(list(csv.DictReader(file))) == 40


def test_other_columns_make_all_rows_changed(world, tmp_path):
    exporting.export(prepare(sink_settings("google_analytics4"), world), tmp_path)
    columns = {"user_id": "account_id", "segment_id": "CAST(segment_id AS VARCHAR)", "segment": "'x'"}
    given = changed("google_analytics4", "user_data", columns=columns, removed={})
    done = exporting.export(prepare(given, world), tmp_path)
    assert (done.new, done.changed, done.removed) == (0, 40, 0)


def test_back_to_what_was_is_an_export_again(world, tmp_path):
    given = sink_settings("google_analytics4")
    first = exporting.export(prepare(given, world), tmp_path)
    other = world[1].assign(segment=np.where(world[1].index == "0000003", "other", world[1]["segment"]))
    second = exporting.export(prepare(given, world, segments=other), tmp_path)
    third = exporting.export(prepare(given, world), tmp_path)
    assert (second.changed, third.changed) == (1, 1)
    assert third.folder.name[:5] == "00003"
    assert third.folder.name[5:] == first.folder.name[5:]


def test_secrets_of_the_address_stay_out_of_the_export(world, tmp_path):
    url = f"duckdb://{tmp_path}/w.duckdb"
    done = exporting.export(prepare(sink_settings("warehouse", url=url), world), tmp_path)
    assert "duckdb" not in (done.folder / "export.json").read_text()


@pytest.mark.parametrize("name", ["csv", "xlsx", "hubspot", "activecampaign"])
def test_a_forgotten_account_leaves_every_export(name, world, tmp_path):
    """By id, and where a tool knows addresses only, by what the export knows of whose they are."""
    home, exports = tmp_path, tmp_path / exporting.BELOW_HOME
    given = sink_settings(name)
    exporting.export(prepare(given, world), exports)
    agreed = world[0].loc[world[0]["consent_email"] == 1, "account_id"]
    account = max({*agreed} & {*world[2].loc[world[2]["arm"] == "treated", "account_id"]})
    rows = world[2][world[2]["account_id"] != account]
    last = exporting.export(prepare(given, world, assignments=rows), exports)
    assert exporting.forget("nobody", exports) == []
    gone = exporting.forget(account, exports)
    assert {path.parent.name for path in gone} == {name}
    done = forget(account, home, b"k" * 32)
    assert done.removed == {}
    assert done.left == ()
    for path in home.rglob("*"):
        if path.is_file():
            content = path.read_bytes() if path.suffix != ".xlsx" else _unpacked(path)
            assert account.encode() not in content, path
    assert exporting.forget(account, exports) == []
    people, segments, _ = world
    rest = (people[people["account_id"] != account], segments.drop(account), rows)
    again = exporting.export(prepare(given, rest), exports)
    assert _number(again.folder) == _number(last.folder), "nothing else changed"


def _number(folder):
    return folder.name.split("-")[0]


def _unpacked(path):
    import zipfile

    with zipfile.ZipFile(path) as parts:
        return b"".join(parts.read(name) for name in parts.namelist())
