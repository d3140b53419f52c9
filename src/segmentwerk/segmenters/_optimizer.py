"""AdamW on one flat vector. torch's own optimisers import its compiler, which takes seconds."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_DECAYS = (0.9, 0.999)
_EPSILON = 1e-8
_WEIGHT_DECAY = 1e-4
_CLIP = 5.0


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2) and clipped gradients.

    Attributes
    ----------
    first, second : Tensor
        Running means of the gradient and of its square, as long as the parameters.
    steps : int
        Steps taken so far.
    """

    def __init__(self, like: Tensor) -> None:
        self.first, self.second, self.steps = torch.zeros_like(like), torch.zeros_like(like), 0

    @torch.no_grad()
    def step(self, parameters: Tensor, gradient: Tensor, rate: float) -> None:
        """Change the parameters in place, against a gradient whose norm is cut at 5."""
        self._remember(gradient)
        keep, size, root = self.factors(rate)
        scale = self.second.sqrt().div_(root).add_(_EPSILON)
        parameters.mul_(keep)
        parameters.addcdiv_(self.first, scale, value=-size)

    @torch.no_grad()
    def replay(self, parameters: Tensor, gradient: Tensor, factors: Tensor) -> None:
        """Do what `step` does, with `factors` that wait on the device: nothing here knows their values."""
        self._remember(gradient)
        keep, size, root = factors
        scale = self.second.sqrt().div_(root).add_(_EPSILON)
        parameters.mul_(keep).sub_(self.first.div(scale).mul_(size))

    def factors(self, rate: float) -> tuple[float, float, float]:
        """Count a step; return what it leaves of the parameters, its size, and the root to scale it by."""
        self.steps += 1
        first_decay, second_decay = _DECAYS
        return (
            1 - rate * _WEIGHT_DECAY,
            rate / (1 - first_decay**self.steps),
            math.sqrt(1 - second_decay**self.steps),
        )

    def _remember(self, gradient: Tensor) -> None:
        gradient = gradient * (_CLIP / gradient.norm().clamp(min=_CLIP))
        first_decay, second_decay = _DECAYS
        self.first.lerp_(gradient, 1 - first_decay)
        self.second.mul_(second_decay).addcmul_(gradient, gradient, value=1 - second_decay)


def one_cycle(done: float) -> float:
    """Return the learning rate at a share of the training, as a share of its peak.

    Cosine from 1/25 up over the first three tenths, then down to nothing (Smith & Topin 2018).
    """
    warm_up = 0.3
    if done < warm_up:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * done / warm_up)) / 2
    return (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))) / 2
