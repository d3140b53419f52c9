"""What the network is trained for: to restore damaged rows, and to keep nearest neighbours together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from segmentwerk.segmenters._variables import Variables
from segmentwerk.segmenters.base import Array

_NOISE = 0.1
_HIDE = 0.1


@dataclass(frozen=True)
class _Levels:
    """A categorical variable: its columns, the values that mean no and yes, and its weight in the loss."""

    columns: Tensor
    low: Tensor
    span: Tensor
    weight: float


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

    def __init__(self, variables: Variables, data: Array, device: torch.device) -> None:
        def tensor(values: Any) -> Tensor:
            made: Tensor = torch.as_tensor(values, device=device)
            return made.float() if made.is_floating_point() else made

        flags = variables.flag[variables.flagged]
        jittered = variables.numeric
        jittered[flags] = False
        self._noise = tensor(_NOISE * np.where(jittered, data.std(axis=0), 0.0))
        self._share = tensor(variables.numeric / data.shape[1])
        self._levels = [
            _Levels(
                tensor(group),
                tensor(variables.low[group]),
                tensor((variables.high - variables.low)[group]),
                _weight(data[:, group], variables.low[group]) / data.shape[1],
            )
            for group in variables.levels
        ]
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
        hide = (draws < _HIDE)[:, self._owner] & self._may_hide
        return torch.where(hide, self._hidden, damaged)

    def reconstruction(self, output: Tensor, rows: Tensor) -> Tensor:
        """Return the unexplained share of the space's variance; levels count by their cross-entropy.

        Missing values are not asked for.
        """
        errors = (output - rows) ** 2
        if len(self._flagged):
            errors[:, self._flagged] *= rows[:, self._flags] < self._middle
        loss = (errors @ self._share).mean()
        for level in self._levels:
            wanted = (rows[:, level.columns] - level.low) / level.span
            loss = loss - level.weight * (wanted * output[:, level.columns].log_softmax(1)).sum(1).mean()
        return loss


def contrast(left: Tensor, right: Tensor, temperature: float) -> Tensor:
    """Return how badly each row finds its partner among all partners of the batch, and the reverse.

    InfoNCE (van den Oord, Li & Vinyals 2018, equation 4) on cosine similarities, in both directions;
    cosines are bounded, so the exponentials need no shift.
    """
    left, right = functional.normalize(left, dim=1), functional.normalize(right, dim=1)
    likeness = (left @ right.T / temperature).exp()
    matched = (left * right).sum(1).mean() / temperature
    return (likeness.sum(0).log().mean() + likeness.sum(1).log().mean()) / 2 - matched


def _weight(block: Array, low: Array) -> float:
    """Return the variance of a categorical variable's columns over the entropy of its levels."""
    shares = (block > low).mean(axis=0)
    shares = np.append(shares, 1 - shares.sum())
    entropy = float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
    return float(block.var(axis=0).sum()) / entropy
