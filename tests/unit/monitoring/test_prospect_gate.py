"""Prospects: how many there are, of how many too little is known, and which segments they are given."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from monitored_world import REFERENCE, SEGMENTS, SETTINGS, answers, customers, today
from segmentwerk.monitoring.prospect_gate import looking_alike

THEN = REFERENCE.answers.model_copy(
    update={"prospects": 600, "prospect_segments": dict(zip(SEGMENTS, (300, 180, 90), strict=True))}
)
REMEMBERED = REFERENCE.model_copy(update={"accounts": REFERENCE.accounts + 600, "answers": THEN})
ALIKE = (0.5, 0.3, 0.15)


def asked(n=600, shares=ALIKE):
    """Ask the gate of ``n`` prospects, the segments of whom have these shares; the rest has none."""
    rows = customers(1)
    fresh = pd.DataFrame(index=[f"p{place}" for place in range(n)], columns=rows.columns)
    counts = [round(share * n) for share in shares]
    ids = np.repeat([*SEGMENTS, -1], [*counts, n - sum(counts)])
    said = pd.DataFrame(
        {"segment_id": ids, "confidence": 0.5, "basis": "firmographic", "is_outlier": False}, fresh.index
    )
    one = today(rows, pd.concat([answers(rows, 1), said]))
    both = pd.concat([rows.astype(object), fresh])
    return looking_alike(dataclasses.replace(one, features=both, reference=REMEMBERED), SETTINGS)


def test_prospects_of_the_same_kind_pass():
    assert asked().status == "passed"


@pytest.mark.parametrize(
    ("shares", "severity", "word"),
    [((0.43, 0.26, 0.13), "warning", "real change"), ((0.3, 0.2, 0.1), "error", "data fault")],
)
def test_too_little_known_of_many_is_a_fault(shares, severity, word):
    one = asked(700, shares)
    assert (one.status, one.severity, one.word) == ("failed", severity, word)
    assert one.facts["unanswered"] == pytest.approx(1 - sum(shares), abs=0.01)
    assert one.facts["then"] == pytest.approx(0.05)


def test_other_segments_are_told():
    one = asked(shares=(0.2, 0.3, 0.45))
    assert (one.status, one.severity, one.segments) == ("failed", "warning", (11,))
    assert one.facts["differing"] == pytest.approx(0.3, abs=0.04)


def test_many_more_prospects_are_told():
    one = asked(3000)
    assert (one.status, one.severity) == ("failed", "warning")
    assert one.facts["share"] == pytest.approx(0.6)


def test_a_handful_says_nothing():
    assert asked(20).unasked.reason == "few_prospects"
