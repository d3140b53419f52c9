"""The forecast against a chain that is known, and its right to be shown against data without one."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.monitoring.forecast import Backtest, ForecastDate, alike, backtest, forecast
from segmentwerk.monitoring.movement import ABSENT, OUTSIDE, Movement

CHAIN = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.0, 0.1, 0.9]])
BEGIN = date(2024, 1, 1)


def walk(rng, now, periods, chain=CHAIN, entries=20, days=90):
    """Movements of customers who follow a chain, with some that come into the first segment each time."""
    found, segments = [], [1, 2, 3]
    index = pd.Index([*segments, *OUTSIDE], name="before")
    for place in range(periods):
        table = pd.DataFrame(0, index, index.rename("after"))
        for row, segment in enumerate(segments):
            table.loc[segment, segments] = rng.multinomial(now[row], chain[row])
        table.loc[ABSENT, 1] = entries
        start = BEGIN + timedelta(days * place)
        found.append(Movement(start, start + timedelta(days), table, table * 1.0, table * 1.0))
        now = found[-1].after.to_numpy()
    return found


def test_the_mean_is_that_of_the_chain():
    seen = walk(np.random.default_rng(1), [4000, 3000, 3000], 4)
    found = forecast(seen, seed=0)
    now = seen[-1].after.to_numpy()
    expected = now @ CHAIN + np.array([20, 0, 0])
    np.testing.assert_allclose(found.shares["share"], expected / expected.sum(), atol=0.01)
    assert found.until == seen[-1].until + timedelta(90)
    np.testing.assert_allclose(found.shares["today"], now / now.sum())
    assert found.shares["share"].sum() == pytest.approx(1.0)


def test_intervals_hold_what_happens():
    held = total = 0
    for seed in range(60):
        seen = walk(np.random.default_rng(seed), [300, 300, 300], 4)
        told, truth = forecast(seen[:3], seed=seed).shares, seen[3].after / seen[3].after.sum()
        held += int(((told["low"] <= truth) & (truth <= told["high"])).sum())
        total += 3
    assert held / total >= 0.9


def test_a_chain_far_from_rest_is_forecast_better_than_as_today():
    found = backtest(walk(np.random.default_rng(2), [2000, 200, 200], 5), seed=0)
    assert found.shown
    assert found.error < found.as_today / 2
    assert len(found.dates) == 4


def test_where_nothing_flows_as_today_is_as_good_and_nothing_is_shown():
    """The shares swing to and fro: what was seen last tells the wrong way."""
    rng, there = np.random.default_rng(4), np.array([[0.6, 0.4, 0], [0, 1, 0], [0, 0, 1.0]])
    back = np.array([[1.0, 0, 0], [0.45, 0.55, 0], [0, 0, 1]])
    now, seen = [500, 500, 500], []
    for place in range(4):
        (one,) = walk(rng, now, 1, chain=back if place % 2 else there, entries=0)
        shift = timedelta(90 * place)
        seen.append(
            Movement(one.since + shift, one.until + shift, one.accounts, one.money_before, one.money_after)
        )
        now = one.after.to_numpy()
    assert not backtest(seen[:3], seed=0).shown


def test_intervals_that_held_too_little_are_not_shown():
    def date_of(covered):
        return ForecastDate(BEGIN, 0.01, 0.05, covered, 5)

    assert Backtest((date_of(4), date_of(4))).shown
    assert not Backtest((date_of(4), date_of(3))).shown
    assert not Backtest((date_of(5),)).shown


def test_one_movement_forecasts_but_shows_nothing():
    seen = walk(np.random.default_rng(2), [500, 20, 20], 1)
    assert not backtest(seen, seed=0).shown
    assert forecast(seen, seed=0).shares["share"].sum() == pytest.approx(1.0)


def test_the_same_seed_gives_the_same():
    seen = walk(np.random.default_rng(2), [100, 20, 20], 3)
    pd.testing.assert_frame_equal(forecast(seen, seed=5).shares, forecast(seen, seed=5).shares)


def test_an_empty_segment_stays_empty_unless_somebody_comes():
    seen = walk(np.random.default_rng(2), [100, 0, 0], 1, chain=np.eye(3), entries=0)
    assert forecast(seen, seed=0).shares.loc[2, "high"] <= 0.02


def test_periods_are_alike_or_not():
    seen = walk(np.random.default_rng(2), [100, 20, 20], 3)
    assert alike(seen)
    last = seen[-1]
    long = Movement(
        last.since, last.since + timedelta(400), last.accounts, last.money_before, last.money_after
    )
    assert not alike([*seen[:2], long])


def test_nothing_to_forecast_from():
    with pytest.raises(InputError, match="at least two dates"):
        forecast([], seed=0)
