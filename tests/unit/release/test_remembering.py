"""What a version remembers of its training: under its digests, aggregates only, read again as it was."""

import json

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.errors import ModelError
from segmentwerk.core.reference import FILE, Reference
from segmentwerk.registry.package import sha256
from segmentwerk.release.standing import measures


@pytest.fixture
def remembered(packed):
    return Reference.read((packed.folder / FILE).read_bytes(), "m")


def test_it_lies_in_the_package_under_its_digest(packed):
    digests = json.loads((packed.folder / "digests.json").read_text())
    assert digests[FILE] == sha256(packed.folder / FILE)


def test_it_counts_the_training(remembered, prepared, packed):
    table = prepared.table
    assert (remembered.accounts, remembered.customers) == (len(table.orders), len(table.customers))
    said = pd.read_parquet(packed.assignments).set_index("account_id").loc[table.customers]
    counts = said["segment_id"].value_counts().to_dict()
    assert {key: n for key, n in remembered.answers.segments.items() if n} == counts
    assert remembered.answers.outliers == said["is_outlier"].sum()
    assert remembered.outcome_days == 181
    assert set(remembered.measures) == {"gain", "agreement", "explained"}


def test_each_number_is_binned_whole(remembered, prepared):
    customers = prepared.table.features.loc[prepared.table.customers]
    for name, one in remembered.numbers.items():
        assert sum(one.counts) + one.unknown == len(customers), name
        assert len(one.counts) == len(one.edges) + 1


def test_no_account_and_no_exact_value_stands_in_it(packed, prepared):
    text = (packed.folder / FILE).read_text(encoding="utf-8")
    assert not [name for name in prepared.table.features.index if f'"{name}"' in text]
    largest = prepared.table.features["monetary"].max()
    assert repr(float(largest)) not in text
    levels = json.loads(text)["levels"]
    assert min(count for one in levels.values() for count in one["counts"].values()) >= 5


def test_a_damaged_one_is_refused():
    with pytest.raises(ModelError, match=r"reference\.json of m cannot be read"):
        Reference.read(b"{}", "m")


def test_a_later_release_may_say_more(packed):
    content = json.loads((packed.folder / FILE).read_text())
    assert Reference.read(json.dumps(content | {"news": 1}).encode(), "m").accounts == content["accounts"]


def blobs(n=600):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    x = rng.standard_normal((n, 3)) + 6 * np.eye(3)[labels]
    return pd.DataFrame(x, [f"a{place:04d}" for place in range(n)], ["x", "y", "z"]), labels


def test_groups_stand_and_shuffled_ones_do_not():
    space, labels = blobs()
    found = measures(space, {}, labels, seed=0)
    assert found["agreement"].value > 0.95
    assert found["gain"].value > 0.3
    shuffled = measures(space, {}, np.random.default_rng(1).permutation(labels), seed=0)
    assert shuffled["agreement"].value < 0.05
    assert shuffled["gain"].value < 0


def test_too_few_accounts_are_not_measured():
    space, labels = blobs(60)
    assert measures(space, {}, labels, seed=0) == {}
