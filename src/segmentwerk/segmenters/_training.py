"""Trains the autoencoder: whole-tensor batches, reconstruction and agreement with nearest neighbours."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, astuple, dataclass
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from segmentwerk.core.arrays import IntArray
from segmentwerk.segmenters import _losses
from segmentwerk.segmenters._embedder import Embedder
from segmentwerk.segmenters._network import MLP
from segmentwerk.segmenters._optimizer import AdamW, one_cycle
from segmentwerk.segmenters._remembered import Memory
from segmentwerk.segmenters._training_data import TrainingData

HIDDEN = (256, 128)
BATCH = 192
MIN_STEPS, MAX_STEPS = 24, 125
"""Steps of an epoch: one pass over the rows, but no fewer and no more than this.

On digits and pendigits, twenty epochs of at least 24 batches of 192 find the classes as well as twenty of at
least 30 batches of 256; on tables as small as digits in two thirds of the time.
"""

_MAX_REMEMBERED = 64
_memory: Memory[tuple[Tensor, list[float], Embedder]] = Memory(_MAX_REMEMBERED)
"""Finished trainings of this process by their key: less than two megabytes each."""

_FOLDED = 200_000
"""Rows, in random order, whose statistics are folded into the finished network, at most."""
_REFERENCE_TEMPERATURE = 0.5
_PATIENCE = 5


@dataclass(frozen=True)
class Hyperparameters:
    """What the search may vary about the training."""

    embedding: int
    epochs: int
    learning_rate: float
    temperature: float
    contrast: float


class Trainer:
    """One network on its way: parameters, optimiser, random state and the best parameters so far."""

    def __init__(self, dataset: TrainingData, params: Hyperparameters, seed: int) -> None:
        self.dataset, self.params = dataset, params
        device, n_columns = dataset.rows.device, dataset.rows.shape[1]
        self.encoder = MLP((n_columns, *HIDDEN, params.embedding))
        self.decoder = MLP((params.embedding, *HIDDEN[::-1], n_columns))
        start = torch.Generator().manual_seed(seed)
        flat = torch.cat([self.encoder.initial_parameters(start), self.decoder.initial_parameters(start)])
        self.flat = flat.to(device).requires_grad_()
        self.seed, self.random = seed, torch.Generator(device).manual_seed(seed)
        self.optimizer = AdamW(self.flat)
        self.best, self.curve = self.flat.detach().clone(), list[float]()
        self.batch, self.steps = self._pace(len(dataset.anchors))
        self.key = _key(dataset, params, seed, self.batch)

    def _pace(self, n_anchors: int) -> tuple[int, int]:
        """Return the size of a batch, and the batches of an epoch."""
        return min(BATCH, n_anchors), min(max(math.ceil(n_anchors / BATCH), MIN_STEPS), MAX_STEPS)

    def run(self, after_epoch: Callable[[int, float], None]) -> Embedder:
        """Train to the last epoch, or until the validation loss has not improved for some epochs.

        ``after_epoch`` is told the number of finished epochs and the validation loss.
        """
        recalled = _memory.find(self.key)
        if recalled is not None:
            return self._recall(*recalled, after_epoch)
        while len(self.curve) < self.params.epochs and not self.stale:
            self._epoch()
            self.curve.append(self._validate())
            if self.curve[-1] <= min(self.curve):
                self.best = self.flat.detach().clone()
            after_epoch(len(self.curve), self.curve[-1])
        return _memory.keep(self.key, (self.best.cpu(), list(self.curve), self._finish()))[-1]

    def _recall(
        self, best: Tensor, curve: list[float], embedder: Embedder, after_epoch: Callable[[int, float], None]
    ) -> Embedder:
        """Take what this process trained before on the same rows with the same params and seed.

        Trials that differ only in the head or its number of segments then share one network.
        """
        self.best, self.curve = best.to(self.best.device), list(curve)
        for epoch, loss in enumerate(curve, 1):
            after_epoch(epoch, loss)
        return embedder

    @property
    def stale(self) -> bool:
        """Whether the last epochs brought no improvement."""
        return bool(self.curve) and len(self.curve) - 1 - int(np.argmin(self.curve)) >= _PATIENCE

    def _batches(self) -> Iterator[Tensor]:
        """Yield the anchors of an epoch's batches, from as many shuffled passes as that takes."""
        anchors = self.dataset.anchors
        size, missing = self.batch, self.steps
        while missing > 0:
            order = torch.randperm(len(anchors), generator=self.random, device=anchors.device)
            batches = order[: len(order) // size * size].view(-1, size)[:missing]
            missing -= len(batches)
            yield from anchors[batches]

    def _epoch(self) -> None:
        for number, batch in enumerate(self._batches()):
            self._step(batch, number)

    def _step(self, batch: Tensor, number: int) -> None:
        self.optimizer.step(self.flat, self._gradient(batch), self._rate(number))

    def _gradient(self, batch: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad(self._total(batch)[0], self.flat)
        return gradient

    def _rate(self, number: int) -> float:
        """Return the learning rate of a step of this epoch."""
        done = (len(self.curve) * self.steps + number) / (self.params.epochs * self.steps)
        return self.params.learning_rate * one_cycle(done)

    def _total(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted loss of a batch of anchors, and their embedding."""
        graph, random = self.dataset.graph, self.random
        choice = torch.randint(graph.shape[1], batch.shape, generator=random, device=batch.device)
        rows = self.dataset.rows.index_select(0, torch.cat([batch, graph[batch, choice]]))
        damaged = self.dataset.losses.damage(rows, random)
        agreement, reconstruction, points = self._losses(
            damaged, rows, self.params.temperature, min(BATCH, len(batch))
        )
        return self.params.contrast * agreement + reconstruction, points

    def _losses(
        self, damaged: Tensor, rows: Tensor, temperature: float, together: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return both losses of anchors, the first half of the rows, and their neighbours, the second.

        As many anchors as stand ``together`` are told from each other. Last comes the anchors' embedding.
        """
        encoder, decoder = torch.split(self.flat, [self.encoder.size, self.decoder.size])
        half = len(rows) // 2
        with torch.autocast(rows.device.type, torch.bfloat16, enabled=rows.device.type == "cuda"):
            embedding = self.encoder.forward(encoder, damaged)
            output = self.decoder.forward(decoder, embedding[:half])
        left, right = torch.split(embedding.float(), half)
        restoring = self.dataset.losses.reconstruction(output.float(), rows[:half])
        pairs = left, right
        if together < half:
            left_groups, right_groups = (side.view(-1, together, side.shape[1]) for side in pairs)
            pairs = left_groups, right_groups
        agreement = _losses.contrast(*pairs, temperature)
        return agreement, restoring, left

    @torch.no_grad()
    def _validate(self) -> float:
        """Return the loss of held-out anchors; always at one temperature, so that trials can be compared."""
        anchors = self.dataset.held_out
        rows = self.dataset.rows.index_select(0, torch.cat([anchors, self.dataset.graph[anchors, 0]]))
        agreement, reconstruction, _ = self._losses(rows, rows, _REFERENCE_TEMPERATURE, len(anchors))
        return float(agreement + reconstruction)

    def fine_tune(self, labels: IntArray, epochs: int) -> Embedder:
        """Go on from the best network, with rows drawn to the centre of their segment (`_losses`).

        Centres and targets are renewed after each epoch.
        """
        self.flat.data.copy_(self.best)
        self.random.manual_seed(self.seed)  # the same whether the network was trained or remembered
        optimizer = AdamW(self.flat)
        shares = functional.one_hot(torch.from_numpy(labels)).float().to(self.flat.device)
        for _ in range(epochs):
            centers = _losses.segment_centers(self._points(), shares)
            wanted = _losses.target_distribution(_losses.soft_assignment(self._points(), centers))
            for batch in self._batches():
                loss, points = self._total(batch)
                shares = _losses.soft_assignment(functional.normalize(points, dim=1), centers)
                loss = loss + _losses.FINE_TUNING_WEIGHT * _losses.kl_divergence(wanted[batch], shares)
                (gradient,) = torch.autograd.grad(loss, self.flat)
                optimizer.step(self.flat, gradient, _losses.FINE_TUNING_RATE * self.params.learning_rate)
            shares = _losses.soft_assignment(self._points(), centers)
        self.best = self.flat.detach().clone()
        return self._finish()

    @torch.no_grad()
    def _points(self) -> Tensor:
        """Return the embedding of all rows, scaled to length one."""
        encoder, _ = torch.split(self.flat, [self.encoder.size, self.decoder.size])
        return functional.normalize(self.encoder.forward(encoder, self.dataset.rows), dim=1)

    @torch.no_grad()
    def _finish(self) -> Embedder:
        """Fold the best network, and the standard form of the rows, into plain maps."""
        dataset = self.dataset
        flat_encoder, flat_decoder = torch.split(self.best, [self.encoder.size, self.decoder.size])
        encoder, embedding = self.encoder.fold(flat_encoder, dataset.rows[:_FOLDED])
        decoder, _ = self.decoder.fold(flat_decoder, embedding)
        numeric = dataset.variables.numeric  # levels come out as logits, which have no unit
        center, scale = (
            numeric * dataset.center[dataset.order],
            np.where(numeric, dataset.scale, 1.0),
        )
        return Embedder(
            encoder.before(dataset.center, dataset.scale, dataset.order),
            decoder.after(center, scale, dataset.order),
            dataset.original,
        )


def _key(dataset: TrainingData, params: Hyperparameters, seed: int, batch: int) -> str:
    """Return a digest of all that the training and the finished network depend on.

    Rows that are alike in standard form only, in other units, come to other networks: the form is folded in.
    """
    settings = json.dumps([asdict(params), seed, batch, dataset.rows.device.type, torch.__version__])
    digest = sha256(settings.encode())
    for tensor in (dataset.rows, dataset.graph, dataset.held_out):
        digest.update(tensor.cpu().numpy().tobytes())
    form = (
        dataset.center,
        dataset.scale,
        dataset.order,
        dataset.variables.numeric,
        *astuple(dataset.original),
    )
    for array in form:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def device() -> torch.device:
    """Return the fastest device of a machine without a CUDA card."""
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
