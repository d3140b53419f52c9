"""Gaussian mixture: segments of different size, spread and orientation, with honest probabilities."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, get_args

import numpy as np
from sklearn.mixture import GaussianMixture

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.segmenters import _device, _mixture
from segmentwerk.segmenters._mixture import Covariance, Mixture, Prior, Rows, Step
from segmentwerk.segmenters._starts import kmeans_starts
from segmentwerk.segmenters.base import Monitor, Segmenter, SegmenterError, check_n_segments, sample_rows
from segmentwerk.segmenters.onnx_graph import Graph

if TYPE_CHECKING:
    import torch

_SAMPLE = 5_000
_ROUNDS = ((8, 3), (3, 7))
"""Starts and EM steps of each round: the tightest k-means starts first, the likeliest of them go on."""
_MAX_ITER = 300
_TOLERANCE = 1e-4


class GaussianMixtureSegmenter(Segmenter):
    """Segments as the components of a Gaussian mixture, fitted by expectation-maximisation.

    Several k-means starts compete by likelihood on a sample of the rows; the best one runs on all
    rows, chunk by chunk. Covariances are pulled towards the covariance within the start as far as
    halves of the segments predict each other better for it.

    Memberships are posterior probabilities; scores are log densities.

    Parameters
    ----------
    n_segments
        Number of components, before small ones are merged.
    covariance_type
        ``full``, ``tied``, ``diag`` or ``spherical``.
    reg
        Added to each variance, as a share of the features' mean variance.
    min_segment_share
        Segments with a smaller share of the training rows are dissolved and the others refitted.
    random_state
        Seed of the starts.

    Attributes
    ----------
    weights_ : ndarray of shape (n_segments_,)
    means_ : ndarray of shape (n_segments_, n_features_in_)
    precisions_cholesky_ : ndarray
        W with W W' the inverse covariance: (n_segments_, d, d) full, (1, d, d) tied, else (n_segments_, d).
    log_likelihood_ : float
        Mean over the training rows.
    bic_, icl_ : float
        Bayesian information criterion and integrated completed likelihood (Biernacki, Celeux &
        Govaert 2000), lower is better.
    """

    complexity: ClassVar[int] = 2
    expected_refusals: ClassVar[dict[str, str]] = {"one giant outlier": "Of 4 segments only one is above"}

    def __init__(
        self,
        n_segments: int = 5,
        *,
        covariance_type: Covariance = "full",
        reg: float = 1e-3,
        min_segment_share: float = 0.02,
        random_state: int = 0,
    ) -> None:
        self.n_segments = n_segments
        self.covariance_type = covariance_type
        self.reg = reg
        self.min_segment_share = min_segment_share
        self.random_state = random_state

    def _fit(self, data: FloatArray, _monitor: Monitor | None = None) -> None:
        check_n_segments(self.n_segments, data)
        self._check_settings()
        self._climb(data, self._start(data))

    def _refine(self, data: FloatArray) -> None:
        self._climb(data, self._model)

    def _check_settings(self) -> None:
        known = get_args(Covariance)
        if self.covariance_type not in known:
            raise SegmenterError(
                f"covariance_type is {self.covariance_type!r}.", f"Known: {', '.join(known)}."
            )
        if not isinstance(self.reg, int | float) or not 0 < self.reg <= 1:
            raise SegmenterError(f"reg is {self.reg!r}.", "Use a number above 0, at most 1.")

    def _start(self, data: FloatArray) -> Mixture:
        """Return the likeliest of several starts on a sample of the rows, and learn the prior there."""
        rng = np.random.default_rng(self.random_state)
        sample = sample_rows(data, _SAMPLE, self.n_segments, rng)
        labels = kmeans_starts(sample, self.n_segments, rng, _ROUNDS[0][0])
        self._prior = Prior.learn(sample, labels[0], self.reg)
        kind = self.covariance_type
        mixtures = [
            _mixture.maximise(_mixture.from_labels(sample, start, kind), kind, self._prior)
            for start in labels
        ]
        rough = sample.astype(np.float32)  # half the time, and precise enough to tell starts apart
        for n_starts, n_steps in _ROUNDS:
            mixtures = self._race(mixtures[:n_starts], rough, n_steps)
        return mixtures[0] if len(sample) == len(data) else self._run(mixtures[0], self._steps(sample)[0])[0]

    def _race(self, mixtures: list[Mixture], data: Rows, n_steps: int) -> list[Mixture]:
        """Run a few EM steps from each mixture; return them, the likeliest first."""
        kind, prior = self.covariance_type, self._prior
        step = partial(_mixture.expect, data=data, kind=kind)
        runs = [
            _mixture.run(mixture, step, kind, prior, max_iter=n_steps, tol=_TOLERANCE) for mixture in mixtures
        ]
        return [run[0] for run in sorted(runs, key=lambda run: -run[1])]

    def _steps(self, data: FloatArray) -> tuple[Step, Callable[[Mixture], tuple[float, float]]]:
        """Return the E-step and the evaluation on some rows, on the graphics card where that pays."""
        device = self._cuda(data)
        if device is None:
            kind = self.covariance_type
            return partial(_mixture.expect, data=data, kind=kind), partial(_mixture.evaluate, data=data)
        from segmentwerk.segmenters._cuda import CudaRows

        points = CudaRows(data, device)
        return points.expect, points.evaluate

    def _run(self, mixture: Mixture, step: Step) -> tuple[Mixture, float, bool]:
        """Run EM until it settles."""
        kind, prior = self.covariance_type, self._prior
        return _mixture.run(mixture, step, kind, prior, max_iter=_MAX_ITER, tol=_TOLERANCE)

    def _climb(self, data: FloatArray, mixture: Mixture) -> None:
        """Run EM on all rows and take over what it found."""
        step, evaluate = self._steps(data)
        mixture, _, self.converged_ = self._run(mixture, step)
        self.weights_, self.means_, self.precisions_cholesky_ = (
            mixture.weights,
            mixture.means,
            mixture.precisions_cholesky,
        )
        self.n_segments_ = len(mixture.weights)
        self.log_likelihood_, entropy = evaluate(mixture)
        penalty = _mixture.n_parameters(mixture, self.covariance_type) * np.log(len(data))
        self.bic_ = float(penalty - 2 * len(data) * self.log_likelihood_)
        self.icl_ = self.bic_ + 2 * len(data) * entropy
        if not self.converged_:
            self._note(f"The mixture did not settle within {_MAX_ITER} iterations.")

    @property
    def _model(self) -> Mixture:
        return Mixture(self.weights_, self.means_, self.precisions_cholesky_)

    def _keep(self, components: IntArray) -> None:
        self.weights_ = self.weights_[components] / self.weights_[components].sum()
        self.means_ = self.means_[components]
        if self.covariance_type != "tied":
            self.precisions_cholesky_ = self.precisions_cholesky_[components]
        self.n_segments_ = len(components)

    def _labels(self, data: FloatArray) -> IntArray:
        device = self._cuda(data)
        if device is None:
            return super()._labels(data)
        from segmentwerk.segmenters._cuda import CudaRows

        return CudaRows(data, device).labels(self._model)

    def _cuda(self, data: FloatArray) -> torch.device | None:
        """Return the graphics card, if there is one, the rows are many, and covariances full."""
        return _device.cuda(len(data)) if self.covariance_type == "full" else None

    def _membership(self, data: FloatArray) -> tuple[FloatArray, FloatArray]:
        joint = self._model.log_joint(data)
        score = _mixture.logsumexp(joint)
        return np.exp(joint - score), score[:, 0]

    def _to_onnx(self, graph: Graph, x: str) -> tuple[str, str]:
        """Add the equal mixture of scikit-learn, around the means' mean so that squares lose no digits."""
        center = self.means_.mean(axis=0)
        shapes = {"tied": self.precisions_cholesky_[0], "spherical": self.precisions_cholesky_[..., 0]}
        equal = GaussianMixture(self.n_segments_, covariance_type=self.covariance_type)
        equal.weights_, equal.means_ = self.weights_, self.means_ - center
        equal.precisions_cholesky_ = shapes.get(self.covariance_type, self.precisions_cholesky_)
        x = graph.add("Sub", x, graph.constant(center))
        _, proba, score = graph.estimator(equal, x, self.n_features_in_)
        return proba, graph.add("Squeeze", score, graph.constant([1]))
