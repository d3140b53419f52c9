import json

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from segmentwerk.core.errors import ConfigError
from segmentwerk.tuning.space import SearchSpace

MIXTURE = {
    "n_segments": {"type": "int", "low": 2, "high": 10},
    "covariance_type": {"type": "categorical", "choices": ["full", "tied"]},
    "reg": {"type": "float", "low": 1e-6, "high": 1e-2, "log": True, "when": {"covariance_type": ["full"]}},
}


def fixed(**params):
    return optuna.trial.FixedTrial(params)


def test_suggests_active_parameters_only():
    space = SearchSpace(MIXTURE)
    full = space.suggest(fixed(n_segments=3, covariance_type="full", reg=1e-3))
    tied = space.suggest(fixed(n_segments=3, covariance_type="tied"))
    assert full == {"n_segments": 3, "covariance_type": "full", "reg": 1e-3}
    assert tied == {"n_segments": 3, "covariance_type": "tied"}


def test_a_condition_on_an_absent_parameter_does_not_hold():
    space = SearchSpace(
        {
            "a": {"type": "categorical", "choices": [True, False]},
            "b": {"type": "int", "low": 1, "high": 2, "when": {"a": [True]}},
            "c": {"type": "int", "low": 1, "high": 2, "when": {"b": [2]}},
        }
    )
    assert space.suggest(fixed(a=False)) == {"a": False}
    assert space.suggest(fixed(a=True, b=1)) == {"a": True, "b": 1}
    assert space.suggest(fixed(a=True, b=2, c=1)) == {"a": True, "b": 2, "c": 1}


def test_reads_what_hydra_composes():
    composed = OmegaConf.create({"x": {"type": "categorical", "choices": [None, True, 1.5, "a"]}})
    space = SearchSpace(composed)
    assert space.grid(4) == [{"x": None}, {"x": True}, {"x": 1.5}, {"x": "a"}]
    json.dumps(space.mapping)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "int", "low": 5, "high": 2}, "search_space.p: low (5) must be below high (2)"),
        ({"type": "int", "low": 2, "high": 2}, "low (2) must be below high (2)"),
        ({"type": "int", "low": 2.5, "high": 4}, "search_space.p.low"),
        ({"type": "float", "low": 0, "high": 1, "log": True}, "a log scale needs low above 0"),
        ({"type": "float", "low": 1, "high": 2, "log": True, "step": 0.5}, "a log scale takes no step"),
        ({"type": "float", "low": 0, "high": 1, "step": 0.3}, "such as 0.9"),
        ({"type": "int", "low": 1, "high": 4, "step": 0}, "search_space.p.step"),
        ({"type": "float", "low": 0, "high": float("inf")}, "must be finite"),
        ({"type": "float", "low": 0}, "search_space.p.high: Field required"),
        ({"type": "categorical", "choices": []}, "search_space.p.choices"),
        ({"type": "categorical", "choices": ["a", "a"]}, "must differ"),
        ({"type": "categorical", "choices": [1, True]}, "must differ"),
        ({"type": "int", "low": 0, "high": 10**12, "step": 7}, "such as 999999999999"),
        ({"type": "categorical", "choices": [["a"]]}, "search_space.p.choices"),
        ({"type": "integer", "low": 1, "high": 2}, "Give type: int, float or categorical."),
        ({"low": 1, "high": 2}, "Give type: int, float or categorical."),
        ({"type": "int", "lo": 1, "low": 1, "high": 2}, "search_space.p.lo: Extra inputs"),
        ({"type": "int", "low": 1, "high": 2, "when": {"a": []}}, "search_space.p.when.a"),
        (7, "search_space.p"),
    ],
)
def test_a_wrong_description_is_refused_by_its_key(spec, message):
    with pytest.raises(ConfigError) as refusal:
        SearchSpace({"a": {"type": "int", "low": 1, "high": 2}, "p": spec})
    assert message in str(refusal.value)


def test_a_condition_must_name_an_earlier_parameter_and_a_possible_value():
    a = {"type": "categorical", "choices": ["yes", "no"]}
    b = {"type": "int", "low": 1, "high": 2}
    with pytest.raises(ConfigError, match=r"search_space\.b\.when\.aa is no parameter.*Did you mean 'a'"):
        SearchSpace({"a": a, "b": b | {"when": {"aa": ["yes"]}}})
    with pytest.raises(ConfigError, match="no parameter named before b"):
        SearchSpace({"b": b | {"when": {"a": ["yes"]}}, "a": a})
    with pytest.raises(ConfigError, match=r"holds 'maybe', which a never takes.*one of 'yes', 'no'"):
        SearchSpace({"a": a, "b": b | {"when": {"a": ["maybe"]}}})


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"n_segmnts": 3}, r"start\.n_segmnts.*Did you mean 'n_segments'"),
        ({"n_segments": 11}, "a whole number from 2 to 10"),
        ({"n_segments": True}, "outside"),
        ({"n_segments": 3.0}, "outside"),
        ({"covariance_type": "round"}, "one of 'full', 'tied'"),
        ({"covariance_type": "full", "reg": 1}, "a number from 1e-06 to 0.01"),
        ({"covariance_type": "tied", "reg": 1e-3}, "its condition"),
        ({"reg": 1e-3}, "its condition"),
    ],
)
def test_a_starting_point_outside_of_the_space_is_refused(point, message):
    with pytest.raises(ConfigError, match=message):
        SearchSpace(MIXTURE).validate(point)


def test_a_starting_point_may_be_partial():
    SearchSpace(MIXTURE).validate({"n_segments": 3})
    SearchSpace(MIXTURE).validate({"n_segments": 3, "covariance_type": "full", "reg": 1e-3})


def test_steps():
    space = SearchSpace(
        {
            "n": {"type": "int", "low": 1, "high": 7, "step": 3},
            "x": {"type": "float", "low": 0.1, "high": 0.3, "step": 0.1},
        }
    )
    assert [point["n"] for point in space.grid(9)][::3] == [1, 4, 7]
    assert [point["x"] for point in space.grid(9)][:3] == pytest.approx([0.1, 0.2, 0.3])
    space.validate({"n": 4, "x": 0.2})
    with pytest.raises(ConfigError, match="in steps of 3"):
        space.validate({"n": 5})
    with pytest.raises(ConfigError, match=r"in steps of 0\.1"):
        space.validate({"x": 0.25})


def test_grid_walks_through_conditions_and_respects_its_limit():
    mapping = {
        "a": {"type": "categorical", "choices": ["yes", "no"]},
        "b": {"type": "int", "low": 1, "high": 3, "when": {"a": ["yes"]}},
    }
    expected = [{"a": "yes", "b": 1}, {"a": "yes", "b": 2}, {"a": "yes", "b": 3}, {"a": "no"}]
    assert SearchSpace(mapping).grid(4) == expected
    assert SearchSpace(mapping).grid(3) is None
    assert SearchSpace(MIXTURE).grid(10_000) is None
    assert SearchSpace({}).grid(1) == [{}]


def test_grid_does_not_unroll_a_huge_range():
    assert SearchSpace({"n": {"type": "int", "low": 0, "high": 10**12}}).grid(100) is None


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), step=st.sampled_from([None, 1, 2]), log=st.booleans())
def test_whatever_is_suggested_is_valid(seed, step, log):
    space = SearchSpace(
        {
            "n": {"type": "int", "low": 2, "high": 10, "step": step},
            "m": {"type": "int", "low": 1, "high": 100, "log": log},
            "x": {"type": "float", "low": 0.5, "high": 2.5, "step": step},
            "y": {"type": "float", "low": 1e-3, "high": 1.0, "log": log, "when": {"n": [2, 4, 6]}},
        }
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    space.validate(space.suggest(study.ask()))
