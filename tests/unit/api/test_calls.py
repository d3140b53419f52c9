"""From Python to the configuration: the command line's keys, checks and errors, and nothing left behind."""

import asyncio
import logging
import os
import signal
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra.core.global_hydra import GlobalHydra

import segmentwerk as sw
from segmentwerk.api import calls, in_memory
from segmentwerk.config import CompareSettings, DataSettings, ScoreSettings
from segmentwerk.core.errors import ConfigError, InputError

ACCOUNTS = pd.DataFrame(
    {
        "account_id": [f"Customer-{number:03d}" for number in range(60)],
        "industry": ["steel", "food", "paper"] * 20,
        "employees": np.linspace(5, 900, 60),
        "annual_revenue": np.geomspace(1e5, 1e8, 60),
        "country": ["DE", "AT"] * 30,
    }
)
AS_OF = {"source__as_of": date(2026, 1, 1)}


def compared(**overrides):
    return calls.settings("compare", CompareSettings, calls.flat(overrides))


def test_three_ways_to_write_a_key_are_one():
    ways = ({"tuning": {"n_trials": 2}}, {"tuning__n_trials": 2}, {"tuning.n_trials": 2})
    assert [compared(**way).tuning.n_trials for way in ways] == [2, 2, 2]


def test_values_arrive_as_they_are(tmp_path):
    found = compared(
        home=tmp_path / "a b, {c}",
        source__as_of=date(2026, 1, 2),
        seed=np.int64(3),
        candidates=("kmeans", "rfm_grid"),
        source__description="Anna's [list], 'quoted' = 1",
        features__sites={"Köln, Dom": [50.9, 6.9]},
    )
    assert found.home == tmp_path / "a b, {c}"
    assert found.source.as_of == date(2026, 1, 2)
    assert found.seed == 3
    assert found.candidates == ["kmeans", "rfm_grid"]
    assert found.source.description == "Anna's [list], 'quoted' = 1"
    assert found.features.sites == {"Köln, Dom": (50.9, 6.9)}


def test_a_text_chooses_from_a_config_group():
    found = compared(goal="retention", source="csv_folder", experiments="thorough")
    assert found.goal.name == "retention"
    assert found.source.name == "csv_folder"
    assert (
        found.tuning.n_trials == compared(experiments="thorough").tuning.n_trials > compared().tuning.n_trials
    )


def test_a_folder_of_ones_own_sources(tmp_path):
    folder = tmp_path / "my conf, [1]" / "source"
    folder.mkdir(parents=True)
    (folder / "shop.yaml").write_text("name: shop\npath: Größe 1\n")
    found = compared(source="shop", config_dir=folder.parent)
    assert (found.source.name, found.source.path) == ("shop", Path("Größe 1"))
    (folder / "shop.yaml").write_text("# @package _global_\nseed: 4\n")
    with pytest.raises(sw.SegmentwerkError, match="_global_"):
        calls.run("compare", CompareSettings, {"source": "shop", "config_dir": str(folder.parent)})
    with pytest.raises(ConfigError, match="no folder"):
        compared(config_dir=tmp_path / "nowhere")


def test_a_key_that_the_file_leaves_out_can_be_set():
    assert compared(segmenters__autoencoder__params__epochs=4).segmenters["autoencoder"].params["epochs"] == 4


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"seeed": 3}, ["seeed", "'seed'"]),
        ({"tuning__n_trails": 3}, ["tuning.n_trails", "'n_trials'"]),
        ({"tuning": {"n_trials": "many"}}, ["tuning.n_trials", "integer"]),
        ({"goal": "retentoin"}, ["retentoin", "'retention'"]),
        ({"source": "nowhere"}, ["nowhere"]),
        ({"seed": object()}, ["seed", "object"]),
        ({"segmenter/kmeans": 1}, ["segmenter/kmeans"]),
        ({"registry__model_name": "b2b.segments"}, ["registry.model_name", "Allowed"]),
        ({"source__name": "${nowhere}"}, ["source.name", "nowhere"]),
    ],
)
def test_a_mistake_is_an_error_of_ours(overrides, words, home):
    with pytest.raises(sw.SegmentwerkError) as caught:
        sw.compare(home=home, **overrides)
    for word in words:
        assert word in str(caught.value)


def test_a_password_is_in_no_message(home):
    with pytest.raises(sw.SegmentwerkError) as caught:
        sw.compare("csv_folder", home=home, source__url="postgres://me:hidden-word@nowhere.invalid/d")
    assert "hidden-word" not in str(caught.value)


def test_an_error_leaves_the_process_as_it_was(home, monkeypatch, capfd):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///team.db")
    logger = logging.getLogger()

    def state():
        signals = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        logs = (logger.handlers[:], logger.level, logging.getLogRecordFactory())
        return signals, logs, dict(os.environ), GlobalHydra.instance().is_initialized()

    before = state()
    for _ in range(2):
        with pytest.raises(ConfigError):
            sw.load_source(ACCOUNTS, home=home, seeed=3)
        with pytest.raises(InputError):
            sw.load_source("csv_folder", home=home, source__path=home / "nowhere")
    assert state() == before
    assert capfd.readouterr().out == ""


def test_a_call_works_where_an_event_loop_runs(home):
    async def cell():
        return sw.load_source(ACCOUNTS, home=home, **AS_OF)

    assert len(asyncio.run(cell()).features) == 60


def test_a_frame_of_accounts_is_a_source(home):
    loaded = sw.load_source(ACCOUNTS, home=home, **AS_OF)
    assert loaded.features.index.tolist() == ACCOUNTS["account_id"].tolist()
    np.testing.assert_allclose(loaded.features["employees"], ACCOUNTS["employees"])
    assert {"employees", "industry"} <= set(loaded.catalogue["name"])
    assert loaded.as_of == date(2026, 1, 1)
    page = loaded._repr_html_() + repr(loaded)  # a notebook keeps both
    assert "60 customers" in page
    assert "accounts=60" in page
    assert not any(account in page for account in ACCOUNTS["account_id"])


def test_ids_may_be_the_index_and_orders_come_beside(home):
    ordered = pd.DataFrame(
        {
            "order_id": [f"o{number}" for number in range(120)],
            "account_id": ACCOUNTS["account_id"].tolist() * 2,
            "ordered_at": pd.date_range("2025-01-01", periods=120, freq="D"),
            "revenue": np.linspace(10, 500, 120),
        }
    )
    tables = {"accounts": ACCOUNTS.set_index("account_id"), "orders": ordered}
    loaded = sw.load_source(tables, home=home)
    assert len(loaded.customers) == 60
    assert loaded.as_of == date(2025, 5, 1), "the day after the last order"
    alone = sw.load_source(ordered, home=home)
    assert alone.features["frequency"].tolist() == loaded.features["frequency"].tolist()


def test_frames_lie_where_only_this_user_reads_them(home):
    first = in_memory.as_source(ACCOUNTS, home)
    assert first == in_memory.as_source(ACCOUNTS.copy(), home), "once for each content"
    assert first != in_memory.as_source(ACCOUNTS.assign(country="CH"), home)
    assert (home / "cache").stat().st_mode & 0o077 == 0
    assert Path(first["source.path"]).is_relative_to(home / "cache")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (ACCOUNTS.rename(columns={"account_id": "accountid"}), ["'account_id'", "'accountid'"]),
        ({"acounts": ACCOUNTS}, ["'acounts'", "'accounts'"]),
        (ACCOUNTS.assign(country=[1, "DE"] * 30), ["accounts", "'country'", "int and str"]),
        (pd.concat([ACCOUNTS, ACCOUNTS["country"]], axis=1), ["two columns", "'country'"]),
        (ACCOUNTS.to_numpy(), ["ndarray", "DataFrame"]),
        ({}, ["dict"]),
    ],
)
def test_a_frame_that_is_no_source_is_refused(given, words, home):
    with pytest.raises(InputError) as caught:
        sw.load_source(given, home=home, **AS_OF)
    for word in words:
        assert word in str(caught.value)


def test_accounts_without_a_date_are_refused_with_the_key(home):
    with pytest.raises(ConfigError, match=r"source\.as_of"):
        sw.load_source(ACCOUNTS, home=home)


def test_what_was_loaded_is_read_again_with_the_same_settings(home):
    loaded = sw.load_source(ACCOUNTS, home=home, **AS_OF)
    found = calls.settings("data", DataSettings, loaded.overrides)
    assert found.source.as_of == date(2026, 1, 1)
    assert (found.home, found.source.name) == (home, "frame")


def test_the_store_that_the_process_knew_is_known_again(home, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///team.db")
    with pytest.raises(sw.SegmentwerkError, match="no model"):
        sw.score(ACCOUNTS, home=home, tracking__uri=f"sqlite:///{home}/mlflow/mlflow.db")
    assert os.environ["MLFLOW_TRACKING_URI"] == "sqlite:///team.db"
    assert mlflow.get_tracking_uri() == "sqlite:///team.db"
    assert calls.settings("score", ScoreSettings, {}).tracking.uri.endswith("/team.db")
