import re
import shutil
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace
from uuid import UUID

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from packaged import CATALOGUE, CATEGORICAL, NUMERIC, world
from segmentwerk.scoring.load import check
from segmentwerk.shipped import assigning, frames, segment_model
from segmentwerk.shipped.model_catalogue import COLUMNS

PROSPECT = [feature.name for feature in CATALOGUE if feature.prospect]


def test_customers_get_the_segment_that_the_segmenter_gives(model, packaged, accounts):
    found = model.predict(accounts)
    assert list(found.columns) == list(COLUMNS)
    assert (found["account_id"] == accounts["account_id"]).all()
    assert (found["segment_id"].to_numpy() == packaged.labels.to_numpy() + 11).all()
    assert (found["segment_name"].to_numpy() == ("Segment " + packaged.labels.astype(str)).to_numpy()).all()
    assert (found["model_version"] == "3").all()


def test_confidence_runner_up_and_margin_are_the_two_best_memberships(model, packaged, accounts):
    proba = packaged.segmenter.predict_proba(packaged.space.transform(packaged.table.features))
    found = model.predict(accounts)
    best = np.sort(proba, axis=1)
    np.testing.assert_allclose(found["confidence"], best[:, -1], atol=1e-9)
    np.testing.assert_allclose(found["margin"], best[:, -1] - best[:, -2], atol=1e-9)
    np.testing.assert_array_equal(found["runner_up"], np.argsort(proba, axis=1)[:, -2] + 11)


def test_neither_order_nor_other_columns_nor_other_rows_matter(model, accounts):
    expected = model.predict(accounts)
    shuffled = accounts.sample(frac=1, random_state=0)[[*accounts.columns[::-1]]].assign(nonsense="x")
    found = model.predict(shuffled).set_index("account_id").loc[expected["account_id"]].reset_index()
    close = {"check_exact": False, "atol": 1e-12, "check_dtype": False}
    pd.testing.assert_frame_equal(found[list(COLUMNS)], expected, **close)
    alone = pd.concat([model.predict(accounts.iloc[[i]]) for i in range(5)], ignore_index=True)
    pd.testing.assert_frame_equal(alone, expected.head(5), **close)


def test_chunks_change_nothing(model, accounts, monkeypatch):
    inside = model.unwrap_python_model()
    expected = inside.predict(None, accounts)
    monkeypatch.setitem(type(inside.assigner).predict.__globals__, "CHUNK", 100)
    pd.testing.assert_frame_equal(inside.predict(None, accounts), expected, check_exact=False, atol=1e-12)


def test_no_rows_give_no_rows(model, accounts):
    found = model.predict(accounts.head(0))
    assert list(found.columns) == list(COLUMNS)
    assert len(found) == 0


def test_missing_and_unknown_values_are_allowed(model, accounts):
    strange = accounts.head(3).drop(columns="discount_share").astype({"employees": object})
    strange["employees"] = [None, np.nan, 12.0]
    strange["industry"] = [None, "Never seen", ""]
    found = model.predict(strange.astype({"employees": "float64"}))
    assert set(found["segment_id"]) <= {11, 12, 13, 14}
    assert found["confidence"].between(0, 1).all()


FORMS = {
    "whole numbers": lambda rows: rows.astype({"frequency": "int64", "recency_days": "int32"}),
    "unsigned numbers": lambda rows: rows.astype({"frequency": "uint8"}),
    "nullable whole numbers": lambda rows: rows.astype({"frequency": "Int64", "employees": "Int64"}),
    "nullable fractions": lambda rows: rows.astype({"monetary": "Float64"}),
    "objects": lambda rows: rows.astype(object),
    "objects with None": lambda rows: rows.astype(object).where(rows.notna(), None),
    "decimals": lambda rows: rows.assign(frequency=[Decimal(int(n)) for n in rows["frequency"]]),
    "numbers in texts": lambda rows: rows.assign(frequency=[f" {n} " for n in rows["frequency"]]),
    "categories": lambda rows: rows.astype({"industry": "category", "country": "category"}),
    "categories of numbers": lambda rows: rows.astype({"frequency": "category"}),
    "texts of pandas": lambda rows: rows.astype({"industry": "string", "account_id": "string"}),
    "texts as objects": lambda rows: rows.astype({"industry": object, "account_id": object}),
    "blanks around texts": lambda rows: rows.assign(country=" " + rows["country"] + "\u00a0"),
    "Arrow's types": lambda rows: rows.convert_dtypes(dtype_backend="pyarrow"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_frames_of_every_type_give_the_same(model, accounts, form):
    rows = accounts[accounts["employees"].notna() & accounts["industry"].notna()].head(20)
    rows.loc[rows.index[3], ["employees", "industry"]] = None
    expected = model.predict(rows)
    for predict in (model.predict, lambda frame: model.unwrap_python_model().predict(None, frame)):
        pd.testing.assert_frame_equal(predict(form(rows)), expected)


def test_flags_are_numbers(model, accounts):
    flags = accounts.head(2).assign(frequency=[True, False])
    expected = model.predict(flags.assign(frequency=[1.0, 0.0]))
    for kind in ("bool", "boolean", object):
        pd.testing.assert_frame_equal(model.predict(flags.astype({"frequency": kind})), expected)


def test_numbers_and_flags_among_categories_are_their_texts():
    words = {3.0: "3", 2.5: "2.5", True: "true", Decimal("7.00"): "7", " x ": "x", np.int8(4): "4"}
    assert {value: frames._text(value) for value in words} == words
    for value in (b"x", None, [1], {"x": 1}, pd.Timestamp("2024-01-01"), 1j):
        assert frames._text(value) is None


IDS = {
    "whole numbers": ([1017, 2**53 + 1], ["1017", "9007199254740993"]),
    "beside a missing one": ([1017, None], ["1017", None]),
    "nullable": (pd.array([2**62 + 1, None], dtype="Int64"), ["4611686018427387905", None]),
    "unsigned": (np.array([2**64 - 1, 1], dtype="uint64"), ["18446744073709551615", "1"]),
    "larger than any": ([2**70, 1], [str(2**70), "1"]),
    "texts": (["0042", None], ["0042", None]),
    "categories": (pd.Categorical(["0042", "b"]), ["0042", "b"]),
    "fractions": ([10.5, 7.0], ["10.5", "7"]),
    "mixed": ([7, "x"], ["7", "x"]),
    "UUIDs": ([UUID(int=1), UUID(int=2)], [str(UUID(int=1)), str(UUID(int=2))]),
}


@pytest.mark.parametrize(("values", "expected"), IDS.values(), ids=IDS)
def test_ids_come_back_digit_by_digit(model, accounts, values, expected):
    found = model.predict(accounts.head(2).assign(account_id=values))
    assert found["account_id"].tolist() == expected


@pytest.mark.parametrize(
    "values", [[2.0**53, 1.0], [float(2**60), None], np.array([2**24, 1], "float32"), [np.inf, 1.0]]
)
def test_ids_that_lost_digits_are_refused(model, accounts, values):
    rows = accounts.head(2).assign(account_id=values)
    with pytest.raises(MlflowException, match=r"'account_id' holds a number in row 0 .* Send ids as texts"):
        model.unwrap_python_model().predict(None, rows)


@pytest.mark.parametrize("column", ["frequency", "industry", "account_id"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([1.0], "a list"),
        ({"x": 1}, "a dict"),
        ({1}, "a set"),
        (b"3", "a bytes"),
        (pd.Timestamp("2024-01-01"), "a Timestamp"),
        (pd.Timedelta(1), "a Timedelta"),
        (1j, "a complex"),
        (np.array([1.0]), "a ndarray"),
    ],
)
def test_what_is_neither_number_nor_text_is_refused_by_column_and_row(model, accounts, column, value, kind):
    rows = accounts.head(3).reset_index(drop=True).astype({column: object})
    rows.at[1, column] = value
    with pytest.raises(MlflowException, match=rf"Column '{column}' must hold .*; row 1 holds {kind}\."):
        model.unwrap_python_model().predict(None, rows)
    with pytest.raises(MlflowException, match=rf"Column '{column}' must hold .*holds {kind}\."):
        model.predict(rows)


@pytest.mark.parametrize("text", ["many", "1_000", "1,5", "0x1F"])
def test_texts_that_are_no_plain_numbers_are_refused(model, accounts, text):
    rows = accounts.head(2).assign(frequency=["3", text])
    with pytest.raises(
        MlflowException, match="'frequency' must hold numbers; row 1 holds a text that is none"
    ):
        model.predict(rows)


def test_the_row_of_a_fault_is_counted_in_the_whole_table(model, accounts):
    rows = pd.concat([accounts.head(3)] * (assigning.CHUNK // 3 + 2), ignore_index=True)
    for column in ("frequency", "industry", "account_id"):
        bad = rows.astype({column: object})
        bad.at[assigning.CHUNK + 2, column] = [1]
        with pytest.raises(MlflowException, match=f"row {assigning.CHUNK + 2} holds a list"):
            model.unwrap_python_model().predict(None, bad)


def test_a_column_that_is_there_twice_is_refused(model, accounts):
    twice = pd.concat([accounts.head(2), accounts[["frequency"]].head(2)], axis=1)
    with pytest.raises(MlflowException, match="'frequency' is there twice"):
        model.unwrap_python_model().predict(None, twice)


def test_basis_says_what_the_assignment_stands_on(model, accounts):
    rows = accounts[(accounts["frequency"] >= 2)].head(5).reset_index(drop=True)
    rows.loc[1, "frequency"] = 1.0
    rows.loc[2, "frequency"] = 0.0
    rows.loc[3, "frequency"] = np.nan
    rows.loc[4, ["monetary", "recency_days", "discount_share"]] = np.nan
    assert list(model.predict(rows)["basis"]) == [
        "full",
        "partial",
        "firmographic",
        "partial",
        "partial",
    ]


def test_accounts_without_orders_take_the_second_path(model, packaged, accounts):
    expected = packaged.prospect.predict_proba(packaged.table.features)
    found = model.predict(accounts[["account_id", *PROSPECT]])
    assert (found["basis"] == "firmographic").all()
    np.testing.assert_allclose(found["confidence"], expected.max(axis=1), atol=1e-9)
    np.testing.assert_array_equal(found["segment_id"], expected.argmax(axis=1) + 11)
    reasons = found[["reason_1", "reason_2", "reason_3"]].to_numpy().ravel()
    assert {reason.split(":")[0] for reason in reasons} <= {"Employees", "Industry", "Country", ""}


def test_about_the_stated_share_is_out_of_distribution(model, accounts):
    fresh = world(4000, seed=5)[0].features.reset_index()
    assert 0.003 < model.predict(fresh)["is_outlier"].mean() < 0.03
    assert 0.001 < model.predict(fresh[["account_id", *PROSPECT]])["is_outlier"].mean() < 0.04
    freak = accounts.head(1)[["account_id", *PROSPECT]].assign(employees=1e9, industry="Never seen")
    found = model.predict(freak)
    assert found["is_outlier"].all()
    assert found["segment_id"].isin([11, 12, 13, 14]).all()


def test_reasons_name_what_sets_the_account_apart(model, packaged, accounts):
    found = model.predict(accounts)
    heavy = accounts["frequency"].idxmax()
    usual = f"{packaged.catalogue.features['frequency'].typical:,.0f}"
    shown = f"Orders so far: {accounts['frequency'].max():,.0f} (usual: {usual})"
    assert shown in list(found.loc[heavy, ["reason_1", "reason_2"]])
    pattern = re.compile(r"^[A-Z][\w ]*: .+$|^$")
    for column in ("reason_1", "reason_2", "reason_3"):
        assert found[column].map(lambda text: bool(pattern.match(text))).all()


def test_reasons_are_ordered_by_evidence_counted_by_hand(model, packaged, accounts):
    """The weights of evidence of one account, feature by feature, from the catalogue's figures."""
    evidence = packaged.catalogue.evidence
    row = accounts.iloc[[int(accounts["monetary"].argmax())]]
    label = int(model.predict(row)["segment_id"].iloc[0]) - 11
    weights = {}
    for j, name in enumerate(NUMERIC):
        value = float(row[name].iloc[0])
        if np.isfinite(value):
            z = (np.log1p(value) - evidence.centre[j]) / evidence.scale[j]
            mean = evidence.means[label][j]
            weights[name] = mean * (min(z, 4.0) - mean / 2)
    for name in CATEGORICAL:
        level = row[name].iloc[0]
        if level in evidence.levels[name]:
            weights[name] = evidence.lifts[name][label][evidence.levels[name].index(level)]
    subject = {name: told.subject for name, told in packaged.catalogue.wording.features.items()}
    telling = [name for name in weights if weights[name] >= 0.1]
    descriptive = {"employees", "industry", "country"}
    best = sorted(telling, key=lambda name: (name in descriptive, -weights[name]))[:3]
    found = model.predict(row)[["reason_1", "reason_2", "reason_3"]].iloc[0]
    assert [text.split(":")[0] for text in found if text] == [subject[name] for name in best]


def test_an_account_of_which_nothing_is_known_gets_no_segment(model, packaged, accounts):
    (found,) = model.predict(accounts.head(1)[["account_id"]].assign(employees=np.nan)).itertuples()
    assert (found.basis, found.segment_id, found.known) == ("too little known", -1, 0.0)
    assert (found.segment_name, found.confidence, found.margin) == ("too little known", 0.0, 0.0)
    assert found.runner_up == packaged.labels.mode().item() + 11
    assert not found.is_outlier
    assert [found.reason_1, found.reason_2, found.reason_3] == ["Too little is known.", "", ""]
    without = model.predict(accounts.head(1).assign(**dict.fromkeys(NUMERIC + CATEGORICAL)), params={
        "columns": ["segment_id", "confidence"]
    })  # fmt: skip
    assert without.iloc[0].tolist() == [-1, 0.0]


def test_known_is_the_share_of_what_is_usually_known(model, accounts):
    whole = accounts[accounts["employees"].notna() & accounts["industry"].notna()].head(3)
    rows = whole.reset_index(drop=True)
    rows.loc[1, ["monetary", "recency_days"]] = np.nan
    rows.loc[2, NUMERIC] = np.nan
    found = model.predict(rows)
    assert found["known"].iloc[0] == 1.0
    assert 0.5 < found["known"].iloc[1] < 0.8
    assert found["basis"].tolist()[1:] == ["partial", "firmographic"]


def test_confidence_falls_with_what_is_unknown(model, accounts):
    rng = np.random.default_rng(0)
    names = NUMERIC + CATEGORICAL
    order = rng.random((len(accounts), len(names))).argsort(axis=1).argsort(axis=1)
    mean = []
    for hidden in range(1, 6):
        rows = accounts.assign(**accounts[names].mask(order < hidden))
        mean.append(model.predict(rows)["confidence"].mean())
    assert all(later < earlier for earlier, later in pairwise(mean)), mean


def test_what_is_not_known_does_not_decide_the_segment(model, packaged, accounts):
    """Rows with hidden cells get the answer that the training side gives."""
    rows = accounts[accounts["frequency"] >= 2].assign(monetary=np.nan).reset_index(drop=True)
    found = model.predict(rows)
    assert (found["basis"] == "partial").all()
    expected = packaged.partial.predict_proba(packaged.space, packaged.segmenter, rows)
    np.testing.assert_allclose(found["confidence"], expected.max(axis=1), atol=1e-9)
    np.testing.assert_array_equal(found["segment_id"], expected.argmax(axis=1) + 11)


def test_unknown_values_are_no_reason(model, accounts):
    rows = accounts[accounts["frequency"] >= 2].head(50).assign(monetary=np.nan)
    reasons = model.predict(rows)[["reason_1", "reason_2", "reason_3"]]
    assert not reasons.apply(lambda column: column.str.startswith("Revenue")).any(axis=None)


def test_fewer_columns_on_demand(model, accounts):
    wanted = ["segment_name", "account_id"]
    assert list(model.predict(accounts.head(2), params={"columns": wanted}).columns) == wanted
    with pytest.raises(MlflowException, match="no output column 'segment'"):
        model.predict(accounts.head(2), params={"columns": ["segment"]})


def test_without_ids_rows_are_numbered(model, accounts):
    found = model.predict(accounts.head(3).drop(columns="account_id"))
    assert list(found["account_id"]) == ["0", "1", "2"]


def test_a_table_without_any_feature_is_refused(model, accounts):
    with pytest.raises(MlflowException, match=r"None of the model's feature columns.*frequency"):
        model.predict(accounts[["account_id"]])


def test_an_infinite_number_is_refused_by_column_and_row(model, accounts):
    bad = accounts.head(3).copy()
    bad.loc[1, "monetary"] = np.inf
    with pytest.raises(MlflowException, match="'monetary' is infinite in row 1"):
        model.predict(bad)
    many = pd.concat([accounts.head(3)] * (assigning.CHUNK // 3 + 2), ignore_index=True)
    many.loc[assigning.CHUNK + 2, "monetary"] = np.inf
    with pytest.raises(MlflowException, match=f"'monetary' is infinite in row {assigning.CHUNK + 2};"):
        model.predict(many)


def test_a_text_among_numbers_is_refused_by_column(model, accounts):
    with pytest.raises(MlflowException, match="'monetary' must hold numbers"):
        model.unwrap_python_model().predict(None, accounts.head(2).assign(monetary="much"))


@pytest.mark.parametrize(
    "name",
    [
        "space.onnx",
        "segmenter.onnx",
        "prospect.onnx",
        "catalogue.json",
        "digests.json",
        "segment_model.py",
        *segment_model.CODE,
    ],
)
@pytest.mark.parametrize("place", [0.1, 0.9])
def test_one_changed_byte_in_any_file_is_refused(saved, tmp_path, name, place):
    copy = tmp_path / "model"
    shutil.copytree(saved, copy)
    file = copy / name if name == segment_model.ENTRY else copy / "artifacts" / name
    content = bytearray(file.read_bytes())
    position = int(len(content) * place)
    content[position] ^= 1
    file.write_bytes(content)
    with pytest.raises(
        Exception, match=rf"{name} is not the one|digests\.json is not the one|Failed to run user code"
    ):
        mlflow.pyfunc.load_model(str(copy))
    with pytest.raises(Exception, match=f"{name} is not the one|digests.json is not the one"):
        check(copy)


@pytest.mark.parametrize("name", ["space.onnx", "prospect.onnx"])
def test_a_missing_file_is_refused(packaged, name):
    files = {file.name: file for file in packaged.folder.iterdir() if file.suffix and file.name != name}
    with pytest.raises(MlflowException, match=f"{name} is not the one"):
        segment_model.verified(files, None)


def test_an_additional_file_is_refused(packaged, tmp_path):
    (tmp_path / "more.onnx").write_bytes(b"x")
    package = [file for file in packaged.folder.iterdir() if file.suffix]
    files = {file.name: file for file in [*package, tmp_path / "more.onnx"]}
    with pytest.raises(MlflowException, match=r"more\.onnx is not the one"):
        segment_model.verified(files, None)


def test_a_model_without_second_path_scores_prospects_by_what_is_known(packaged, accounts, tmp_path):
    shutil.copytree(packaged.folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "prospect.onnx").unlink()
    digests = (tmp_path / "digests.json").read_text().splitlines()
    (tmp_path / "digests.json").write_text("\n".join(line for line in digests if "prospect" not in line))
    files = {
        file.stem: str(file)
        for file in tmp_path.iterdir()
        if file.suffix in (".onnx", ".json") or file.name in segment_model.CODE
    }
    alone = segment_model.SegmentModel()
    alone.load_context(SimpleNamespace(artifacts=files, model_config={}))
    found = alone.predict(None, accounts.head(5)[["account_id", *PROSPECT]])
    assert (found["basis"] == "partial").all()
    assert found["segment_id"].isin([11, 12, 13, 14]).all()
