"""What the network is trained for: to restore damaged rows, and to keep nearest neighbours together.

In fine-tuning rows are pulled to their segment's centre, too: improved deep embedded clustering (Guo, Gao,
Liu & Yin 2017, sections 3.1 and 3.2). Soft memberships are Student's t around the centres, and approach a
sharpened copy of themselves while the network's own losses go on, so that the embedding keeps what it
learned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from segmentwerk.core.arrays import FloatArray
from segmentwerk.segmenters._variables import Variables

_NOISE = 0.1
_HIDE = 0.1
_MAX_LOGIT = 60.0
"""Beyond this a level is certain; no exponential overflows, and no sum of them vanishes."""

FINE_TUNING_WEIGHT = 0.1
"""Of the memberships' loss beside the network's own in fine-tuning, as in the paper of Guo et al. (2017)."""
FINE_TUNING_RATE = 0.1
"""Learning rate of fine-tuning, as a share of the training's peak."""


@dataclass(frozen=True)
class _CategoricalLoss:
    """The levels of all categorical variables: what they are, and what restoring them is worth.

    Attributes
    ----------
    columns : Tensor of shape (n_levels,)
        Their columns.
    low, span : Tensor of shape (n_levels,)
        The value that means no, and what yes has more.
    member : Tensor of shape (n_levels, n_variables)
        1 where a level belongs to a variable.
    weights : Tensor of shape (n_variables,)
        Of the variables in the loss.
    """

    columns: Tensor
    low: Tensor
    span: Tensor
    member: Tensor
    weights: Tensor

    def cross_entropy(self, output: Tensor, rows: Tensor) -> Tensor:
        """Return the weighted cross-entropy of all variables, mean over rows; unknown ones cost nothing."""
        logits = output.index_select(1, self.columns).clamp(-_MAX_LOGIT, _MAX_LOGIT)
        wanted = (rows.index_select(1, self.columns) - self.low) / self.span
        known = wanted @ self.member  # 1 where the variable is known
        missed = known * (logits.exp() @ self.member).log() - (wanted * logits) @ self.member
        return (missed @ self.weights).mean()


class Losses:
    """Damage and loss for the columns of one reference space, standardised by one common scale.

    Each variable counts by its share of the space's total variance, so that the weights chosen for
    the reference space hold here too, and 1 is the loss of a network that has learned nothing.

    Parameters
    ----------
    variables
        What the columns of ``data`` are.
    data
        Rows (n, n_columns), standardised: their columns' variances have mean 1.
    device
        Where the tensors live.
    """

    def __init__(self, variables: Variables, data: FloatArray, device: torch.device) -> None:
        def tensor(values: Any) -> Tensor:
            made: Tensor = torch.as_tensor(values, device=device)
            return made.float() if made.is_floating_point() else made

        flags = variables.flag[variables.flagged]
        jittered = variables.numeric
        jittered[flags] = False
        self._noise = tensor(_NOISE * np.where(jittered, data.std(axis=0), 0.0))
        self._share = tensor(variables.numeric / data.shape[1])
        self._levels = _categorical_loss(variables, data, tensor) if variables.levels else None
        self._flagged, self._flags = tensor(variables.flagged), tensor(flags)
        self._middle = tensor((variables.low + variables.high)[flags] / 2)
        self._hidden = tensor(variables.hidden)
        self._may_hide = torch.isfinite(self._hidden)
        self._any_hidden = bool(self._may_hide.any())
        self._owner = tensor(variables.owner)

    def damage(self, rows: Tensor, random: torch.Generator) -> Tensor:
        """Return noisy copies: numbers jittered; levels, and numbers that may be missing, hidden at times."""
        noise = torch.empty_like(rows).normal_(generator=random)
        damaged = torch.addcmul(rows, noise, self._noise)
        if not self._any_hidden:
            return damaged
        draws = torch.rand((len(rows), len(self._owner)), generator=random, device=rows.device)
        hide = (draws < _HIDE).index_select(1, self._owner) & self._may_hide
        return torch.where(hide, self._hidden, damaged)

    def reconstruction(self, output: Tensor, rows: Tensor) -> Tensor:
        """Return the unexplained share of the space's variance; levels count by their cross-entropy.

        Missing values are not asked for.
        """
        errors = (output - rows) ** 2
        if len(self._flagged):
            errors[:, self._flagged] *= rows[:, self._flags] < self._middle
        loss = (errors @ self._share).mean()
        return loss if self._levels is None else loss + self._levels.cross_entropy(output, rows)


def _categorical_loss(
    variables: Variables, data: FloatArray, tensor: Callable[[Any], Tensor]
) -> _CategoricalLoss:
    columns = np.concatenate(variables.levels)
    weights = [_weight(data[:, group], variables.low[group]) for group in variables.levels]
    return _CategoricalLoss(
        tensor(columns),
        tensor(variables.low[columns]),
        tensor((variables.high - variables.low)[columns]),
        tensor(np.eye(len(weights))[variables.group[columns]]),
        tensor(np.array(weights) / data.shape[1]),
    )


def contrast(left: Tensor, right: Tensor, temperature: float) -> Tensor:
    """Return how badly each row finds its partner among all partners of its batch, and the reverse.

    Rows are (batch, e), or (batches, batch, e) for batches that do not see each other.

    InfoNCE (van den Oord, Li & Vinyals 2018, equation 4) on cosine similarities, in both directions;
    cosines are bounded, so the exponentials need no shift.
    """
    left, right = functional.normalize(left, dim=-1), functional.normalize(right, dim=-1)
    likeness = (left @ right.mT / temperature).exp()
    matched = (left * right).sum(-1).mean() / temperature
    return (likeness.sum(-2).log().mean() + likeness.sum(-1).log().mean()) / 2 - matched


def _weight(block: FloatArray, low: FloatArray) -> float:
    """Return the variance of a categorical variable's columns over the entropy of its levels."""
    shares = (block > low).mean(axis=0)
    shares = np.append(shares, 1 - shares.sum())
    entropy = float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
    return float(block.var(axis=0).sum()) / entropy


def segment_centers(points: Tensor, shares: Tensor) -> Tensor:
    """Return the segments' centres (k, e): means of the points (n, e), weighted by shares (n, k)."""
    return (shares.T @ points) / shares.sum(0)[:, None]


def soft_assignment(points: Tensor, centers: Tensor) -> Tensor:
    """Return soft memberships (n, k) of points (n, e) in segments around some centres (k, e)."""
    likeness = 1 / (1 + torch.cdist(points, centers) ** 2)
    return likeness / likeness.sum(1, keepdim=True)


def target_distribution(shares: Tensor) -> Tensor:
    """Return sharpened memberships (n, k): squared, and divided by the segments' sizes."""
    sharp = shares**2 / shares.sum(0)
    return sharp / sharp.sum(1, keepdim=True)


def kl_divergence(wanted: Tensor, shares: Tensor) -> Tensor:
    """Return the mean Kullback-Leibler divergence of memberships from their target, in nats."""
    return (wanted * (wanted.clamp(min=1e-12) / shares.clamp(min=1e-12)).log()).sum(1).mean()
