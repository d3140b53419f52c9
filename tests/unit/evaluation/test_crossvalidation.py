import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.errors import FitError
from segmentwerk.evaluation import explained, identifiability, separation
from segmentwerk.evaluation.crossvalidation import FOLDS, REPETITIONS, folds, held_out, held_out_in_turn
from segmentwerk.evaluation.scorecard import judge, quick
from segmentwerk.evaluation.view import Case
from small_worlds import SETTINGS, Labelled, Plain, blobs, split

FEW = SETTINGS.model_copy(update={"cross_validate_below": 500})
K = 3


def refit(k):
    return lambda X, seed: Plain(k, seed).fit(X)


def case_of(view, settings=FEW, k=K):
    return held_out_in_turn(Case.of(Plain(k, 0).fit(view.train), view, settings, 0), refit(k))


def test_each_account_is_held_out_once_in_each_repetition():
    view = split(blobs(60)[0])
    found = folds(view, REPETITIONS, 0)
    assert len(found) == FOLDS * REPETITIONS
    for repetition in np.split(np.arange(len(found)), REPETITIONS):
        held = pd.Index([]).append([found[number].test.index for number in repetition])
        assert held.is_unique
        assert set(held) == set(view.everyone.index)
    assert all(part.train.index.append(part.test.index).is_unique for part in found)
    assert found[0].test.index.tolist() != found[FOLDS].test.index.tolist()


def test_folds_carry_what_is_known_of_their_accounts():
    X, types = blobs(60)
    known = {"outcome": types * 1.0, "revenue": types * 2.0, "prospect": pd.DataFrame({"p": types * 3.0})}
    part = folds(split(X, **known), 1, 0)[1]
    for half in ("train", "test"):
        own = types.loc[getattr(part, half).index]
        assert (getattr(part, f"outcome_{half}") == own).all()
        assert (getattr(part, f"revenue_{half}") == own * 2).all()
        assert (getattr(part, f"prospect_{half}")["p"] == own * 3).all()


def test_many_accounts_are_split_once():
    view = split(blobs(60)[0])
    assert case_of(view, FEW.model_copy(update={"cross_validate_below": 60})).folds == ()
    assert (
        len(case_of(view, FEW.model_copy(update={"cross_validate_below": 61})).folds) == FOLDS * REPETITIONS
    )


def test_no_account_is_judged_by_a_fit_that_saw_it():
    view, seen = split(blobs(60)[0]), []

    def watched(X, seed):
        seen.append(set(X.index))
        return refit(K)(X, seed)

    found = held_out_in_turn(Case.of(Plain(K, 0).fit(view.train), view, FEW, 0), watched)
    for fitted_on, fold in zip(seen, found.folds, strict=True):
        assert not fitted_on & set(fold.view.test.index)


def test_an_account_s_value_is_its_mean_over_the_repetitions():
    case = case_of(split(blobs(60)[0]))
    chosen, values = held_out(
        case, 0, lambda fold, asked: fold.view.test["x0"].to_numpy()[asked.rows] + len(fold.view.train)
    )
    assert values == pytest.approx(case.view.everyone["x0"].to_numpy() + 48)
    assert chosen.rows.tolist() == list(range(60))
    assert chosen.weights[:, 0].tolist() == [1.0] * 60


def test_the_interval_rests_on_all_accounts_and_is_narrower_than_on_one_split():
    view = split(blobs(90, distance=4.0)[0])
    once, in_turn = (
        judge("plain", Plain(K, 0).fit(view.train), refit(K), view, settings, seed=0).score("separation/gain")
        for settings in (SETTINGS, FEW)
    )
    assert in_turn.low > 0
    assert in_turn.se < once.se


def test_noise_gains_nothing_from_being_held_out_in_turn():
    X, _ = blobs(120, k=1)
    found = separation.gain(case_of(split(X)))
    assert found.score.value < 0


def test_a_fold_that_cannot_be_fitted_tells_nothing():
    view = split(blobs(60)[0])

    def never(X, seed):
        raise FitError("No fit.")

    case = held_out_in_turn(Case.of(Plain(K, 0).fit(view.train), view, FEW, 0), never)
    assert separation.gain(case).score.value == pytest.approx(0)


def test_outcomes_of_few_accounts_are_explained_out_of_fold():
    X, types = blobs(60)
    y = types + np.random.default_rng(0).normal(0, 0.1, 60)
    view = split(X, outcome=y)
    case = case_of(view)
    halved = Case.of(Plain(K, 0).fit(view.train), view, SETTINGS, 0)
    assert explained.measure(halved) == []  # a half holds too few
    found = explained.measure(case)[0].score
    residual, times = pd.Series(0.0, index=y.index), 0
    for fold in case.folds:
        own, asked = y.loc[fold.view.train.index], fold.view.test.index
        means = own.groupby(fold.labels_train).mean()
        residual.loc[asked] += (y.loc[asked] - means.to_numpy()[fold.labels_test]) ** 2
        times += 1 / FOLDS
    assert found.value == pytest.approx(1 - (residual / times).sum() / ((y - y.mean()) ** 2).sum())


def test_prospects_of_few_accounts_are_told_out_of_fold():
    X, types = blobs(60)
    prospect = pd.DataFrame({"p": types + np.random.default_rng(0).normal(0, 0.2, 60)})
    view = split(X, prospect=prospect)
    case = held_out_in_turn(Case.of(Labelled(types), view, FEW, 0), lambda X, seed: Labelled(types))
    found = {item.score.name: item.score for item in identifiability.measure(case)}
    assert found["balanced_accuracy"].value > 0.9
    lonely = (types * 0).mask(types.index == types.index[7], 1)  # a segment of one account
    case = held_out_in_turn(Case.of(Labelled(lonely), split(X, prospect=prospect), FEW, 0), refit(2))
    if len(np.unique(case.labels_train)) > 1:
        assert identifiability.measure(case)


def test_trials_look_at_all_accounts_in_turn():
    view = split(blobs(90, distance=4.0)[0])
    found = quick(Plain(K, 0).fit(view.train), refit(K), view, FEW, seed=0)
    again = quick(Plain(K, 0).fit(view.train), refit(K), view, FEW, seed=0)
    once = quick(Plain(K, 0).fit(view.train), refit(K), view, SETTINGS, seed=0)
    assert found == again
    assert found["separation/gain"] != once["separation/gain"]
