"""Training on a graphics card: every row in every epoch, large batches, and steps that are recorded once.

Network, losses, schedule and stopping are the `Trainer`'s. Other than there

- a batch holds as many groups of 192 anchors as make about 125 batches of the table, so that small tables are
  trained as elsewhere. Anchors are told from those of their own group, so that the contrastive loss means
  the same at every size, and costs a group for each anchor rather than a batch;
- the peak rate grows with the square root of the batch, the rule for Adam (Malladi, Lyu, Panigrahi & Arora
  2022, definition 4.1): the gradient's noise falls with that root, and Adam divides by it;
- a step is recorded as a CUDA graph and replayed: its hundred small kernels cost their launch otherwise. All
  that changes from step to step (anchors, rates, random state) waits on the card.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from segmentwerk.segmenters import _training
from segmentwerk.segmenters._training import Trainer

_WARM_UPS = 3
"""Steps before a recording, in which libraries set themselves up."""


class CudaTrainer(Trainer):
    """A `Trainer` for a dataset on the card; on the processor it takes the same steps one by one."""

    _graph: torch.cuda.CUDAGraph | None = None
    _plan: Tensor
    _factors: Tensor
    _place: Tensor

    def _pace(self, n_anchors: int) -> tuple[int, int]:
        groups = max(1, n_anchors // (_training.BATCH * _training.MAX_STEPS))
        batch = min(_training.BATCH * groups, n_anchors)
        return batch, max(math.ceil(n_anchors / batch), _training.MIN_STEPS)

    def _rate(self, number: int) -> float:
        return super()._rate(number) * math.sqrt(max(1.0, self.batch / _training.BATCH))

    def _epoch(self) -> None:
        plan = torch.stack(list(self._batches()))
        factors = torch.tensor([self.optimizer.factors(self._rate(number)) for number in range(self.steps)])
        self._lay_out(plan, factors)
        if self._graph is None and plan.device.type == "cuda":
            self._graph = self._record()
        take_step = self._follow if self._graph is None else self._graph.replay
        for _ in range(self.steps):
            take_step()

    def _lay_out(self, plan: Tensor, factors: Tensor) -> None:
        """Put an epoch's anchors and rates where the steps look for them."""
        if self._graph is None:
            self._plan, self._factors = plan, factors.to(plan.device)
            self._place = torch.zeros(1, dtype=torch.int64, device=plan.device)
        else:
            self._plan.copy_(plan)
            self._factors.copy_(factors)
            self._place.zero_()

    def _follow(self) -> None:
        """Take the next step of the plan."""
        batch = self._plan.index_select(0, self._place)[0]
        factors = self._factors.index_select(0, self._place)[0]
        self.optimizer.replay(self.flat, self._gradient(batch), factors)
        self._place += 1

    def _record(self) -> torch.cuda.CUDAGraph:
        """Record a step without taking it."""
        state = self.random.get_state()
        for _ in range(_WARM_UPS):
            self._gradient(self._plan[0])
        self.random.set_state(state)
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.random)
        # Other threads may predict meanwhile: only this one must keep to what can be recorded.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._follow()
        return graph
