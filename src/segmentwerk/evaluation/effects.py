"""Effects of arms by segment, drawn together as far as the data say that they are alike.

The means of segment s and arm a are taken as

    mean_sa = mu_s + tau_a + delta_sa + noise,    delta_sa ~ N(0, omega^2),

with levels ``mu`` and effects ``tau`` that nothing is assumed of, and ``delta`` by which a segment's effect
departs from that of all. Empirical Bayes (Morris 1983, "Parametric empirical Bayes inference: theory and
applications", JASA 78): a departure counts the less, the more of it noise could have made. How far segments
differ at all, ``omega``, is not taken as known: what follows is averaged over the values that the data leave
possible (their restricted likelihood, with the prior of DuMouchel 1994, "Hierarchical Bayes linear models for
meta-analysis", whose middle is the noise of a cell). So two segments of few contacts are not believed to
differ because they happen to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segmentwerk.core.arrays import FloatArray

N_SPREADS = 24
"""Values of ``omega`` that are averaged over."""
LEAST_VARIANCE = 1e-12
"""Variance of outcomes that are all the same."""
PRIOR_CONTACTS = 20.0
"""Contacts that the variance of an arm over all segments counts as beside that of a cell's own contacts."""


@dataclass(frozen=True, eq=False)
class CellSums:
    """Contacts, sums of outcomes and of their squares by segment and arm, each (…, n_segments, n_arms)."""

    n: FloatArray
    total: FloatArray
    squares: FloatArray

    @property
    def means(self) -> FloatArray:
        """Mean outcome of each cell (…, n_segments, n_arms); 0 where it is empty."""
        return self.total / np.maximum(self.n, 1)

    @property
    def variances(self) -> FloatArray:
        """Variance of each cell's mean; infinite where the cell is empty.

        The variance of outcomes is the cell's own joined with the arm's over all segments, which counts as
        `PRIOR_CONTACTS` contacts: a few contacts without a sale do not show that there are never any.
        """
        inside = np.maximum(self.squares - self.n * self.means**2, 0)
        freedom = np.maximum(self.n - 1, 0)
        arm = inside.sum(axis=-2, keepdims=True) / np.maximum(freedom.sum(axis=-2, keepdims=True), 1)
        everything = inside.sum(axis=(-2, -1), keepdims=True) / np.maximum(
            freedom.sum(axis=(-2, -1), keepdims=True), 1
        )
        arm = np.where(arm > 0, arm, np.maximum(everything * 1e-6, LEAST_VARIANCE))
        one = (inside + PRIOR_CONTACTS * arm) / (freedom + PRIOR_CONTACTS)
        return np.where(self.n > 0, one / np.maximum(self.n, 1), np.inf)

    @property
    def shares(self) -> FloatArray:
        """Share of the contacts in each segment (…, n_segments)."""
        contacts = self.n.sum(axis=-1)
        return np.asarray(contacts / np.maximum(contacts.sum(axis=-1, keepdims=True), 1))


@dataclass(frozen=True, eq=False)
class Shrunken:
    """What is believed of the mean of each segment and arm.

    ``means`` (…, n_segments, n_arms); ``covariances`` (…, n_segments, n_arms, n_arms) between the arms of a
    segment; ``spread`` (…,) the expected ``omega``.
    """

    means: FloatArray
    covariances: FloatArray
    spread: FloatArray

    def differences(self, against: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each arm's mean less that of ``against`` (…, n_arms weights) and its standard error."""
        weights = np.eye(self.means.shape[-1]) - against[..., None, None, :]  # (…, 1, arm, weight)
        gaps = np.einsum("...skw,...sw->...sk", weights, self.means)
        variances = np.einsum("...skw,...swv,...skv->...sk", weights, self.covariances, weights)
        return gaps, np.sqrt(np.maximum(variances, 0))


def shrunken(cells: CellSums) -> Shrunken:
    """Draw the means of segments and arms together; leading axes are cases of their own.

    A segment without contacts gets what holds for all.
    """
    contacts = cells.n.sum(axis=(-2, -1), keepdims=True)
    middle = cells.total.sum(axis=(-2, -1), keepdims=True) / np.maximum(contacts, 1)
    means, variances = cells.means - middle, cells.variances
    spreads = _spreads(variances)  # (…, g)
    given = [_given(means, variances, spreads[..., g]) for g in range(N_SPREADS)]
    evidence = np.stack([one[2] for one in given], axis=-1)
    weights = np.exp(evidence - evidence.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    every = np.stack([one[0] for one in given], axis=-1)
    mean = np.einsum("...kag,...g->...ka", every, weights)
    apart = every - mean[..., None]
    covariances = np.einsum("...kag,...kbg,...g->...kab", apart, apart, weights)
    for g, (_, covariance, _) in enumerate(given):
        covariances += weights[..., g, None, None, None] * covariance
    return Shrunken(mean + middle, covariances, np.asarray((weights * spreads).sum(axis=-1)))


def _spreads(variances: FloatArray) -> FloatArray:
    """Values of ``omega`` that DuMouchel's prior gives equal weight, (…, N_SPREADS)."""
    known = np.isfinite(variances)
    precision = np.where(known, 1 / np.where(known, variances, 1.0), 0).sum(axis=(-2, -1))
    middle = np.sqrt(known.sum(axis=(-2, -1)) / np.maximum(precision, np.finfo(float).tiny))
    quantiles = (np.arange(N_SPREADS) + 0.5) / N_SPREADS
    return np.asarray(middle[..., None] * quantiles / (1 - quantiles))


def _given(
    means: FloatArray, variances: FloatArray, spread: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return means, covariances and log evidence for one ``omega`` (best linear unbiased prediction)."""
    k, a = means.shape[-2:]
    known = np.isfinite(variances)
    within = np.where(known, variances, 0)
    total = np.where(known, within + spread[..., None, None] ** 2, 1.0)
    weight = np.where(known, 1 / total, 0)
    design = _design(k, a)
    flat = weight.reshape(*weight.shape[:-2], k * a)
    moment = np.einsum("rp,...r,rq->...pq", design, flat, design)
    ridge = 1e-9 * np.trace(moment, axis1=-2, axis2=-1)[..., None, None] / moment.shape[-1]
    moment = moment + (ridge + np.finfo(float).tiny) * np.eye(moment.shape[-1])
    inverse = np.linalg.inv(moment)
    aim = np.einsum("rp,...r->...p", design, flat * means.reshape(flat.shape))
    fixed = np.einsum("...pq,...q->...p", inverse, aim)
    additive = np.einsum("rp,...p->...r", design, fixed).reshape(means.shape)
    kept = np.where(known, spread[..., None, None] ** 2 / total, 0)
    found = np.where(known, kept * means + (1 - kept) * additive, additive)
    evidence = -0.5 * (
        (np.log(total) * known).sum(axis=(-2, -1))
        + np.linalg.slogdet(moment)[1]
        + (weight * (means - additive) ** 2).sum(axis=(-2, -1))
    )
    loading = (1 - kept)[..., None] * design.reshape(k, a, -1)
    covariance = np.einsum("...kap,...pq,...kbq->...kab", loading, inverse, loading)
    own = np.where(known, kept * within, spread[..., None, None] ** 2)
    return found, covariance + own[..., None] * np.eye(a), evidence


def _design(k: int, a: int) -> FloatArray:
    """Levels of segments and effects of all arms but the first, (k * a, k + a - 1)."""
    segment, arm = np.divmod(np.arange(k * a), a)
    levels = segment[:, None] == np.arange(k)
    effects = arm[:, None] == np.arange(1, a)
    return np.hstack([levels, effects]).astype(np.float64)
