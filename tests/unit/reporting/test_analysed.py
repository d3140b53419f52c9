"""What the analyst's methods add to the report: what the data allows, in both languages, without an id."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segmentwerk.insight.language import Language
from segmentwerk.preparation.method_rows import MethodRows
from segmentwerk.reporting import analysed
from segmentwerk.reporting.analysed import Asking

NAMES = {1: "Erste", 2: "Zweite"}
ACCOUNTS = [f"secret-{n:03d}" for n in range(120)]
SEGMENTS = pd.Series(np.repeat([1, 2], 60), index=ACCOUNTS)


@pytest.fixture(scope="module")
def evidence():
    """The first segment buys items 0 to 4 and minds the price; items of the survey have one factor."""
    rng = np.random.default_rng(0)
    rows = [
        (account, "category", f"item {item}", 1.0)
        for account, segment in SEGMENTS.items()
        for item in range(10)
        if rng.random() < (0.8 if (item < 5) == (segment == 1) else 0.1)
    ]
    bought = pd.DataFrame(rows, columns=["account_id", "kind", "item", "count"])
    common = rng.standard_normal((120, 1))
    answers = pd.DataFrame(common + rng.standard_normal((120, 5)), index=ACCOUNTS, columns=list("abcde"))
    x = rng.uniform(0, 1, (120, 6, 3, 2))
    betas = np.where(SEGMENTS.to_numpy()[:, None] == 1, [[-3.0, 0.5]], [[-0.5, 3.0]])
    utility = np.einsum("atkp,ap->atk", x, betas) + rng.gumbel(size=x.shape[:3])
    rows = [
        (ACCOUNTS[a], str(t), str(k), name, x[a, t, k, p], float(utility[a, t].argmax() == k))
        for a, t, k in np.ndindex(utility.shape)
        for p, name in enumerate(["price", "speed"])
    ]
    columns = ["account", "task_id", "alternative_id", "attribute", "value", "chosen"]
    return MethodRows(bought, answers, pd.DataFrame(rows, columns=columns))


def asking(known, code="en"):
    rng = np.random.default_rng(1)
    features = pd.DataFrame(rng.standard_normal((120, 3)), index=ACCOUNTS, columns=["a", "b", "recency_days"])
    features["a"] += 4 * SEGMENTS
    catalogue = [SimpleNamespace(name=name, kind="numeric") for name in features]
    table = SimpleNamespace(source="s", features=features, catalogue=catalogue)
    return Asking(SimpleNamespace(rows=known, table=table), SEGMENTS, NAMES, Language(code), 0)


@pytest.mark.parametrize("code", ["en", "de"])
def test_each_method_that_the_data_allows_has_a_section(evidence, code):
    found = {one.method: one for one in analysed.sections(asking(evidence, code))}
    assert list(found) == list(analysed.METHODS)
    assert [figure.name for one in found.values() for figure in one.figures] == ["segment_map", "product_map"]
    (_, worths), (_, importance) = found["conjoint"].grids
    assert [row[0] for row in worths.rows] == ["price", "speed"]
    assert [row[0] for row in importance.rows] == list(NAMES.values())
    assert {row[0] for row in found["affinity"].grids[0][1].rows} == set(NAMES.values())
    assert "secret-" not in str(found)


def test_what_the_data_does_not_allow_is_left_out(evidence):
    assert [one.method for one in analysed.sections(asking(MethodRows()))] == ["segment_map"]
    few = MethodRows(answers=evidence.answers.iloc[:40], choices=evidence.choices.iloc[:60])
    assert [one.method for one in analysed.sections(asking(few))] == ["segment_map"]


def test_a_large_table_is_sampled_and_always_alike():
    ids = pd.Index([f"a{n}" for n in range(3 * analysed.MOST)])
    one, two = (asking(MethodRows()).few(ids) for _ in range(2))
    assert len(one) == analysed.MOST
    assert list(one) == list(two)
    assert len(asking(MethodRows()).few(ids[:10])) == 10
