"""The order of the segments, how sure it is, the focus, and the order within a segment."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from segmentwerk.activation import figures, priorities
from segmentwerk.activation.figures import Book
from segmentwerk.activation.priorities import focus, rank, within
from segmentwerk.core.activation_settings import ActivationSettings
from segmentwerk.core.errors import ConfigError


def book(n=(40, 40, 40), potential=(10.0, 20.0, 30.0), revenue=(300.0, 200.0, 100.0), spread=0.0, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(n)), n)
    noise = 1.0 + spread * rng.standard_normal(len(codes))
    ids = pd.Index([f"a{i:03d}" for i in range(len(codes))], name="account_id")
    frame = pd.DataFrame({"accounts": 1.0, "customers": 1.0, "prospects": 0.0}, index=ids)
    frame["revenue"], frame["potential"] = (
        np.array(revenue)[codes] * noise,
        np.array(potential)[codes] * noise,
    )
    frame["recency_days"] = np.arange(len(codes)) % 7
    return Book(frame, date(2026, 1, 1)), pd.Series(codes + 1, index=ids)


def ranked(weights, **more):
    made, ids = book(**more)
    return rank(made, ids, weights, n_bootstrap=50, seed=0)


def test_the_weights_decide():
    assert ranked({"potential": 1.0}).segments.index.tolist() == [3, 2, 1]
    assert ranked({"potential": 1.0, "revenue": 3.0}).segments.index.tolist() == [1, 2, 3]
    assert ranked({"potential": -1.0}).segments.index.tolist() == [1, 2, 3], "below 0: the lower, the sooner"


def test_the_score_by_hand():
    table = ranked({"potential": 2.0, "revenue": 1.0}).segments
    assert table.loc[3, "score"] == pytest.approx((2 * 1.0 + 0.0) / 3)
    assert table.loc[2, "score"] == pytest.approx((2 * 0.5 + 0.5) / 3)


def test_a_clear_order_is_sure_and_a_close_one_is_not():
    clear = ranked({"potential": 1.0}, n=(400, 400, 400), spread=0.01).segments
    assert (clear["rank_low"] == clear["rank"]).all()
    assert clear.loc[3, "first"] == 1.0
    close = ranked({"potential": 1.0}, potential=(10.0, 10.05, 10.1), spread=0.5).segments
    assert (close["rank_high"] > close["rank_low"]).all()


def test_changed_weights_show_where_the_order_hangs_by_them():
    table = ranked({"potential": 1.0, "revenue": 1.1}).segments
    assert table.loc[1, "rank"] == 1
    assert table.loc[1, ["weights_low", "weights_high"]].tolist() == [1, 3]


def test_the_order_does_not_depend_on_the_rows():
    made, ids = book(spread=0.5)
    shuffled = ids.sample(frac=1.0, random_state=1)
    one, other = (rank(made, some, {"potential": 1.0}, n_bootstrap=50, seed=0) for some in (ids, shuffled))
    pd.testing.assert_frame_equal(one.segments, other.segments)


def test_growth_from_nothing_does_not_drown_the_others():
    sums = {
        "accounts": np.ones(3),
        "revenue": np.array([100.0, 110.0, 150.0]),
        "revenue_before": np.array([0.1, 100.0, 100.0]),
    }
    scaled = priorities._comparable(figures.figures(sums), "growth")
    assert scaled[0] == 1.0
    assert scaled[2] - scaled[1] > 0.1


def test_an_unknown_figure_is_named():
    with pytest.raises(ConfigError, match=r"'potentail'.*Did you mean 'potential'"):
        ranked({"potentail": 1.0})
    with pytest.raises(ConfigError, match=r"tells nothing .*margin.*Known: revenue, potential"):
        ranked({"margin": 1.0})
    assert ranked({"margin": 1.0, "revenue": 1.0}).left_out == ("margin",)


def chosen(capacity=None, share=0.6, **more):
    made, ids = book(**more)
    table = figures.by_segment(made, ids)
    settings = ActivationSettings(capacity=capacity, focus_share=share)
    return focus(rank(made, ids, {"potential": 1.0}, n_bootstrap=20, seed=0), table, settings)


def test_the_fewest_segments_that_hold_the_share():
    found = chosen(share=0.5)
    assert [number for number, stance in found.stances.items() if stance == "focus"] == [3]
    assert (found.by, found.share, found.accounts, found.within) == ("potential", 0.5, 40, True)
    assert sum(stance == "focus" for stance in chosen(share=0.8).stances.values()) == 2


def test_the_capacity_limits_the_focus():
    found = chosen(capacity=50, share=0.8)
    assert [number for number, stance in found.stances.items() if stance == "focus"] == [3]
    assert not found.within
    nothing_fits = chosen(capacity=10)
    assert nothing_fits.stances[3] == "focus"
    assert not nothing_fits.within


def test_a_segment_that_brings_nothing_is_let_go():
    found = chosen(potential=(1.0, 20.0, 30.0), revenue=(1.0, 200.0, 300.0), share=0.5)
    assert found.stances == {3: "focus", 2: "keep", 1: "let_go"}


def test_within_a_segment_potential_confidence_and_recency_count_alike():
    rows = pd.DataFrame(
        {"segment_id": [1, 1, 1, 2, -1], "confidence": [0.9, 0.8, 0.1, 0.5, 0.0]}, index=list("abcde")
    )
    made = Book(
        pd.DataFrame(
            {"potential": [9.0, 5.0, 1.0, 1.0, 1.0], "recency_days": [1, 2, 3, 1, 1]}, index=list("abcde")
        ),
        date(2026, 1, 1),
    )
    assert within(made, rows).to_dict() == {"a": 1, "b": 2, "c": 3, "d": 1}
