"""What draws network and segments together after training.

Improved deep embedded clustering (Guo, Gao, Liu & Yin 2017, sections 3.1 and 3.2): soft memberships are
Student's t around the segments' centres, and are drawn to a sharpened copy of themselves while the
network's own losses go on, so that the embedding keeps what it learned.
"""

from __future__ import annotations

import torch
from torch import Tensor

WEIGHT = 0.1
"""Of the memberships' loss beside the network's own, as in the paper."""
RATE = 0.1
"""Learning rate, as a share of the training's peak."""


def centers(points: Tensor, shares: Tensor) -> Tensor:
    """Return the segments' centres (k, e): means of the points (n, e), weighted by shares (n, k)."""
    return (shares.T @ points) / shares.sum(0)[:, None]


def memberships(points: Tensor, middles: Tensor) -> Tensor:
    """Return soft memberships (n, k) of points (n, e) in segments around some centres (k, e)."""
    likeness = 1 / (1 + torch.cdist(points, middles) ** 2)
    return likeness / likeness.sum(1, keepdim=True)


def target(shares: Tensor) -> Tensor:
    """Return sharpened memberships (n, k): squared, and divided by the segments' sizes."""
    sharp = shares**2 / shares.sum(0)
    return sharp / sharp.sum(1, keepdim=True)


def divergence(wanted: Tensor, shares: Tensor) -> Tensor:
    """Return the mean Kullback-Leibler divergence of memberships from their target, in nats."""
    return (wanted * (wanted.clamp(min=1e-12) / shares.clamp(min=1e-12)).log()).sum(1).mean()
