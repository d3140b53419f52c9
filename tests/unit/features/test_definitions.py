"""What a model keeps of its features, and that a change of them shows."""

import json

import pytest

from segmentwerk.core.errors import ModelError
from segmentwerk.core.settings import FeatureSettings
from segmentwerk.features import definitions, levels
from segmentwerk.features.definitions import insist, keep, restore


@pytest.fixture(scope="module")
def kept(table, settings):
    return json.loads(json.dumps(keep(table, settings)))


def test_the_same_definitions_are_accepted_and_come_back(kept, table, settings):
    wanted, learned = restore(kept)
    assert wanted == FeatureSettings(sites=settings.sites)
    assert learned == json.loads(json.dumps(table.definitions))
    insist(kept, table)


def test_the_made_up_accounts_tell_features_apart(kept):
    values = {name: {repr(value) for value in column} for name, column in kept["made_up"].items()}
    assert len(values) >= 48
    assert [name for name, found in values.items() if len(found) < 2] == []


def test_a_changed_expression_names_its_features_only(kept, monkeypatch):
    def lines(tables):
        found = original(tables)
        return found.mutate(amount=found.amount * 2)

    original = levels._lines
    monkeypatch.setattr(levels, "_lines", lines)
    with pytest.raises(ModelError, match=r"built unlike when the model was trained: .*monetary") as caught:
        restore(kept)
    assert "frequency" not in str(caught.value)
    assert "segmentwerk compare" in str(caught.value)


def test_a_feature_that_is_gone_is_named(kept):
    kept = {**kept, "made_up": {**kept["made_up"], "horoscope": [1.0] * definitions.ACCOUNTS}}
    with pytest.raises(ModelError, match="horoscope"):
        restore(kept)


def test_another_setting_counts_as_a_change(kept):
    with pytest.raises(ModelError, match="site_distance_km"):
        restore({**kept, "settings": {"sites": {"Berlin": [10.0, 10.0]}}})


def test_another_unit_is_named(kept, table):
    other = {"declared": {**kept["declared"], "monetary": {"unit": "cents"}}}
    with pytest.raises(ModelError, match="unit of feature 'monetary' is 'money', in training 'cents'"):
        insist(other, table)
