"""The split is the account's own, whatever other accounts there are."""

import pandas as pd

from segmentwerk.pipelines.preparation import split
from segmentwerk.pipelines.unfinished import unfinished

IDS = pd.Index([f"K{number:05d}" for number in range(4000)])


def test_an_account_stays_on_its_side_when_others_come_or_go():
    fit, held_out = split(IDS, 0.3, seed=1)
    fit_later, held_out_later = split(IDS[1500:].append(pd.Index(["new"])), 0.3, seed=1)
    assert set(held_out_later) - {"new"} <= set(held_out)
    assert set(fit_later) - {"new"} <= set(fit)


def test_the_share_is_kept_and_nothing_is_lost():
    fit, held_out = split(IDS, 0.3, seed=1)
    assert 0.27 < len(held_out) / len(IDS) < 0.33
    assert set(fit) | set(held_out) == set(IDS)
    assert not set(fit) & set(held_out)


def test_another_seed_splits_otherwise():
    assert set(split(IDS, 0.3, seed=1)[1]) != set(split(IDS, 0.3, seed=2)[1])


def test_a_finished_key_is_forgotten_and_a_killed_one_is_found_again(tmp_path):
    with unfinished(tmp_path, "compare", "data") as first:
        pass
    with unfinished(tmp_path, "compare", "data") as second:
        assert second != first
        (left_behind,) = tmp_path.glob("unfinished/*.key")
        killed = left_behind.read_text()
    left_behind.write_text(killed)
    with unfinished(tmp_path, "compare", "data") as third:
        assert third == killed
