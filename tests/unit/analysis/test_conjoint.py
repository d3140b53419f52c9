"""Conjoint: published estimates, truth that was planted, and choices counted by hand."""

import numpy as np
import pandas as pd
import pytest

from segmentwerk.analysis import choice_model, conjoint, latent_classes, simulator
from segmentwerk.analysis.choice_model import ChoiceData
from segmentwerk.analysis.simulator import TOTAL
from segmentwerk.core import choices as shape
from segmentwerk.core.analysis_settings import ConceptsSettings, ConjointSettings
from segmentwerk.core.errors import ConfigError, FitError, InputError

QUICK = ConjointSettings(max_classes=1, folds=2, starts=1, mixed_draws=0, draws=400)
CLASSES = [[-3.0, 0.5, 0.0], [0.0, 3.0, 0.5], [-0.5, 0.0, 3.0]]
SHARES = [0.5, 0.3, 0.2]


def order_of(found):
    """For each planted class, the found one that comes nearest: classes have no names."""
    apart = np.abs(found.coefficients[None] - np.array(CLASSES)[:, None]).sum(axis=2)
    order = apart.argmin(axis=1)
    assert sorted(order) == [0, 1, 2]
    return order


def by_hand(rows, attributes):
    names = ["account", "task_id", "alternative_id", *attributes, "chosen"]
    return pd.DataFrame(rows, columns=names).set_index(names[:3])


def test_the_published_logit_of_swissmetro(swissmetro):
    found = choice_model.fit(conjoint.read(swissmetro))
    told = dict(zip(found.columns, found.coefficients, strict=True))
    for name, published in {"car": -0.155, "train": -0.701, "cost": -1.08, "time": -1.28}.items():
        assert told[name] == pytest.approx(published, rel=0.01)
    assert found.log_likelihood == pytest.approx(-5331.252, abs=0.001)
    assert (found.n_tasks, found.n_accounts) == (6768, 752)


def test_the_study_of_a_bank_in_differences(bank):
    options = QUICK.model_copy(update={"max_classes": 2, "folds": 2})
    found = conjoint.analyse(bank, None, options, seed=0)
    assert found.checks.chance == 0.5
    assert found.checks.halves > 0.9
    assert found.checks.aggregate > 0.75
    assert found.checks.classes > 0.75
    assert np.isnan(found.checks.mixed)
    assert found.held_out.chosen == 2
    assert found.importance.sum() == pytest.approx(1)


def test_gradient_and_hessian_are_those_of_differences(draw):
    data = conjoint.read(draw(CLASSES, SHARES, 40, seed=1)[0])
    beta, step = np.array([0.3, -0.2, 0.5]), 1e-5
    shares, _ = data.shares(beta)
    gradient = data.scores(shares).sum(axis=0)
    hessian = data.information(shares, np.ones(len(data.starts)))
    for place in range(3):
        move = np.eye(3)[place] * step
        up, down = (data.shares(beta + sign * move) for sign in (1, -1))
        assert gradient[place] == pytest.approx((up[1].sum() - down[1].sum()) / (2 * step), rel=1e-5)
        change = (data.scores(up[0]) - data.scores(down[0])).sum(axis=0) / (2 * step)
        assert -hessian[place] == pytest.approx(change, rel=1e-4, abs=1e-4)


def test_with_one_constant_the_part_worth_is_the_log_of_the_odds():
    """30 accounts choose a 20 times and b 10 times."""
    rows = []
    for n in range(30):
        rows += [(str(n), "t", "a", 1.0, float(n < 20)), (str(n), "t", "b", 0.0, float(n >= 20))]
    found = choice_model.fit(ChoiceData.of(by_hand(rows, ["a"])))
    assert found.coefficients == pytest.approx([np.log(2)])
    # The sandwich of independent answers: 1 / (n p q), times n / (n - 1).
    assert found.errors == pytest.approx([np.sqrt(1 / (30 * 2 / 9) * 30 / 29)])


def test_accounts_that_answer_everything_twice_are_not_twice_as_sure(draw):
    long = draw(CLASSES, SHARES, 80, seed=2)[0]
    again = long.assign(task_id=long["task_id"] + "again")
    one = choice_model.fit(conjoint.read(long))
    two = choice_model.fit(conjoint.read(pd.concat([long, again])))
    assert two.coefficients == pytest.approx(one.coefficients, abs=1e-4)
    assert two.errors == pytest.approx(one.errors, rel=1e-3)


def test_willingness_to_pay_is_the_ratio_with_an_interval(draw):
    options = QUICK.model_copy(update={"cost": "price"})
    logit = choice_model.fit(conjoint.read(draw([[-2.0, 1.0, 0.5]], [1], 300, seed=4)[0]))
    worth = conjoint.worth(logit, options, seed=0)
    assert list(worth.index) == ["speed", "support"]
    assert worth.loc["speed", "worth"] == pytest.approx(-logit.coefficients[1] / logit.coefficients[0])
    assert worth.loc["speed", "low"] < 0.5 < worth.loc["speed", "high"]


def test_nothing_is_said_of_a_price_that_puts_nobody_off(draw):
    options = QUICK.model_copy(update={"cost": "price"})
    logit = choice_model.fit(conjoint.read(draw([[0.0, 1.0, 0.5]], [1], 100, seed=4)[0]))
    assert conjoint.worth(logit, options, seed=0).empty


def test_levels_of_one_attribute_share_its_importance():
    rows = [("a", "1", "x", 1.0, 0.0, 2.0, 1.0), ("a", "1", "y", 0.0, 1.0, 4.0, 0.0)]
    data = ChoiceData.of(by_hand(rows, ["brand=A", "brand=B", "price"]))
    found = conjoint.importance(data, np.array([1.0, -1.0, -0.5]), QUICK)
    assert found.to_dict() == {"brand": pytest.approx(2 / 3), "price": pytest.approx(1 / 3)}


@pytest.mark.slow
def test_three_planted_classes_are_found_with_their_intervals(draw):
    options = ConjointSettings(max_classes=4, folds=2, starts=2)
    right, inside = [], []
    for seed in range(10):
        data = conjoint.read(draw(CLASSES, SHARES, 200, seed=seed)[0])
        right.append(latent_classes.choose(data, options, seed).chosen == 3)
        found = latent_classes.fit(data, 3, 2, seed)
        order = order_of(found)
        inside.append(np.abs(found.coefficients[order] - CLASSES) < 1.96 * found.errors[order])
        inside.append(np.abs(found.shares[order] - SHARES) < 1.96 * found.share_errors[order])
    assert np.mean(right) >= 0.8
    assert np.mean(np.concatenate([one.ravel() for one in inside])) >= 0.9


def test_planted_classes_come_back(draw):
    long, kinds = draw(CLASSES, SHARES, 200, seed=0)
    found = latent_classes.fit(conjoint.read(long), 3, 2, seed=0)
    order = order_of(found)
    assert found.shares[order] == pytest.approx(np.bincount(kinds) / 200, abs=0.05)
    assert found.coefficients[order] == pytest.approx(np.array(CLASSES), abs=0.7)
    assert (found.members[:, order].argmax(axis=1) == kinds).mean() > 0.9
    assert found.shares.sum() == pytest.approx(1)


def test_one_class_is_the_logit_of_all(draw):
    data = conjoint.read(draw(CLASSES, SHARES, 60, seed=9)[0])
    one, all_ = latent_classes.fit(data, 1, 1, seed=0), choice_model.fit(data)
    assert one.coefficients[0] == pytest.approx(all_.coefficients, abs=1e-3)
    assert one.errors[0] == pytest.approx(all_.errors, rel=1e-3)
    assert one.share_errors == pytest.approx([0])


@pytest.fixture(scope="module")
def market(draw):
    options = QUICK.model_copy(update={"cost": "price"})
    long, kinds = draw(CLASSES[:2], [0.5, 0.5], 120, seed=5)
    segments = pd.Series(kinds, index=[f"{n:04d}" for n in range(120)])
    return conjoint.analyse(long, segments, options, seed=0), options


def concepts(**more):
    products = {"plain": {"price": 0.2}, "dear": {"price": 0.9}, "fast": {"price": 0.6, "speed": 1.0}}
    return ConceptsSettings(name="c", products=products, **more)


def test_shares_sum_to_one_and_a_dominated_product_gets_less(market):
    found, options = market
    simulated = simulator.simulate(found, concepts(), options, seed=0)
    sums = simulated.shares.groupby("segment_id")["share"].sum()
    assert list(sums.index) == [TOTAL, 0, 1]
    assert sums.to_numpy() == pytest.approx(1)
    total = simulated.shares[simulated.shares["segment_id"] == TOTAL].set_index("product")
    assert total.loc["dear", "share"] < total.loc["plain", "share"]
    assert ((total["low"] <= total["share"]) & (total["share"] <= total["high"])).all()
    best = simulated.preferred().set_index("segment_id")
    assert best["product"].to_dict() == {TOTAL: "fast", 0: "plain", 1: "fast"}
    assert (best["first"] > 0.9).all()
    assert total["first"].sum() == pytest.approx(1)


def test_what_a_new_product_takes_from_our_own(market):
    """With one logit, it takes from all others alike: our share of what it takes is our share before."""
    found, options = market
    simulated = simulator.simulate(found, concepts(new=["fast"], own=["plain"]), options, seed=0)
    taken = simulated.taken.set_index("product")
    assert list(taken.index) == ["plain", "dear"]
    assert taken["before"].sum() == pytest.approx(1)
    share, low, high = simulated.cannibalised
    assert share == pytest.approx(taken.loc["plain", "before"])
    assert low < share < high


def test_a_product_is_worth_the_gain_in_the_logsum(market):
    """Of the logit of all: log of the sum of exp(utility) with it less without it, over the price's part."""
    found, options = market
    simulated = simulator.simulate(found, concepts(), options, seed=0)
    total = simulated.shares[simulated.shares["segment_id"] == TOTAL].set_index("product")
    _, x = simulator.design(found.data.columns, concepts())
    parts = np.exp(x @ found.classes.coefficients[0])
    gain = np.log(parts.sum()) - np.log(parts.sum() - parts)
    assert total["worth"].to_numpy() == pytest.approx(gain / -found.classes.coefficients[0, 0])
    assert (total["worth_low"] < total["worth"]).all()
    assert (total["worth"] < total["worth_high"]).all()


def test_nothing_is_worth_a_price_that_puts_nobody_off(market):
    """The second segment does not mind the price."""
    found, options = market
    shares = simulator.simulate(found, concepts(), options, seed=0).shares.set_index("segment_id")
    assert shares.loc[1, "worth"].isna().all()
    assert shares.loc[0, "worth"].notna().all()


def test_a_segment_of_few_is_left_out_with_its_reason(market, draw):
    _, options = market
    long, _ = draw(CLASSES[:1], [1], 60, seed=6)
    segments = pd.Series([0] * 50 + [7] * 10, index=[f"{n:04d}" for n in range(60)])
    found = conjoint.analyse(long, segments, options, seed=0)
    assert set(found.segments) == {0}
    assert found.left_out == {"7": "few"}


def test_twice_the_same_gives_the_same(draw):
    long, _ = draw(CLASSES, SHARES, 60, seed=7)
    one, two = (conjoint.analyse(long, None, QUICK, seed=3) for _ in range(2))
    assert one.classes.coefficients.tobytes() == two.classes.coefficients.tobytes()
    assert repr(one.checks) == repr(two.checks)  # one is NaN


def test_what_cannot_be_estimated_is_refused(draw):
    long, _ = draw(CLASSES[:1], [1], 40, seed=8)
    with pytest.raises(InputError, match="29 accounts of table 'choices'"):
        conjoint.read(long[long["account"] < "0029"])
    double = pd.concat([long, long[long["attribute"] == "speed"].assign(attribute="twice")])
    with pytest.raises(InputError, match="'twice' of the choices is told by"):
        choice_model.fit(conjoint.read(double))
    perfect = long.assign(value=long["value"].where(long["attribute"] != "price", long["chosen"]))
    with pytest.raises(FitError, match="follow 'price' without exception"):
        choice_model.fit(conjoint.read(perfect))
    with pytest.raises(ConfigError, match=r"analysis.conjoint.cost: 'fee' is no attribute.*price"):
        conjoint.insist_on_names(conjoint.read(long), ConjointSettings(cost="fee"))
    with pytest.raises(ConfigError, match=r"concepts.products.a: 'colour' is no attribute"):
        simulator.design(["price"], ConceptsSettings(name="c", products={"a": {"colour": 1}, "b": {}}))


@pytest.mark.parametrize(
    ("spoil", "told", "remedy"),
    [
        (lambda rows: rows[rows["alternative_id"] == "0"], "400 have one alternative", "form=difference"),
        (lambda rows: rows.assign(chosen=0.0), "400 have none chosen", "none=true"),
        (lambda rows: rows.assign(chosen=1.0), "400 have several chosen", "0 to the others"),
        (lambda rows: rows[:0], "0 tasks can be used", "a few accounts"),
    ],
    ids=["single", "nothing", "several", "empty"],
)
def test_what_keeps_tasks_from_being_used_is_told(draw, spoil, told, remedy):
    long, _ = draw(CLASSES[:1], [1], 40, seed=8)
    with pytest.raises(InputError, match=told) as refused:
        conjoint.read(spoil(long))
    assert remedy in refused.value.remedy


def test_a_segment_that_was_not_asked_about_an_attribute_is_left_out_with_its_reason(draw):
    long, _ = draw(CLASSES[:1], [1], 80, seed=6)
    unasked = (long["account"] < "0040") & (long["attribute"] == "speed")
    segments = pd.Series([0] * 40 + [1] * 40, index=[f"{n:04d}" for n in range(80)])
    found = conjoint.analyse(long.assign(value=long["value"].mask(unasked, 0.0)), segments, QUICK, seed=0)
    assert set(found.segments) == {1}
    assert found.left_out == {"0": "unclear"}


def test_alternatives_that_lack_an_attribute_are_counted(draw):
    long, _ = draw(CLASSES[:1], [1], 40, seed=8)
    assert shape.lacking(long).empty
    torn = long[(long["alternative_id"] != "1") | (long["attribute"] != "price")]
    assert shape.lacking(torn).to_dict() == {"price": pytest.approx(1 / 3)}


def test_a_product_outside_of_what_was_asked_is_named(market):
    found, options = market
    near, far = (
        ConceptsSettings(name="c", products={"plain": {"price": 0.2}, "dear": {"price": price}})
        for price in (0.9, 9.0)
    )
    assert simulator.simulate(found, near, options, seed=0).beyond == ()
    ((product, attribute, low, high),) = simulator.simulate(found, far, options, seed=0).beyond
    assert (product, attribute) == ("dear", "price")
    assert (low, high) == pytest.approx((-1, 1), abs=0.01)
