"""Which measure fits which segment, why, and what a wrong playbook is told."""

import pandas as pd
import pytest
from pydantic import ValidationError

from segmentwerk.activation.playbook import chosen, fill, insist, match
from segmentwerk.core.activation_settings import PlaybookSettings
from segmentwerk.core.errors import ConfigError

WORDS = {"en": "e", "de": "d"}


def measure(**more):
    kpi = {"metric": "order_rate", "target": 0.05}
    return {"name": WORDS, "message": WORDS, "offer": WORDS, "owner": "o", "kpi": kpi, "days": 30, **more}


def playbook(**measures):
    return PlaybookSettings.model_validate({"name": "p", "measures": measures})


EFFECTS = pd.DataFrame(
    [
        (1, "recency_days", "", 0.5),
        (1, "monetary", "", -0.4),
        (1, "channel", "shop", 0.35),
        (2, "recency_days", "", 0.2),
    ],
    columns=["segment_id", "feature", "level", "effect"],
)
BASES = {1: ("full", "firmographic"), 2: ("full",)}


def matches(book, stances=None, goal="general"):
    return match(book, EFFECTS, stances or {1: "focus", 2: "keep"}, BASES, goal)


def test_a_match_says_why():
    asked = {"all": [{"feature": "recency_days", "above": 0.33}, {"feature": "monetary", "below": -0.3}]}
    (one,) = matches(playbook(win_back=measure(when=asked))).found
    assert (one.segment_id, one.measure, one.fit) == (1, "win_back", pytest.approx(0.45))
    assert [(reason.feature, reason.direction, reason.effect, reason.limit) for reason in one.reasons] == [
        ("recency_days", "high", 0.5, 0.33),
        ("monetary", "low", -0.4, -0.3),
    ]


def test_all_must_hold_of_any_one_is_enough():
    never = {"feature": "monetary", "above": 0.3}
    holds = {"feature": "channel", "level": "shop", "above": 0.3}
    assert not matches(playbook(m=measure(when={"all": [never, holds]}))).found
    assert len(matches(playbook(m=measure(when={"any": [never, holds]}))).found) == 1
    assert not matches(playbook(m=measure(when={"any": [holds | {"level": "edi"}]}))).found


@pytest.mark.parametrize(
    ("when", "segments"),
    [
        ({}, {1, 2}),
        ({"segments": [2]}, {2}),
        ({"stances": ["let_go"]}, set()),
        ({"stances": ["keep"]}, {2}),
        ({"basis": ["firmographic"]}, {1}),
        ({"goals": ["retention"]}, set()),
        ({"goals": ["general"]}, {1, 2}),
    ],
)
def test_segment_stance_basis_and_goal_must_hold(when, segments):
    assert {one.segment_id for one in matches(playbook(m=measure(when=when))).found} == segments


def test_what_finds_no_counterpart_is_named():
    found = matches(playbook(one=measure(when={"segments": [1]}), none=measure(when={"stances": ["let_go"]})))
    assert found.unmatched_segments == (2,)
    assert found.unused_measures == ("none",)


def test_the_best_fit_comes_first_and_then_the_order_of_the_file():
    book = playbook(
        plain=measure(),
        weak=measure(when={"all": [{"feature": "channel", "level": "shop", "above": 0.3}]}),
        strong=measure(when={"all": [{"feature": "recency_days", "above": 0.3}]}),
        plain_too=measure(),
    )
    assert [one.measure for one in matches(book).of(1)] == ["strong", "weak", "plain", "plain_too"]


def test_customers_and_prospects_each_get_the_measures_that_fit_best():
    book = playbook(
        first=measure(when={"segments": [1]}),
        second=measure(when={"segments": [1]}),
        prospects=measure(when={"basis": ["firmographic"]}),
    )
    found = [(one.measure, bases) for one, _, bases in chosen(matches(book), book, 1)]
    assert found == [("first", ("full", "partial")), ("prospects", ("firmographic",))]
    assert len(list(chosen(matches(book), book, 2))) == 3


def known(book, **more):
    given = {
        "features": ["recency_days", "monetary"],
        "segments": [1, 2],
        "goals": ["general"],
        "currency": "EUR",
    }
    insist(book, **{**given, **more})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"when": {"all": [{"feature": "recency_day", "above": 0.1}]}},
            r"'recency_day'.*Did you mean 'recency_days'",
        ),
        (
            {"when": {"any": [{"feature": "monetry", "above": 0.1}]}},
            r"playbook\.measures\.m .*'monetry'.*'monetary'",
        ),
        ({"when": {"segments": [7]}}, r"segment 7.*It has: 1, 2"),
        ({"when": {"goals": ["genral"]}}, r"'genral'.*'general'"),
        ({"message": {"en": "{{ segmnt }}", "de": ""}}, r"m\.message names 'segmnt'.*'segment'"),
        ({"offer": {"en": "", "de": "{{ itm }}"}}, r"m\.offer names 'itm'.*'item'"),
        ({"message": {"en": "{{ ", "de": ""}}, r"m\.message cannot be read"),
    ],
)
def test_a_playbook_that_names_what_is_not_there_is_refused(given, words):
    with pytest.raises(ConfigError, match=words):
        known(playbook(m=measure(**given)))


def test_another_currency_is_refused():
    with pytest.raises(ConfigError, match=r"EUR.*GBP.*playbook\.currency=GBP"):
        known(playbook(m=measure()), currency="GBP")


@pytest.mark.parametrize(
    "wrong",
    [
        {"cost": "cheap"},
        {"cost": float("nan")},
        {"cost": float("inf")},
        {"cost": -1},
        {"channels": ["fax"]},
        {"days": 0},
        {"when": {"all": [{"feature": "x"}]}},
        {"when": {"all": [{"feature": "x", "above": 2}]}},
        {"kpi": {"metric": "smiles", "target": 1}},
    ],
)
def test_a_measure_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        playbook(m=measure(**wrong))


def test_a_message_may_not_reach_into_the_program():
    with pytest.raises(ConfigError, match="cannot be filled in"):
        fill("{{ segment.__class__.__mro__ }}", {"segment": "s"}, "m.message")


def test_a_message_is_one_line():
    assert fill("a {{ segment }}\n  b ", {"segment": "s"}, "m") == "a s b"
