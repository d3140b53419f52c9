"""A model is asked only about tables like those that it was trained on."""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace

import pytest

from segmentwerk.core.errors import ConfigError, ModelError
from segmentwerk.core.settings import QualitySettings, SourceSettings
from segmentwerk.preparation import known


def loaded(folder, **meta):
    return SimpleNamespace(folder=folder, uri="models:/m/1", catalogue=SimpleNamespace(meta=meta))


def opened(folder, as_of=None, currency="EUR", **meta):
    source = SourceSettings(name="shop", currency=currency, outcome_until=date(2026, 1, 1))
    model = loaded(folder, currency="EUR", **meta)
    with known.open_as_trained(source, as_of, QualitySettings(), model, None, home=folder) as accounts:
        return accounts


def test_a_model_that_does_not_say_how_its_features_are_built_is_refused(tmp_path):
    with pytest.raises(ModelError, match="does not say how") as refused:
        opened(tmp_path)
    assert "segmentwerk compare" in str(refused.value)


@dataclass(frozen=True)
class Led:
    active: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opened:
    source: SourceSettings
    wanted: object
    learned: object
    level: str
    table: Led = Led()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A package with definitions; what is read by them is told, not done."""
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "definitions.json").write_text('{"kept": 1}')
    seen = SimpleNamespace(path=tmp_path, insisted=[])

    @contextmanager
    def opening(source, rules, wanted, context, *, home, learned, level):
        yield Opened(source, wanted, learned, level)

    monkeypatch.setattr(known, "open_accounts", opening)
    monkeypatch.setattr(known.definitions, "restore", lambda kept: ("wanted", kept))
    monkeypatch.setattr(known.definitions, "insist", lambda kept, table: seen.insisted.append((kept, table)))
    return seen


def test_money_of_another_currency_is_refused(folder):
    with pytest.raises(ConfigError, match="is in CHF") as refused:
        opened(folder.path, currency="CHF")
    assert "source.currency=EUR" in str(refused.value)


def test_tables_are_built_by_the_model_s_definitions_and_held_against_them(folder):
    accounts = opened(folder.path, currency="EUR")
    assert (accounts.wanted, accounts.learned) == ("wanted", {"kept": 1})
    assert folder.insisted == [({"kept": 1}, Led())]
    assert (accounts.level, accounts.table.active) == ("account", ())
    assert accounts.source.outcome_until == date(2026, 1, 1)


def test_companies_and_what_leads_are_those_of_the_training(folder):
    (folder.path / "artifacts" / "definitions.json").write_text('{"level": "family"}')
    accounts = opened(folder.path, active=["needs"])
    assert (accounts.level, accounts.table.active) == ("family", ("needs",))


def test_another_date_looks_back_only(folder):
    source = opened(folder.path, as_of=date(2025, 5, 1)).source
    assert (source.as_of, source.outcome_until) == (date(2025, 5, 1), None)
