"""The package says of every account what the segmenter says, or there is none."""

from dataclasses import replace

import pandas as pd
import pytest

from segmentwerk.core.errors import ModelError
from segmentwerk.release import portrait
from segmentwerk.release.packaging import _assign, _second_path


def test_every_account_is_assigned(packed, described, prepared):
    found = pd.read_parquet(packed.assignments).set_index("account_id")
    asked = pd.read_parquet(packed.accounts)
    assert set(found.index) == set(asked["account_id"]) == set(prepared.table.features.index)
    assert set(found.index[found["held_out"]]) == set(prepared.holdout)
    same = found.loc[described.labels.index, "segment_id"] == described.labels.map(described.identity.ids)
    assert same.mean() > 0.95  # of the others too little is known


def test_prospects_are_counted_where_there_are_any(packed, prepared):
    beyond = len(prepared.table.features) - len(prepared.table.customers)
    assert packed.prospects is not None
    assert 0 < packed.prospects.by_segment["accounts"].sum() <= beyond
    assert packed.prospects.accuracy == packed.prospect.accuracy


def test_where_nothing_is_known_of_prospects_they_have_no_path(described, packed, prepared, settings):
    blind = replace(prepared, view=replace(prepared.view, prospect_train=None, prospect_test=None))
    assert _second_path(blind, described.labels, settings) is None
    assert portrait.prospects(packed.assignments, prepared.table, None) is None


def test_a_package_that_disagrees_with_the_segmenter_is_refused(described, packed, prepared):
    turned = replace(described, labels=(described.labels + 1) % 3)
    with pytest.raises(ModelError, match="accounts unlike the segmenter"):
        _assign(packed.folder, turned, prepared, packed.partial)
