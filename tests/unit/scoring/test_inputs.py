"""Whatever a file holds or is called ends in scored accounts, rejected rows or one refusal that names it."""

import datetime
import decimal
import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packaged import CATEGORICAL, NUMERIC
from segmentwerk.core.errors import InputError
from segmentwerk.scoring import batch, source
from segmentwerk.scoring.cells import Wanted
from segmentwerk.scoring.load import load


@pytest.fixture(scope="module")
def loaded(saved):
    return load(str(saved))


@pytest.fixture
def scored(loaded, tmp_path, monkeypatch):
    """Score a file; return the summary, the assignments and the rejected rows."""
    monkeypatch.setattr(batch, "load", lambda *_: loaded)

    def run(path, output=None):
        output = output or tmp_path / "result" / "out.parquet"
        done = batch.score("model", path, output)
        rejected = pd.DataFrame(columns=["row", "account_id", "column", "reason"])
        if done.quarantine is not None:
            rejected = pd.read_csv(done.quarantine, dtype=object)
        return done, pd.read_parquet(output).set_index("account_id"), rejected

    return run


def ids(found):
    return " ".join(found.index)


TEXTS = {
    "header only": ("account_id,frequency\n", ""),
    "header only without a line end": ("account_id,frequency", ""),
    "one feature and nothing else": ("frequency\n3\n4\n", "1 2"),
    "empty lines before the header": ("\n\naccount_id,frequency\nA,1\n", "A"),
    "empty lines before the only column": ("\n \nfrequency\n3\n", "1"),
    "empty lines between rows": ("account_id,frequency\nA,1\n\nB,2\n", "A B"),
    "a line that names the delimiter": ("sep=;\naccount_id;frequency\nA;1,5\n", "A"),
    "lines that end in different ways": ("account_id,frequency\r\nA,1\nB,2\r\n", "A B"),
    "lines that end in different ways later": ("account_id,frequency\nA,1\nB,2\r\nC,3\n", "A B C"),
    "a line end inside quotes": ('account_id,note,frequency\nA,"b\nc",1\nB,"""x""",2\n', "A B"),
    "NUL bytes": ("account_id,note,industry,frequency\nA,x\x00y,Te\x00ch,1\nB,,,2\n", "A B"),
    "a text of three megabytes": (
        "note,frequency\n" + ",1\n" * 2_100 + f"{'x' * 3_000_000},1\n",
        " ".join(map(str, range(1, 2102))),
    ),
    "a name with quotes": ('account_id,"fre""quency",frequency\nA,9,1\n', "A"),
    "names that hidden columns have": (
        "account_id,_row,_bad x,bad frequency,id,n0,r0,t0,c1,x,frequency\nA,9,9,9,9,9,9,9,9,9,1\n",
        "A",
    ),
    "names without text": ("account_id,,frequency,\nA,9,1,9\n", "A"),
    "repeated names of others": ("account_id,note,note,frequency\nA,9,9,1\n", "A"),
    "names that differ by case": ("account_id,Frequency,frequency,FREQUENCY\nA,9,1,9\n", "A"),
    "blanks around names and values": (" account_id , frequency\n A , 1 \n", "A"),
    "SQL in a value": (
        "account_id,industry,frequency\nA'; DROP TABLE cells; --,Tech,1\n",
        "A'; DROP TABLE cells; --",
    ),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_texts_that_are_scored_whole(scored, tmp_path, text, expected):
    (tmp_path / "in.csv").write_bytes(text.encode())
    done, found, rejected = scored(tmp_path / "in.csv")
    assert (ids(found), len(rejected), done.rejected) == (expected, 0, 0)


def test_odd_names_beside_a_feature_change_nothing(scored, tmp_path):
    (tmp_path / "plain.csv").write_text("account_id,frequency\nA,1\n")
    _, expected, _ = scored(tmp_path / "plain.csv")
    for name in ("a name with quotes", "names that hidden columns have", "names that differ by case"):
        (tmp_path / "odd.csv").write_text(TEXTS[name][0])
        _, found, _ = scored(tmp_path / "odd.csv")
        pd.testing.assert_frame_equal(found, expected)


REJECTED = {
    "-5": "cannot be below 0",
    "1e300": "cannot be above 1e+12",
    "1e400": True,
    "-1e400": True,
    "inf": True,
    "-Infinity": True,
    "many": True,
    "1_000": True,
    "0x1F": True,
    "12d": True,
    "5 5": True,
    "2024-01-31": True,
    "NaN": False,
    "n/a": False,
    " ": False,
    "1e-400": False,
    "12 %": False,
    "(12.50)": "cannot be below 0",
    "3.5 Mio.": False,
    "\u00a07\u202f": False,
    "9" * 400: True,
}


@pytest.mark.parametrize(("value", "is_rejected"), REJECTED.items(), ids=[text[:12] for text in REJECTED])
def test_numbers_as_they_come(scored, tmp_path, value, is_rejected):
    (tmp_path / "in.csv").write_text(f'account_id,frequency\nA,"{value}"\n', encoding="utf-8")
    done, _, rejected = scored(tmp_path / "in.csv")
    assert done.rejected == bool(is_rejected)
    reason = "is not a finite number" if is_rejected is True else is_rejected
    assert list(rejected["reason"]) == [reason] * bool(is_rejected)


def test_each_column_has_its_own_decimal_sign(scored, tmp_path):
    (tmp_path / "plain.csv").write_text("account_id,monetary,discount_share\nA,1234.5,0.25\nB,12,0.5\n")
    (tmp_path / "mixed.csv").write_text('account_id;monetary;discount_share\nA;"1.234,5";0.25\nB;12;0.5\n')
    expected, found = (scored(tmp_path / name)[1] for name in ("plain.csv", "mixed.csv"))
    pd.testing.assert_frame_equal(found, expected)


ROWS = {
    "ids": ("account_id,frequency\nA,1\n,2\nA,3\nB,4\n", "A B", ["is missing", "is there already, in row 1"]),
    "fields": (
        "account_id,frequency,x\nA,1,\nB,2\nC,3,,9\nD,4,\n",
        "A D",
        ["line 3: Expected", "line 4: Expected"],
    ),
    "an open quote": ('account_id,frequency\nA,1\n"B,2\nC,3\n', "A", ["line 3: Value with unterminated"]),
    "one field more in every line": ("account_id,frequency,\nA,1\nB,2\n", "", ["line 2: Exp", "line 3: Exp"]),
}


@pytest.mark.parametrize(("text", "expected", "reasons"), ROWS.values(), ids=ROWS)
def test_rows_that_cannot_be_scored_are_told_one_by_one(scored, tmp_path, text, expected, reasons):
    (tmp_path / "in.csv").write_text(text)
    done, found, rejected = scored(tmp_path / "in.csv")
    assert ids(found) == expected
    assert done.rejected == len(rejected) == len(reasons)
    assert all(part in reason for part, reason in zip(reasons, rejected["reason"], strict=True))


REFUSED = {
    "nothing": ("", r"in\.csv is empty"),
    "NUL bytes only": ("\x00\x00\x00", "is empty"),
    "ids only": ("account_id\nA\n", "none of the model's columns; it has: account_id"),
    "other columns only": (",".join(f"x{i}" for i in range(300)) + "\n", r"x19, … \(300\)"),
    "a feature twice": (
        "account_id,frequency,x,frequency\nA,1,2,3\n",
        r"in\.csv has the column 'frequency' twice",
    ),
    "ids twice": ("account_id,account_id,frequency\nA,B,3\n", "has the column 'account_id' twice"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_texts_that_are_no_account_table_are_refused(scored, tmp_path, text, message):
    (tmp_path / "in.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        scored(tmp_path / "in.csv")
    assert not (tmp_path / "result" / "out.parquet").exists()
    assert not (tmp_path / "result" / ".out.parquet.parts").exists()


TYPES = {
    "decimals": ({"monetary": pa.array([decimal.Decimal("12.50")])}, 12.5),
    "flags": ({"monetary": pa.array([True])}, 1.0),
    "large whole numbers": ({"monetary": pa.array([2**63 + 2048], pa.uint64())}, 2.0**63 + 2048),
    "small whole numbers": ({"monetary": pa.array([7], pa.int8())}, 7.0),
    "half precision": ({"monetary": pa.array([1.5], pa.float32())}, 1.5),
    "dictionaries": ({"monetary": pa.array(["12.5"]).dictionary_encode()}, 12.5),
    "texts": ({"monetary": pa.array(["1.234,5"])}, 1234.5),
    "nothing": ({"monetary": pa.nulls(1)}, None),
    "categories": ({"monetary": [5.0], "industry": pa.array(["Tech"]).dictionary_encode()}, 5.0),
}


@pytest.mark.parametrize(("columns", "value"), TYPES.values(), ids=TYPES)
def test_parquet_types_that_hold_numbers(scored, tmp_path, columns, value):
    table = {"account_id": ["A"], "frequency": [3.0], **columns}
    pq.write_table(pa.table(table), tmp_path / "in.parquet")
    _, found, _ = scored(tmp_path / "in.parquet")
    industry = {"industry": ["Tech"]} if "industry" in columns else {}
    plain = {"account_id": ["A"], "frequency": [3.0], "monetary": pa.array([value], pa.float64()), **industry}
    pq.write_table(pa.table(plain), tmp_path / "plain.parquet")
    _, expected, _ = scored(tmp_path / "plain.parquet")
    pd.testing.assert_frame_equal(found, expected)


WRONG = {
    "dates": ("frequency", pa.array([datetime.date(2024, 1, 1)]), "DATE"),
    "moments": ("frequency", pa.array([datetime.datetime(2024, 1, 1)]), "TIMESTAMP"),
    "spans": ("frequency", pa.array([datetime.time(1)]), "TIME"),
    "lists": ("frequency", pa.array([[1.0]]), r"DOUBLE\[\]"),
    "structures": ("monetary", pa.array([{"amount": 1.0}]), "STRUCT"),
    "lists of texts": ("industry", pa.array([["Tech"]]), r"VARCHAR\[\]"),
    "maps": ("industry", pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "MAP"),
    "bytes": ("account_id", pa.array([b"A"]), "BLOB"),
    "days for ids": ("account_id", pa.array([datetime.date(2024, 1, 1)]), "DATE"),
    "flags for ids": ("account_id", pa.array([True]), "BOOLEAN"),
}


@pytest.mark.parametrize(("name", "values", "kind"), WRONG.values(), ids=WRONG)
def test_parquet_types_that_cannot_be_read_are_named(scored, tmp_path, name, values, kind):
    table = {"account_id": pa.array(["A"]), "employees": pa.array([3.0]), name: values}
    pq.write_table(pa.table(table), tmp_path / "in.parquet")
    with pytest.raises(InputError, match=rf"Column '{name}' of .*in\.parquet holds values of type {kind}"):
        scored(tmp_path / "in.parquet")


def test_other_columns_of_any_type_do_not_matter(scored, tmp_path):
    others = {name: values for name, (_, values, _) in WRONG.items()}
    pq.write_table(pa.table({"account_id": ["A"], "frequency": [1], **others}), tmp_path / "in.parquet")
    done, found, _ = scored(tmp_path / "in.parquet")
    assert (ids(found), set(done.ignored)) == ("A", set(others))


IDS = {
    "whole numbers": (pa.array([1017, 2**62 + 1]), "1017 4611686018427387905"),
    "fractions beside a missing one": (pa.array([1017.0, float("nan")]), "1017"),
    "decimals": (pa.array([decimal.Decimal("1017.00"), decimal.Decimal("2.50")]), "1017 2.50"),
    "texts": (pa.array([" 0042\u00a0", "1017.0"]), "0042 1017.0"),
}


@pytest.mark.parametrize(("values", "expected"), IDS.values(), ids=IDS)
def test_ids_keep_every_digit(scored, tmp_path, values, expected):
    pq.write_table(pa.table({"account_id": values, "frequency": [1, 2]}), tmp_path / "in.parquet")
    assert ids(scored(tmp_path / "in.parquet")[1]) == expected


@pytest.mark.parametrize(
    "values", [pa.array([2.0**53]), pa.array([2.0**24], pa.float32()), pa.array([np.inf])]
)
def test_ids_that_lost_digits_are_refused(scored, tmp_path, values):
    pq.write_table(pa.table({"account_id": values, "frequency": [1]}), tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"'account_id' of .*last digits may be lost.*Write ids as texts"):
        scored(tmp_path / "in.parquet")


def test_parquet_names_that_differ_by_case_or_come_twice(scored, tmp_path):
    columns = [pa.array(["A"]), pa.array([9.0]), pa.array([1.0])]
    for names in (["account_id", "Frequency", "frequency"], ["account_id", "x", "frequency"]):
        pq.write_table(pa.Table.from_arrays(columns, names), tmp_path / f"{names[1]}.parquet")
    _, found, _ = scored(tmp_path / "Frequency.parquet")
    pd.testing.assert_frame_equal(found, scored(tmp_path / "x.parquet")[1])
    pq.write_table(
        pa.Table.from_arrays(columns, ["account_id", "frequency", "frequency"]), tmp_path / "twice.parquet"
    )
    with pytest.raises(InputError, match=r"twice\.parquet has the column 'frequency' twice"):
        scored(tmp_path / "twice.parquet")


@pytest.mark.parametrize(("width", "n_rows"), [(50, 1), (50, 1000), (1000, 1), (1000, 1000)])
def test_wide_tables(scored, accounts, tmp_path, width, n_rows):
    rows = accounts.head(n_rows)
    more = {f"Column {i}": ["1.234,5 €" if i % 2 else "text"] * n_rows for i in range(width - rows.shape[1])}
    wide = pd.concat([pd.DataFrame(more), rows], axis=1)
    wide.to_csv(tmp_path / "wide.csv", index=False)
    wide.to_parquet(tmp_path / "wide.parquet")
    _, expected, _ = scored(tmp_path / "wide.parquet")
    done, found, _ = scored(tmp_path / "wide.csv")
    assert (done.scored, len(done.ignored)) == (n_rows, width - rows.shape[1])
    pd.testing.assert_frame_equal(found, expected, check_exact=False)


def test_a_model_of_a_thousand_numbers_reads_them_written_in_any_way(tmp_path):
    names = [f"x{i}" for i in range(1000)]
    rows = pd.DataFrame({name: ["1.234,5 €", "7", "12 %"] for name in names})
    rows.to_csv(tmp_path / "in.csv", index=False, sep=";")
    opened = source.open_source(tmp_path / "in.csv", Wanted(tuple(names), ()), tmp_path)
    (chunk,) = opened.chunks(10, 0)
    assert chunk.frame["x999"].tolist() == [1234.5, 7.0, 0.12]
    assert not chunk.faults


def test_reading_takes_half_of_the_free_memory_also_in_a_container(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("4294967296\n")
    monkeypatch.setattr(source, "LIMITS", (str(tmp_path / "memory.max"),))
    setting = "SELECT current_setting('memory_limit')"
    assert source._connect(tmp_path).execute(setting).fetchone() == ("2.0 GiB",)
    (tmp_path / "memory.max").write_text("1000\n")
    assert source._connect(tmp_path).execute(setting).fetchone() == ("512.0 MiB",)
    (tmp_path / "memory.max").write_text("max\n")
    assert source._connect(tmp_path).execute(setting).fetchone() is not None


FILES = {
    "another order": ("b.csv", "recency_days,account_id,frequency\n12,F,24\n", "utf-8"),
    "more columns": ("b.csv", "note,account_id,x,recency_days,frequency\na,F,1,12,24\n", "utf-8"),
    "another delimiter and decimal sign": (
        "b.csv",
        'account_id;recency_days;frequency\nF;"12,0";"24,00"\n',
        "utf-8",
    ),
    "an encoding of Windows": (
        "b.csv",
        "region,account_id,recency_days,frequency\nWürttemberg,F,12,24\n",
        "cp1252",
    ),
    "two bytes a letter": ("b.csv", "account_id,frequency,recency_days\nF,24,12\n", "utf-16"),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize(("name", "text", "encoding"), FILES.values(), ids=FILES)
def test_each_file_of_a_folder_is_read_by_its_own_header(scored, tmp_path, name, text, encoding, packed):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text("account_id,frequency,recency_days\nJ,24,12\n")
    content = text.encode(encoding)
    other = folder / (f"{name}.gz" if packed else name)
    other.write_bytes(gzip.compress(content) if packed else content)
    _, found, _ = scored(folder)
    assert ids(found) == "J F"
    pd.testing.assert_series_equal(found.loc["F"], found.loc["J"], check_names=False)
    pd.testing.assert_frame_equal(found.loc[["F"]], scored(other)[1])


def test_an_umlaut_means_the_same_in_every_encoding(scored, accounts, tmp_path):
    (tmp_path / "in").mkdir()
    for name, encoding in (("a", "cp1252"), ("b", "utf-8"), ("c", "utf-16")):
        text = f"account_id,industry,employees\n{name},Größe,12\n"
        (tmp_path / "in" / f"{name}.csv").write_bytes(text.encode(encoding))
    opened = source.open_source(tmp_path / "in", Wanted(tuple(NUMERIC), tuple(CATEGORICAL)), tmp_path)
    (chunk,) = opened.chunks(10, 0)
    assert chunk.frame["industry"].tolist() == ["Größe"] * 3


def test_parquet_files_of_a_folder_may_differ(scored, tmp_path):
    (tmp_path / "in").mkdir()
    parts = [
        {"account_id": ["J"], "frequency": [24.0], "recency_days": [12.0]},
        {"recency_days": [12], "x": ["y"], "frequency": pa.array([24], pa.int8()), "account_id": ["F"]},
        {"account_id": [7], "frequency": ["24"], "recency_days": [12.0]},
    ]
    for number, part in enumerate(parts):
        pq.write_table(pa.table(part), tmp_path / "in" / f"{number}.parquet")
    done, found, _ = scored(tmp_path / "in")
    assert (ids(found), done.ignored) == ("J F 7", ("x",))
    for name in ("F", "7"):
        pd.testing.assert_series_equal(found.loc[name], found.loc["J"], check_names=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frequency\n3\n", r"b\.csv has no column 'account_id', which other files have"),
        ("x,y\n1,2\n", r"b\.csv has none of the model's columns; it has: x, y"),
        ("Account ID,frequency\nA,1\n", r"b\.csv has no column 'account_id'"),
        ("frequency,account_id,frequency\n1,A,1\n", r"b\.csv has the column 'frequency' twice"),
    ],
)
def test_a_file_that_does_not_belong_to_the_others_is_named(scored, tmp_path, text, message):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("account_id,frequency\nA,1\n")
    (tmp_path / "in" / "b.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        scored(tmp_path / "in")


NAMES = [
    "a[1]",
    "a*",
    "a?",
    "a{1,2}",
    "a b\u202fc",
    "größe",
    "d'or",
    'say "a"',
    "a#1",
    "a%20b",
    "a=1",
    "a;b",
    "-a",
    "a$x",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["csv", "parquet", "csv.gz"])
def test_the_file_that_was_named_is_read_whatever_its_name(scored, tmp_path, name, kind):
    folder = tmp_path / f"in {name}"
    folder.mkdir()
    for other in ("a1", "ax", "a", "a2"):
        write(folder / f"{other}.{kind}", "WRONG")
    write(folder / f"{name}.{kind}", "RIGHT")
    output = tmp_path / f"out {name}" / f"{name}.parquet"
    assert ids(scored(folder / f"{name}.{kind}", output)[1]) == "RIGHT"
    assert [file.name for file in output.parent.iterdir()] == [output.name]


def write(path, account):
    rows = pd.DataFrame({"account_id": [account], "frequency": [3.0]})
    if path.suffix == ".parquet":
        rows.to_parquet(path)
    else:
        rows.to_csv(path, index=False)


def test_a_number_in_brackets_is_no_pattern_but_a_star_is(scored, tmp_path):
    for name in ("part-1", "part-2", "other"):
        write(tmp_path / f"{name}.csv", name)
    with pytest.raises(InputError, match=r"There is no .*part-\[1\]\.csv"):
        scored(tmp_path / "part-[1].csv")
    assert ids(scored(tmp_path / "part-*.csv")[1]) == "part-1 part-2"
    assert ids(scored(tmp_path / "part-[1-2].csv")[1]) == "part-1 part-2"
    write(tmp_path / "part-*.csv", "itself")
    assert ids(scored(tmp_path / "part-*.csv")[1]) == "itself"


def test_an_output_never_replaces_the_input(scored, tmp_path):
    given = tmp_path / "in.parquet"
    write(given, "A")
    write(tmp_path / "out.quarantine.csv", "A")
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder" / "a.csv", "A")
    (tmp_path / "link").symlink_to(tmp_path)
    tries = [
        (given, given, "would replace the input"),
        (given, tmp_path / "link" / "in.parquet", "would replace the input"),
        (tmp_path / "out.quarantine.csv", tmp_path / "out.csv", "would replace the input"),
        (tmp_path / "folder", tmp_path / "folder" / "out.csv", "lies in the folder to score"),
        (tmp_path / "folder", tmp_path / "folder" / "deep" / "out.csv", "lies in the folder to score"),
    ]
    for path, output, message in tries:
        before = path.read_bytes() if path.is_file() else None
        with pytest.raises(InputError, match=message):
            scored(path, output)
        assert before is None or path.read_bytes() == before


def test_folders_of_the_output_are_made(scored, tmp_path):
    write(tmp_path / "in.csv", "A")
    assert ids(scored(tmp_path / "in.csv", tmp_path / "new" / "Ergebnis #1 für März" / "o.parquet")[1]) == "A"


def test_what_the_model_refuses_is_no_fault_of_ours(scored, loaded, tmp_path, monkeypatch):
    from mlflow.exceptions import MlflowException

    def refuse(*_args):
        raise MlflowException.invalid_parameter_value("Column 'x' is odd.")

    write(tmp_path / "in.csv", "A")
    monkeypatch.setattr(loaded.model.unwrap_python_model(), "predict", refuse)
    with pytest.raises(InputError, match="Column 'x' is odd"):
        scored(tmp_path / "in.csv")


def test_a_file_that_breaks_off_while_it_is_read_is_named(scored, accounts, tmp_path):
    accounts.to_parquet(tmp_path / "in.parquet", row_group_size=100)
    content = bytearray((tmp_path / "in.parquet").read_bytes())
    content[5_000:20_000] = bytes(15_000)
    (tmp_path / "in.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"in\.parquet cannot be read"):
        scored(tmp_path / "in.parquet")
