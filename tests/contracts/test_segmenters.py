"""The contract of issue and architecture, run on every segmenter that has a config."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import yaml
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

import segmentwerk.segmenters
from segmentwerk.core import threads as threads_module
from segmentwerk.core.errors import FitError, InputError, ModelError
from segmentwerk.core.settings import SegmenterSettings
from segmentwerk.segmenters.base import MAX_SEGMENTS, Segmenter

CONFIGS = sorted((Path(__file__).parents[2] / "conf" / "segmenter").glob("*.yaml"))
SPECS = {path.stem: SegmenterSettings(**yaml.safe_load(path.read_text())) for path in CONFIGS}
CENTERS = 12.0 * np.array(
    [[0, 0, 0, 0, 0], [1, 1, 0, 0, 1], [-1, 0, 1, 0, -1], [0, -1, -1, 1, 0], [1, -1, 1, -1, 0.0]]
)


def target(spec: SegmenterSettings) -> type[Segmenter]:
    module, _, name = spec.target.rpartition(".")
    found: type[Segmenter] = getattr(importlib.import_module(module), name)
    return found


def make(name: str, **params: Any) -> Segmenter:
    """Build the segmenter in its quick form; parameters that it does not have are left out."""
    kind = target(SPECS[name])
    known = inspect.signature(kind.__init__).parameters
    given = SPECS[name].params | kind.quick | params
    return kind(**{key: value for key, value in given.items() if key in known})


def world(n_rows: int, seed: int = 0) -> pd.DataFrame:
    """Five groups of unequal size, far apart, one feature of them without any meaning."""
    rng = np.random.default_rng(seed)
    groups = rng.choice(len(CENTERS), n_rows, p=[0.33, 0.25, 0.19, 0.14, 0.09])
    values = np.column_stack([CENTERS[groups] + rng.normal(size=(n_rows, 5)), rng.normal(size=n_rows)])
    columns = ["recency_days", "frequency", "monetary", "employees", "margin", "noise"]
    return pd.DataFrame(values, columns=columns, index=[f"A{i:05d}" for i in range(n_rows)])


TRAIN, FRESH = world(600), world(300, seed=1)


def outcome(rows: pd.DataFrame) -> np.ndarray:
    """A later outcome that differs between the groups: each one's number, and a little of the row's own."""
    values = rows.reindex(columns=TRAIN.columns[:5]).clip(-1e6, 1e6).fillna(0.0).to_numpy()
    groups = ((values[:, None, :] - CENTERS) ** 2).sum(axis=2).argmin(axis=1)
    return groups + 0.1 * np.tanh(values[:, 4])


def fit(segmenter: Segmenter, rows: pd.DataFrame, by: pd.DataFrame | None = None) -> Segmenter:
    """Fit to rows and, where it wants one, to their outcome, or to that of other rows."""
    return segmenter.fit(rows, outcome(rows if by is None else by) if segmenter.uses_outcome else None)


@pytest.fixture(scope="module", params=sorted(SPECS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def fitted(name: str) -> Segmenter:
    return fit(make(name, n_segments=5), TRAIN)


def subclasses(kind: type[Segmenter]) -> set[type[Segmenter]]:
    own = set(kind.__subclasses__())
    return own.union(*map(subclasses, own))


def test_every_segmenter_has_a_config_and_the_suite_runs_on_all_of_them() -> None:
    for module in pkgutil.iter_modules(segmentwerk.segmenters.__path__):
        importlib.import_module(f"segmentwerk.segmenters.{module.name}")
    package = f"{segmentwerk.segmenters.__name__}."
    classes = {
        kind
        for kind in subclasses(Segmenter)
        if kind.__module__.startswith(package) and not inspect.isabstract(kind)
    }
    assert len(CONFIGS) == len(SPECS) >= 4
    assert {target(spec) for spec in SPECS.values()} == classes


def test_the_config_names_parameters_of_the_segmenter(name: str) -> None:
    spec, known = SPECS[name], set(inspect.signature(target(SPECS[name]).__init__).parameters)
    points = [spec.params, spec.search_space, *spec.start]
    assert all(set(point) <= known for point in points)
    assert all(set(point) <= set(spec.search_space) for point in spec.start)
    assert isinstance(target(spec).complexity, int)


def test_scikit_learn_accepts_it(name: str) -> None:
    segmenter = make(name)
    expected = type(segmenter).expected_failed_checks
    with warnings.catch_warnings():
        # Checks that do not apply announce themselves by a warning.
        warnings.simplefilter("ignore")
        results = check_estimator(segmenter, expected_failed_checks=expected, on_fail=None)
    failed = {r["check_name"]: str(r["exception"]) for r in results if r["status"] == "failed"}
    assert failed == {}
    assert sum(r["status"] == "passed" for r in results) >= 40
    assert all(reason for reason in expected.values())
    assert {r["check_name"] for r in results if r["status"] == "xfail"} == set(expected)


def test_labels_are_ordered_by_size_and_agree_with_memberships(fitted: Segmenter) -> None:
    counts = np.bincount(fitted.labels_, minlength=fitted.n_segments_)
    assert len(counts) == fitted.n_segments_ >= 2
    assert (np.diff(counts) <= 0).all()
    assert counts.min() > 0
    np.testing.assert_array_equal(fitted.predict(TRAIN), fitted.labels_)
    np.testing.assert_array_equal(fitted.predict_proba(FRESH).argmax(axis=1), fitted.predict(FRESH))


def test_outputs_have_the_shapes_and_ranges_of_the_contract(fitted: Segmenter) -> None:
    proba, score = fitted.predict_proba(FRESH), fitted.score_samples(FRESH)
    assert proba.shape == (len(FRESH), fitted.n_segments_)
    assert (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-12)
    assert score.shape == (len(FRESH),)
    assert np.isfinite(score).all()
    assert fitted.transform(FRESH).shape[0] == len(FRESH)
    assert list(fitted.feature_names_in_) == list(TRAIN.columns)
    assert fitted.n_features_in_ == TRAIN.shape[1]
    assert isinstance(fitted.converged_, bool)
    assert isinstance(fitted.notes_, tuple)


def test_a_far_away_row_is_less_typical_than_the_others(fitted: Segmenter) -> None:
    far = TRAIN.iloc[:1] * 0 + 500.0
    assert fitted.score_samples(far)[0] < fitted.score_samples(TRAIN).min()


def test_rows_are_judged_alone(fitted: Segmenter) -> None:
    some = FRESH.iloc[[5, 17, 99]]
    np.testing.assert_allclose(
        fitted.predict_proba(some), fitted.predict_proba(FRESH)[[5, 17, 99]], atol=1e-9
    )


def test_same_seed_same_result_on_one_thread_and_on_two(
    fitted: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads_module, "_SMALL", 0)  # else this small table would stay on one thread
    for threads in (1, 2):
        with threadpool_limits(threads):
            again = fit(clone(fitted), TRAIN)
        np.testing.assert_array_equal(again.labels_, fitted.labels_)
        np.testing.assert_allclose(again.predict_proba(FRESH), fitted.predict_proba(FRESH), atol=1e-9)


def test_neither_row_nor_column_order_matters(name: str, fitted: Segmenter) -> None:
    order = np.random.default_rng(0).permutation(len(TRAIN))
    shuffled = fit(clone(fitted), TRAIN.iloc[order])
    np.testing.assert_array_equal(shuffled.labels_, fitted.labels_[order])
    turned = TRAIN[["noise", "margin", "monetary", "recency_days", "employees", "frequency"]]
    assert adjusted_rand_score(fit(clone(fitted), turned).labels_, fitted.labels_) > 0.99


def test_the_input_is_never_changed(name: str) -> None:
    frame = TRAIN.copy()
    values = frame.to_numpy(copy=True)
    fit(make(name), frame).predict(frame)
    pd.testing.assert_frame_equal(frame, TRAIN)
    np.testing.assert_array_equal(values, TRAIN.to_numpy())


def test_parameters_survive_clone_and_set_params(name: str) -> None:
    segmenter = make(name, n_segments=3, min_segment_share=0.1)
    assert clone(segmenter).get_params() == segmenter.get_params()
    assert segmenter.set_params(min_segment_share=0.2).min_segment_share == 0.2


def test_it_is_saved_without_pickle_and_comes_back_the_same(fitted: Segmenter, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    assert {path.suffix for path in (tmp_path / "model").iterdir()} == {".json", ".safetensors"}
    loaded = Segmenter.load(tmp_path / "model")
    assert type(loaded) is type(fitted)
    np.testing.assert_array_equal(loaded.predict_proba(FRESH), fitted.predict_proba(FRESH))
    np.testing.assert_array_equal(loaded.score_samples(FRESH), fitted.score_samples(FRESH))
    np.testing.assert_array_equal(loaded.transform(FRESH), fitted.transform(FRESH))
    assert loaded.get_params() == fitted.get_params()
    assert (loaded.notes_, loaded.converged_) == (fitted.notes_, fitted.converged_)
    assert list(loaded.feature_names_in_) == list(TRAIN.columns)


def test_a_damaged_model_is_refused(fitted: Segmenter, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    settings = tmp_path / "model" / "segmenter.json"
    settings.write_text(settings.read_text().replace('"n_segments_"', '"n_segments__"'))
    with pytest.raises(ModelError, match="digest"):
        Segmenter.load(tmp_path / "model")


def test_onnx_runs_in_double_precision_and_agrees(fitted: Segmenter) -> None:
    session = onnxruntime.InferenceSession(fitted.to_onnx().SerializeToString())
    proba, score = session.run(["proba", "score"], {"x": FRESH.to_numpy()})
    assert proba.dtype == score.dtype == np.float64
    np.testing.assert_allclose(proba, fitted.predict_proba(FRESH), atol=1e-5)
    np.testing.assert_allclose(score, fitted.score_samples(FRESH), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(proba.argmax(axis=1), fitted.predict(FRESH))


def test_unseen_rows_get_the_segment_that_a_refit_with_them_gives(name: str, fitted: Segmenter) -> None:
    refit = fit(clone(fitted), pd.concat([TRAIN, FRESH.iloc[:60]]))
    known = refit.labels_[: len(TRAIN)]
    renamed = pd.crosstab(fitted.labels_, known).to_numpy().argmax(axis=1)
    assert (renamed[fitted.predict(FRESH.iloc[:60])] == refit.labels_[len(TRAIN) :]).mean() >= 0.95


def test_small_segments_are_merged_and_the_notes_say_so(name: str) -> None:
    certain = {"alpha": 0.05, "alpha_merge": 0.05}  # where it splits by significance, for what is there alone
    segmenter = fit(make(name, n_segments=5, min_segment_share=0.12, **certain), TRAIN)
    shares = np.bincount(segmenter.labels_) / len(TRAIN)
    assert shares.min() >= 0.12
    assert any("min_segment_share=0.12" in note for note in segmenter.notes_)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (TRAIN.assign(margin=np.nan), "margin"),
        (TRAIN.assign(margin=np.inf), "margin"),
        (TRAIN.assign(margin=1e300), "margin"),
        (TRAIN * 0, "alike"),
        (TRAIN.iloc[:1], "1 sample"),
        (TRAIN.iloc[:0], "0 sample"),
    ],
)
def test_nonsense_is_refused_with_its_reason(name: str, rows: pd.DataFrame, message: str) -> None:
    with pytest.raises(FitError, match=message):
        fit(make(name), rows)


@pytest.mark.parametrize("n_segments", [0, -1, MAX_SEGMENTS + 1, 2.5, "three", None])
def test_an_impossible_number_of_segments_is_refused(name: str, n_segments: Any) -> None:
    segmenter = make(name, n_segments=n_segments)
    if hasattr(segmenter, "n_segments"):
        with pytest.raises(FitError, match="n_segments"):
            fit(segmenter, TRAIN)


def test_more_segments_than_rows_are_refused(name: str) -> None:
    segmenter = make(name, n_segments=5)
    if hasattr(segmenter, "n_segments"):
        with pytest.raises(FitError, match="4 of them distinct"):
            fit(segmenter, pd.concat([TRAIN.iloc[:4]] * 50))


@pytest.mark.parametrize("share", [-0.1, 0.5, 1, "much", np.nan])
def test_an_impossible_share_is_refused(name: str, share: Any) -> None:
    with pytest.raises(FitError, match="min_segment_share"):
        fit(make(name, min_segment_share=share), TRAIN)


def test_prediction_refuses_what_it_was_not_fitted_for(name: str, fitted: Segmenter) -> None:
    with pytest.raises(InputError, match="margin"):
        fitted.predict(FRESH.assign(margin=np.nan))
    with pytest.raises(InputError, match="noise"):
        fitted.predict(FRESH.drop(columns="noise"))
    with pytest.raises(NotFittedError):
        make(name).predict(FRESH)


def hostile() -> dict[str, pd.DataFrame]:
    few = TRAIN.iloc[:30]
    outlier = TRAIN.copy()
    outlier.iloc[3, 2] = 1e8
    levels = pd.get_dummies(pd.Series(np.arange(600) % 500), prefix="level", dtype=float).set_axis(
        TRAIN.index
    )
    return {
        "30 rows": few,
        "constant columns": TRAIN.assign(noise=7.0, margin=0.0),
        "duplicated rows": pd.concat([few] * 20),
        "one giant outlier": outlier,
        "500 one-hot levels": pd.concat([TRAIN, levels], axis=1),
        "large offset": TRAIN + 1e6,
        "tiny scale": TRAIN * 1e-9,
    }


OF_ITS_OWN = {
    "rfm_grid": {**dict.fromkeys(hostile(), 9), "30 rows": 7, "duplicated rows": 7},
    "continued": dict.fromkeys(hostile(), 5),  # as many as there are
}
"""How many segments it finds that is not told how many; the others find as many as they are asked for,
or fewer and say why."""


@pytest.mark.parametrize("case", sorted(hostile()))
def test_hostile_input_is_segmented_soundly_or_refused_as_its_class_says(name: str, case: str) -> None:
    rows = hostile()[case]
    segmenter = make(name, n_segments=4)
    refusal = segmenter.expected_refusals.get(case)
    if refusal is not None:
        with pytest.raises(FitError, match=refusal):
            fit(segmenter, rows, TRAIN.loc[rows.index])
        return
    fit(segmenter, rows, TRAIN.loc[rows.index])
    expected = OF_ITS_OWN.get(name, {}).get(case, 4)
    assert segmenter.n_segments_ == expected or (2 <= segmenter.n_segments_ < expected and segmenter.notes_)
    assert np.isfinite(segmenter.predict_proba(rows)).all()
    assert np.isfinite(segmenter.score_samples(rows)).all()
    assert np.bincount(segmenter.labels_).min() >= max(1, 0.02 * len(rows))
