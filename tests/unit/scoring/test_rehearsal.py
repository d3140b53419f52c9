"""A model is tried as it would be used, and one that says something else is found out."""

import dataclasses

import numpy as np
import pytest

from segmentwerk.core.errors import ModelError
from segmentwerk.scoring.load import load
from segmentwerk.scoring.rehearsal import Rehearsal


@pytest.fixture(scope="module")
def rehearsal(saved):
    return Rehearsal.of(load(str(saved)))


def test_a_sound_model_says_what_was_trained_on_all_paths(rehearsal):
    gate = rehearsal.parity()
    assert (gate.code, gate.status) == ("P004", "passed"), gate.message
    bases = rehearsal.loaded.model.predict(rehearsal.rows)["basis"].value_counts()
    assert bases["firmographic"] >= 40
    assert bases["full"] >= 40
    assert bases["partial"] >= 40
    assert bases["too little known"] >= 1


def test_another_segment_is_found(rehearsal):
    other = dataclasses.replace(rehearsal, ids=np.roll(rehearsal.ids, 1))
    gate = other.parity()
    assert gate.status == "failed"
    answered = int((~rehearsal.unanswered).sum())
    assert f"{answered} of 200 made-up accounts get another segment" in gate.message
    silent = dataclasses.replace(rehearsal, unanswered=np.ones(200, dtype=bool)).parity()
    assert f"{answered} of 200 made-up accounts get another segment" in silent.message


def test_another_confidence_is_found(rehearsal):
    moved = rehearsal.memberships.copy()
    moved[7] = moved[7] * 0.999
    assert dataclasses.replace(rehearsal, memberships=moved).parity().status == "failed"


def test_the_places_of_tied_segments_do_not_matter(rehearsal):
    found = rehearsal.loaded.model.predict(rehearsal.rows)
    tied = np.full(rehearsal.memberships.shape, 0.0)
    tied[:, :2] = found["confidence"].to_numpy()[:, None]
    assert dataclasses.replace(rehearsal, memberships=tied).parity().status == "passed"


def test_it_answers_in_time_or_says_how_slow_it_is(rehearsal):
    assert rehearsal.load(10_000).status == "passed"
    gate = rehearsal.load(0.001)
    assert (gate.code, gate.status) == ("P005", "failed")
    assert "registry.max_latency_ms" in gate.message


def test_a_model_without_accounts_to_try_is_named(rehearsal, tmp_path):
    with pytest.raises(ModelError, match="carries no accounts"):
        Rehearsal.of(dataclasses.replace(rehearsal.loaded, folder=tmp_path))
