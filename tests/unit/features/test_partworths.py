"""Part-worths on made-up choices whose truth is known, and on a published study."""

import os
from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segmentwerk.core.settings import ChoicesSettings, FeatureSettings
from segmentwerk.core.types import Window
from segmentwerk.data.choice_sets import completed
from segmentwerk.features import partworths
from segmentwerk.features.declare import CannotLearnError
from segmentwerk.features.table import build

DATA = Path(os.environ.get("SEGMENTWERK_DATA", Path(__file__).parents[4] / "shared" / "data"))
STUDY = DATA / "choice_xlogit" / "xlogit_electricity_long.csv.gz"
NAMES = ["price", "speed"]
LEARNED = {"attributes": NAMES, "mean": [-1.0, 0.5], "spread": [0.8, 1.0], "made_up": 256, "told": NAMES}


def tables(choices):
    accounts = pd.DataFrame({"account_id": [*choices["account_id"].unique(), "silent"]})
    frames = {"accounts": accounts, "choices": choices}
    return {name: ibis.memtable(pa.Table.from_pandas(f, preserve_index=False)) for name, f in frames.items()}


def make(choices, learned=None):
    window = Window(date(2024, 1, 1))
    return build(tables(choices), window, FeatureSettings(), source="s", digest="0", learned=learned)


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(2)
    return np.array(LEARNED["mean"]) + rng.standard_normal((150, 2)) * LEARNED["spread"]


@pytest.fixture(scope="module")
def choices(truth):
    """150 accounts choose 12 times among two or three alternatives."""
    rng = np.random.default_rng(3)
    rows = []
    for account, worth in enumerate(truth):
        for task in range(12):
            x = rng.uniform(-2, 2, (2 + task % 2, 2))
            chosen = np.argmax(x @ worth + rng.gumbel(size=len(x)))
            for alternative, values in enumerate(x):
                for name, value in zip(LEARNED["attributes"], values, strict=True):
                    rows.append(
                        (f"{account:03d}", task, alternative, float(alternative == chosen), name, value)
                    )
    columns = ["account_id", "task_id", "alternative_id", "chosen", "attribute", "value"]
    return pd.DataFrame(rows, columns=columns).astype({"task_id": str, "alternative_id": str})


def test_known_parameters_give_each_account_its_own(choices, truth):
    table = make(choices, learned={"partworths": LEARNED})
    assert table.names() == ["partworth_1", "partworth_2"]
    assert [feature.description for feature in table.catalogue] == [
        "Part-worth of price.",
        "Part-worth of speed.",
    ]
    found = table.features.iloc[:150].to_numpy()
    for k in range(2):
        assert np.corrcoef(found[:, k], truth[:, k])[0, 1] > 0.8
    assert found.mean(axis=0) == pytest.approx(truth.mean(axis=0), abs=0.1)
    assert table.features.loc["silent"].isna().all()


def test_expected_part_worths_by_hand():
    """Two made-up accounts; one choice between (1, 0) and (0, 1), the first taken."""
    index = pd.MultiIndex.from_tuples([("a", "t", "0"), ("a", "t", "1")], names=["account", "task_id", "alt"])
    alternatives = pd.DataFrame({"p": [1.0, 0.0], "q": [0.0, 1.0], "chosen": [1.0, 0.0]}, index=index)
    made_up = np.array([[1.0, 0.0], [0.0, 1.0]])
    likely = 1 / (1 + np.exp(-1))
    found = partworths._expected(alternatives, ["p", "q"], made_up)
    assert found.tolist() == [pytest.approx([likely, 1 - likely])]


def test_an_account_alone_gets_the_same(choices):
    kept = {"partworths": LEARNED}
    everybody = make(choices, learned=kept).features
    alone = make(choices[choices["account_id"] == "007"], learned=kept).features
    pd.testing.assert_frame_equal(alone.loc[["007"]], everybody.loc[["007"]], rtol=1e-12)


def test_tasks_without_exactly_one_choice_are_left_out(choices):
    spoilt = choices.copy()
    spoilt.loc[(spoilt["account_id"] == "000") & (spoilt["task_id"] == "3"), "chosen"] = 1.0
    kept = {"partworths": LEARNED}
    fewer = choices[(choices["account_id"] != "000") | (choices["task_id"] != "3")]
    pd.testing.assert_frame_equal(make(spoilt, kept).features, make(fewer, kept).features, rtol=1e-12)


def test_too_few_accounts(choices):
    few = choices[choices["account_id"] < "010"]
    order = ["task_id", "alternative_id", "attribute"]
    rows = few.sort_values(order).groupby("account_id")[[*order, "value", "chosen"]].agg(list)
    with pytest.raises(CannotLearnError, match="10 accounts with choices"):
        partworths.learn(rows.add_prefix("choice:"))


def test_the_truth_is_recovered(choices):
    learned = make(choices).definitions["partworths"]
    assert learned["attributes"] == LEARNED["attributes"]
    assert learned["mean"] == pytest.approx(LEARNED["mean"], abs=0.25)
    assert learned["spread"] == pytest.approx(LEARNED["spread"], abs=0.25)


def test_what_is_worth_the_same_to_all_is_no_feature():
    """Accounts differ in the price alone; the speed is worth 1 to each."""
    rng = np.random.default_rng(5)
    x = rng.uniform(-2, 2, (100, 8, 2, 2))
    worths = np.stack([rng.normal(-1.0, 1.2, 100), np.ones(100)], axis=1)
    chosen = (np.einsum("atkp,ap->atk", x, worths) + rng.gumbel(size=x.shape[:3])).argmax(axis=2)
    rows = [
        (f"{a:03d}", str(t), str(k), float(chosen[a, t] == k), NAMES[p], x[a, t, k, p])
        for a, t, k, p in np.ndindex(x.shape)
    ]
    columns = ["account_id", "task_id", "alternative_id", "chosen", "attribute", "value"]
    table = make(pd.DataFrame(rows, columns=columns))
    assert table.definitions["partworths"]["attributes"] == NAMES
    assert [feature.parts for feature in table.catalogue] == [("price",)]
    assert np.corrcoef(table.features["partworth_1"][:100], worths[:, 0])[0, 1] > 0.7


def as_differences(choices):
    """The choices between two alternatives as one row: the first alternative less the second."""
    pairs = choices[(choices["task_id"].astype(int) % 2 == 0)]
    first, second = (
        pairs[pairs["alternative_id"] == one].set_index(["account_id", "task_id", "attribute"])
        for one in ("0", "1")
    )
    apart = first.assign(value=first["value"] - second["value"]).reset_index()
    return apart[choices.columns]


def test_differences_and_pairs_are_worth_the_same(choices):
    pairs = choices[(choices["task_id"].astype(int) % 2 == 0)]
    whole = completed(tables(as_differences(choices)), ChoicesSettings(form="difference"))
    one = make(pairs)
    window = Window(date(2024, 1, 1))
    other = build(whole, window, FeatureSettings(), source="s", digest="0")
    pd.testing.assert_frame_equal(one.features, other.features, atol=1e-4)


def test_taking_nothing_has_a_part_worth(choices):
    """Who took the second alternative took nothing instead, which pays a price of nothing."""
    left = choices[choices["alternative_id"] == "0"]
    whole = completed(tables(left), ChoicesSettings(none=True))
    found = build(whole, Window(date(2024, 1, 1)), FeatureSettings(), source="s", digest="0")
    assert found.definitions["partworths"]["attributes"] == ["none", *LEARNED["attributes"]]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda frame: frame.assign(value=1.0), "0 attributes vary"),
        (lambda frame: frame.assign(value=frame["chosen"]), "told by the ones before it"),
        (
            lambda frame: frame.assign(
                value=frame["value"].where(frame["attribute"] != "price", frame["chosen"])
            ),
            "follow 'price' without exception",
        ),
    ],
    ids=["constant", "alike", "without exception"],
)
def test_choices_that_tell_no_part_worths_leave_the_features_out(choices, spoil, reason, caplog):
    with caplog.at_level("INFO"):
        table = make(spoil(choices))
    assert table.names() == []
    assert reason in caplog.text


@pytest.mark.slow
@pytest.mark.skipif(not STUDY.exists(), reason="the real data sets are not here")
def test_the_electricity_study_as_published():
    """Estimates and standard errors of Train & Hudson's data that xlogit's authors publish (600 draws)."""
    published = {
        "cl": (-0.2355, 0.0220),
        "loc": (2.2308, 0.1164),
        "pf": (-0.9996, 0.0331),
        "seas": (-9.7893, 0.2913),
        "tod": (-9.6067, 0.3113),
        "wk": (1.6252, 0.0919),
    }
    wide = pd.read_csv(STUDY).rename(columns={"id": "account_id", "alt": "alternative_id"})
    wide = wide.rename(columns={"chid": "task_id", "choice": "chosen"})
    keys = ["account_id", "task_id", "alternative_id"]
    long = wide.melt([*keys, "chosen"], var_name="attribute", value_name="value")
    table = make(long.astype(dict.fromkeys(keys, str)))
    learned = table.definitions["partworths"]
    for name, mean in zip(learned["attributes"], learned["mean"], strict=True):
        estimate, error = published[name]
        assert abs(mean - estimate) < 2 * error, name
    assert table.features.notna().all(axis=1).sum() == 361
