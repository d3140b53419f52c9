"""What the autoencoder segmenter promises beyond the contract of every segmenter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from optuna import TrialPruned
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from segmentwerk.core.errors import FitError, InputError
from segmentwerk.segmenters import _device, _heads, _losses, _training, autoencoder
from segmentwerk.segmenters._training_data import TrainingData
from segmentwerk.segmenters.autoencoder import AutoencoderSegmenter
from segmentwerk.segmenters.base import SegmenterError
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from small_worlds import refused

MIN_STEPS = _training.MIN_STEPS
DATA = Path(os.environ.get("SEGMENTWERK_DATA", Path(__file__).parents[3] / ".." / "shared" / "data"))


@pytest.fixture(autouse=True)
def _short_epochs_and_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained networks are shared within a process; here each fit has to train its own, and briefly."""
    _training._memory.clear()
    monkeypatch.setattr(_training, "MIN_STEPS", 10)


def mixed(n_rows: int = 500, seed: int = 0) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Three groups that only a category and a number with gaps tell apart; the flag knows the gaps."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(3, size=n_rows)
    frame = pd.DataFrame(
        {"size": 3.0 * (groups == 2) + rng.normal(size=n_rows), "noise": rng.normal(size=n_rows)}
    )
    levels = np.where(rng.random(n_rows) < 0.05, rng.integers(3, size=n_rows), np.minimum(groups, 1))
    for level, name in enumerate(("bakery", "hotel", "school")):
        frame[f"industry={name}"] = 1.2 * (levels == level)
    missing = rng.random(n_rows) < 0.2
    frame.loc[missing, "size"] = 1.0
    frame["size_missing"] = missing * 1.0
    return frame, groups


@pytest.fixture(scope="module")
def fitted() -> AutoencoderSegmenter:
    return AutoencoderSegmenter(3, epochs=8, random_state=3).fit(mixed()[0])


def test_it_finds_groups_that_k_means_does_not() -> None:
    rows, groups = load_digits(return_X_y=True)
    rows, groups = rows[:600] / 16, groups[:600]
    straight = adjusted_rand_score(groups, KMeansSegmenter(10).fit(rows).labels_)
    assert adjusted_rand_score(groups, AutoencoderSegmenter(10, epochs=15).fit(rows).labels_) > straight


def test_mixed_types_are_restored_and_separated(fitted: AutoencoderSegmenter) -> None:
    restored = fitted.diagnostics_["restored"]
    assert set(restored) == {"size", "noise", "industry"}
    assert min(restored.values()) > 0.7
    assert adjusted_rand_score(mixed()[1], fitted.labels_) > 0.4


def test_a_missing_value_costs_nothing_and_a_wrong_one_does(fitted: AutoencoderSegmenter) -> None:
    frame, _ = mixed()
    gap = frame[frame["size_missing"] == 1].iloc[:50]
    known = frame[frame["size_missing"] == 0].iloc[:50]
    off = pd.concat([known.assign(size=12.0)])
    assert fitted.score_samples(off).max() < fitted.score_samples(known).mean()
    assert fitted.score_samples(gap).mean() > fitted.score_samples(off).mean()


def test_levels_and_gaps_come_out_of_onnx_alike(fitted: AutoencoderSegmenter) -> None:
    fresh, _ = mixed(300, seed=1)
    fresh.loc[:20, ["industry=bakery", "industry=hotel", "industry=school"]] = 0.0  # a level never seen
    session = onnxruntime.InferenceSession(fitted.to_onnx().SerializeToString())
    proba, score = session.run(["proba", "score"], {"x": fresh.to_numpy()})
    np.testing.assert_allclose(proba, fitted.predict_proba(fresh), atol=1e-9)
    np.testing.assert_allclose(score, fitted.score_samples(fresh), rtol=1e-9)


@pytest.fixture(scope="module")
def communities() -> AutoencoderSegmenter:
    return AutoencoderSegmenter(3, head="communities", epochs=8, random_state=3).fit(mixed()[0])


def test_communities_are_labelled_alike_when_saved_and_in_onnx(
    communities: AutoencoderSegmenter, tmp_path: Path
) -> None:
    fresh, _ = mixed(300, seed=1)
    proba = communities.predict_proba(fresh)
    assert proba.shape == (300, 3)
    np.testing.assert_array_equal(proba.argmax(axis=1), communities.predict(fresh))
    communities.save(tmp_path / "model")
    np.testing.assert_array_equal(AutoencoderSegmenter.load(tmp_path / "model").predict_proba(fresh), proba)
    session = onnxruntime.InferenceSession(communities.to_onnx().SerializeToString())
    np.testing.assert_allclose(session.run(["proba"], {"x": fresh.to_numpy()})[0], proba, atol=1e-9)


def test_communities_keep_more_neighbours_together_than_one_centre_each_does(
    communities: AutoencoderSegmenter,
) -> None:
    centred = AutoencoderSegmenter(3, head="kmeans", epochs=8, random_state=3).fit(mixed()[0])
    assert communities.diagnostics_["modularity"][0] > centred.diagnostics_["modularity"][0]


def test_small_communities_join_the_others(communities: AutoencoderSegmenter) -> None:
    share = np.bincount(communities.labels_).min() / len(communities.labels_)
    fewer = AutoencoderSegmenter(
        3, head="communities", epochs=8, min_segment_share=share + 0.01, random_state=3
    ).fit(mixed()[0])
    assert fewer.n_segments_ == len(set(fewer.labels_)) == 2
    assert "Merged 1 of 3 segments" in fewer.notes_[-1]


def test_rows_of_a_withheld_group_are_outliers() -> None:
    rng = np.random.default_rng(0)
    centers = 4 * rng.normal(size=(4, 10))
    groups = np.repeat(np.arange(4), 150)
    rows = centers[groups] + rng.normal(size=(600, 10))
    segmenter = AutoencoderSegmenter(3, head="kmeans", epochs=20).fit(rows[groups < 3])
    fresh = centers[groups] + rng.normal(size=(600, 10))
    assert roc_auc_score(groups < 3, segmenter.score_samples(fresh)) > 0.95


@pytest.mark.parametrize("head", _heads.HEADS)
def test_same_seed_same_network_on_one_thread_and_on_two(head: _heads.HeadName) -> None:
    rows, _ = mixed(300)
    results = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        _training._memory.clear()
        torch.set_num_threads(threads)
        results.append(AutoencoderSegmenter(3, head=head, epochs=2).fit(rows))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    for name, array in results[0].network_.items():
        np.testing.assert_array_equal(array, results[1].network_[name])
    np.testing.assert_array_equal(results[0].labels_, results[1].labels_)


def test_fits_side_by_side_equal_fits_in_turn() -> None:
    tables = [mixed(300, seed)[0] for seed in range(4)]

    def fit(rows: pd.DataFrame) -> NDArray[np.float64]:
        return AutoencoderSegmenter(3, head="kmeans", epochs=2).fit(rows).transform(rows)

    in_turn = [fit(rows) for rows in tables]
    _training._memory.clear()
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(in_turn, pool.map(fit, tables), strict=True):
            np.testing.assert_array_equal(one, other)


def test_another_seed_trains_another_network_and_torch_keeps_its_own_state() -> None:
    rows, _ = mixed(200)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, other = (
        AutoencoderSegmenter(3, head="kmeans", epochs=1, random_state=seed).fit(rows) for seed in (0, 1)
    )
    torch.testing.assert_close(torch.rand(3), expected)
    assert not np.array_equal(one.network_["encoder_weight0"], other.network_["encoder_weight0"])


def test_the_monitor_hears_every_epoch_and_can_stop_the_fit() -> None:
    heard: list[tuple[int, float]] = []
    AutoencoderSegmenter(3, head="kmeans", epochs=3, n_restarts=2).fit(
        mixed(300)[0], monitor=lambda *said: heard.append(said)
    )
    assert [epoch for epoch, _ in heard] == [1, 2, 3, 4, 5, 6]
    assert heard[2][1] > heard[0][1]

    def stop(epoch: int, _: float) -> None:
        if epoch == 2:
            raise TrialPruned

    with pytest.raises(TrialPruned):
        AutoencoderSegmenter(3, epochs=5, random_state=1).fit(mixed(300)[0], monitor=stop)


def test_a_network_is_trained_once_for_all_heads_and_numbers_of_segments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, _ = mixed(300)
    first = AutoencoderSegmenter(3, epochs=2).fit(rows)
    monkeypatch.setattr(_training.Trainer, "_step", lambda *_: pytest.fail("trained again"))
    heard: list[int] = []
    again = AutoencoderSegmenter(4, head="kmeans", epochs=2)
    again.fit(rows, monitor=lambda epoch, _: heard.append(epoch))
    np.testing.assert_array_equal(first.transform(rows), again.transform(rows))
    assert heard == [1, 2]


def test_restarts_keep_the_network_whose_segments_keep_neighbours() -> None:
    rows, _ = mixed(300)
    segmenter = AutoencoderSegmenter(3, head="kmeans", epochs=1, n_restarts=3).fit(rows)
    values = segmenter.diagnostics_["modularity"]
    assert len(set(values)) == 3
    alone = [AutoencoderSegmenter(3, head="kmeans", epochs=1, n_restarts=n).fit(rows) for n in (1, 2)]
    assert [max(values[:1]), max(values[:2])] == [max(single.diagnostics_["modularity"]) for single in alone]
    best = int(np.argmax(values)) + 1
    same = AutoencoderSegmenter(3, head="kmeans", epochs=1, n_restarts=best).fit(rows)
    np.testing.assert_array_equal(same.labels_, segmenter.labels_)


def test_a_large_table_is_learned_from_a_sample_and_labelled_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, groups = mixed(900)
    monkeypatch.setattr(_device, "cuda", lambda *_: None)  # which would learn from all
    monkeypatch.setattr(autoencoder, "MAX_ROWS", 400)
    segmenter = AutoencoderSegmenter(3, epochs=12).fit(rows)
    assert "Learned from a random sample of 400 of 900 rows." in segmenter.notes_
    assert len(segmenter.labels_) == 900
    assert adjusted_rand_score(groups, segmenter.labels_) > 0.4


def test_a_memory_mapped_table_gives_the_same_as_one_in_memory(tmp_path: Path) -> None:
    rows = mixed(300)[0].to_numpy()
    mapped = np.lib.format.open_memmap(tmp_path / "rows.npy", "w+", np.float64, rows.shape)
    mapped[:] = rows
    read_only = np.load(tmp_path / "rows.npy", mmap_mode="r")
    there, here = (AutoencoderSegmenter(3, head="kmeans", epochs=1).fit(table) for table in (read_only, rows))
    np.testing.assert_array_equal(there.labels_, here.labels_)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("head", "forest"),
        ("embedding", 0),
        ("embedding", 2.5),
        ("epochs", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("temperature", 0.0),
        ("contrast", -1.0),
        ("n_neighbors", 0),
        ("n_restarts", 0),
    ],
)
def test_an_impossible_setting_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InputError, match=name):
        AutoencoderSegmenter(3).set_params(**{name: value}).fit(mixed(60)[0])


def test_a_collapsed_embedding_is_an_error() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2))
    dataset = TrainingData.prepare(rows, ["a", "b"], 5, torch.device("cpu"))
    for points in (np.tile([0.6, 0.8], (50, 1)), np.full((50, 2), np.nan)):
        with pytest.raises(FitError, match="collapsed"):
            _heads.fit_head("mixture", points, dataset, 3, 0.02, 0)


def test_a_saved_segmenter_predicts_without_torch(fitted: AutoencoderSegmenter, tmp_path: Path) -> None:
    fresh, _ = mixed(100, seed=2)
    fitted.save(tmp_path / "model")
    fresh.to_parquet(tmp_path / "fresh.parquet")
    program = (
        "import sys; import pandas as pd; from segmentwerk.segmenters.base import Segmenter;"
        "model = Segmenter.load(sys.argv[1]); labels = model.predict(pd.read_parquet(sys.argv[2]));"
        "model.to_onnx(); assert 'torch' not in sys.modules; print(labels.tolist())"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "model"), str(tmp_path / "fresh.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(fitted.predict(fresh).tolist())


@pytest.mark.parametrize(("asked", "reduced"), [(20, 10), (5, 5)])
def test_a_reduced_fit_is_never_longer_than_the_fit(asked: int, reduced: int) -> None:
    assert AutoencoderSegmenter(epochs=asked).reduced == {"epochs": reduced}


@pytest.fixture
def _whole_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_training, "MIN_STEPS", MIN_STEPS)


@pytest.mark.slow
@pytest.mark.usefixtures("_whole_epochs")
def test_the_recipe_reaches_its_agreement_with_the_digits() -> None:
    rows, groups = load_digits(return_X_y=True)
    fits = [
        AutoencoderSegmenter(10, min_segment_share=0.01, random_state=seed).fit(rows / 16)
        for seed in range(3)
    ]
    assert np.mean([adjusted_rand_score(groups, segmenter.labels_) for segmenter in fits]) > 0.85


@pytest.mark.slow
@pytest.mark.usefixtures("_whole_epochs")
@pytest.mark.skipif(not (DATA / "pendigits").exists(), reason="pendigits is not beside the repository")
def test_the_recipe_beats_k_means_and_assigns_unseen_rows_on_pendigits() -> None:
    files = [DATA / "pendigits" / f"pendigits.{part}.gz" for part in ("tra", "tes")]
    train, test = (pd.read_csv(file, header=None).to_numpy(dtype=np.float64) for file in files)
    segmenter = AutoencoderSegmenter(10, min_segment_share=0.01).fit(train[:, :-1] / 100)
    straight = KMeansSegmenter(10, min_segment_share=0.01).fit(train[:, :-1] / 100)
    unseen, groups = test[:, :-1] / 100, test[:, -1]
    reached = adjusted_rand_score(groups, segmenter.predict(unseen))
    assert reached > 0.6
    assert reached > adjusted_rand_score(groups, straight.predict(unseen)) + 0.05


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(6, 40), st.integers(1, 4)),
        elements=st.sampled_from([0.0, 1.0, -1.0, 1e-12, 3.5, 1e12, -1e90]),
    )
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_finite_table_gives_a_sound_result_or_the_right_error(
    rows: NDArray[np.float64],
) -> None:
    segmenter = AutoencoderSegmenter(2, head="kmeans", epochs=1, embedding=3)
    if (rows == rows[0]).all():
        with pytest.raises(SegmenterError, match="rows are alike"):
            segmenter.fit(rows)
        return
    said = refused(segmenter, rows)
    if said:
        assert re.search("embedding collapsed|hold no row|only one is above min_segment_share", said), said
        return
    proba = segmenter.predict_proba(rows)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert np.isfinite(segmenter.score_samples(rows)).all()
    assert len(set(segmenter.labels_)) == segmenter.n_segments_ == 2


def test_fine_tuning_draws_rows_to_their_centres_the_same_way_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, groups = make_blobs(400, 6, centers=3, cluster_std=1.5, random_state=0)
    drawn = AutoencoderSegmenter(3, epochs=3, fine_tuning=5).fit(rows)
    _training._memory.clear()
    again = AutoencoderSegmenter(3, epochs=3, fine_tuning=5).fit(rows)
    np.testing.assert_array_equal(drawn.transform(rows), again.transform(rows))
    assert adjusted_rand_score(groups, drawn.labels_) > 0.95
    monkeypatch.setattr(_losses, "FINE_TUNING_WEIGHT", 0.0)
    free = AutoencoderSegmenter(3, epochs=3, fine_tuning=5).fit(rows)
    assert _tightness(drawn, rows) < _tightness(free, rows)


def _tightness(model: AutoencoderSegmenter, rows: np.ndarray) -> float:
    """Share of the embedding's variance that lies within segments."""
    points = model.transform(rows)
    inside = sum(
        len(own) * own.var(axis=0).sum()
        for own in (points[model.labels_ == k] for k in range(model.n_segments_))
    )
    return float(inside / (len(points) * points.var(axis=0).sum()))
