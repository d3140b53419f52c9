"""Promises of campaigns: chance breaks none, a loss of more than half does, and the worst stands first."""

import dataclasses

import numpy as np
import pytest

from monitored_world import SETTINGS, today
from segmentwerk.core.monitored import Promise, Ranged
from segmentwerk.monitoring.promise_gate import keeping


def ranged(value, se):
    return Ranged(value=value, low=value - 1.96 * se, high=value + 1.96 * se)


def promise(segment, promised, happened, se=1.0, arm="call"):
    return Promise(
        segment=segment, measure="call", arm=arm, outcome="revenue", campaign="spring", contacts=500,
        promised=ranged(promised, se), happened=ranged(happened, se),
    )  # fmt: skip


def asked(*promises):
    return keeping(today(promises=promises), SETTINGS)


def test_a_promise_that_was_kept_passes():
    assert asked(promise(11, 10, 9), promise(12, 10, 5)).status == "passed"


def test_the_worst_is_named_first_and_only_what_is_broken():
    one = asked(promise(11, 10, 9), promise(12, 10, -1), promise(13, 20, 1))
    assert (one.status, one.severity, one.word) == ("failed", "warning", "real change")
    assert one.segments == (13, 12)
    assert (one.level, one.facts["ratio"]) == ("call", pytest.approx(0.05))


def test_what_was_never_sure_is_no_promise():
    assert asked(promise(11, 1, -20)).unasked.reason == "nothing_repeated"
    assert asked().status == "not_applicable"


def test_chance_alone_seldom_breaks_a_promise_that_is_just_kept():
    """Half of the promise is there in truth: the one-sided test at 0.001 over twelve is to hold its level."""
    rng, broken = np.random.default_rng(0), 0
    one = today()
    for _ in range(300):
        found = tuple(promise(11, 10 + rng.normal(), 5 + rng.normal()) for _ in range(12))
        broken += keeping(dataclasses.replace(one, promises=found), SETTINGS).status == "failed"
    assert broken <= 3
