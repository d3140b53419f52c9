"""Trains the autoencoder: whole-tensor batches, reconstruction and agreement with nearest neighbours."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from segmentwerk.core.files import atomic_file
from segmentwerk.segmenters import _fine_tuning
from segmentwerk.segmenters._embedder import Embedder
from segmentwerk.segmenters._lesson import Lesson
from segmentwerk.segmenters._losses import contrast
from segmentwerk.segmenters._network import Half
from segmentwerk.segmenters._optimizer import AdamW, one_cycle
from segmentwerk.segmenters.base import Labels

HIDDEN = (256, 128)
BATCH = 192
MIN_STEPS, MAX_STEPS = 24, 125
"""Steps of an epoch: one pass over the rows, but no fewer and no more than this.

On digits and pendigits, twenty epochs of at least 24 batches of 192 find the classes as well as twenty of at
least 30 batches of 256; on tables as small as digits in two thirds of the time.
"""

_lock = Lock()
_MAX_REMEMBERED = 64
_memory: dict[str, tuple[Tensor, list[float]]] = {}
"""Finished trainings of this process by their key: less than a megabyte each, oldest first."""

_FOLDED = 200_000
"""Rows, in random order, whose statistics are folded into the finished network, at most."""
_REFERENCE_TEMPERATURE = 0.5
_PATIENCE = 5


@dataclass(frozen=True)
class Recipe:
    """What the search may vary about the training."""

    embedding: int
    epochs: int
    learning_rate: float
    temperature: float
    contrast: float


class Trainer:
    """One network on its way: parameters, optimiser, random state and the best parameters so far."""

    def __init__(self, lesson: Lesson, recipe: Recipe, seed: int, checkpoint: Path | None = None) -> None:
        self.lesson, self.recipe = lesson, recipe
        self.checkpoint = checkpoint
        device, n_columns = lesson.rows.device, lesson.rows.shape[1]
        self.encoder = Half((n_columns, *HIDDEN, recipe.embedding))
        self.decoder = Half((recipe.embedding, *HIDDEN[::-1], n_columns))
        start = torch.Generator().manual_seed(seed)
        flat = torch.cat([self.encoder.start(start), self.decoder.start(start)])
        self.flat = flat.to(device).requires_grad_()
        self.seed, self.random = seed, torch.Generator(device).manual_seed(seed)
        self.optimizer = AdamW(self.flat)
        self.best, self.curve = self.flat.detach().clone(), list[float]()
        self.batch, self.steps = self._pace(len(lesson.anchors))
        self.key = _key(lesson, recipe, seed, self.batch)

    def _pace(self, n_anchors: int) -> tuple[int, int]:
        """Return the size of a batch, and the batches of an epoch."""
        return min(BATCH, n_anchors), min(max(math.ceil(n_anchors / BATCH), MIN_STEPS), MAX_STEPS)

    def run(self, after_epoch: Callable[[int, float], None]) -> Embedder:
        """Train to the last epoch, or until the validation loss has not improved for some epochs.

        ``after_epoch`` is told the number of finished epochs and the validation loss.
        """
        self._resume()
        self._recall(after_epoch)
        while len(self.curve) < self.recipe.epochs and not self.stale:
            self._epoch()
            self.curve.append(self._validate())
            if self.curve[-1] <= min(self.curve):
                self.best = self.flat.detach().clone()
            self._save()
            after_epoch(len(self.curve), self.curve[-1])
        self._remember()
        return self._finish()

    def _recall(self, after_epoch: Callable[[int, float], None]) -> None:
        """Take what this process trained before on the same rows with the same recipe and seed.

        Trials that differ only in the head or its number of segments then share one network.
        """
        if self.key not in _memory:
            return
        best, self.curve = _memory[self.key]
        self.best = best.to(self.best.device)
        for epoch, loss in enumerate(self.curve, 1):
            after_epoch(epoch, loss)

    def _remember(self) -> None:
        with _lock:
            _memory[self.key] = (self.best.cpu(), list(self.curve))
            while len(_memory) > _MAX_REMEMBERED:
                del _memory[next(iter(_memory))]

    @property
    def stale(self) -> bool:
        """Whether the last epochs brought no improvement."""
        return bool(self.curve) and len(self.curve) - 1 - int(np.argmin(self.curve)) >= _PATIENCE

    def _batches(self) -> Iterator[Tensor]:
        """Yield the anchors of an epoch's batches, from as many shuffled passes as that takes."""
        anchors = self.lesson.anchors
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
        done = (len(self.curve) * self.steps + number) / (self.recipe.epochs * self.steps)
        return self.recipe.learning_rate * one_cycle(done)

    def _total(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted loss of a batch of anchors, and their embedding."""
        graph, random = self.lesson.graph, self.random
        choice = torch.randint(graph.shape[1], batch.shape, generator=random, device=batch.device)
        rows = self.lesson.rows.index_select(0, torch.cat([batch, graph[batch, choice]]))
        damaged = self.lesson.losses.damage(rows, random)
        agreement, reconstruction, points = self._losses(
            damaged, rows, self.recipe.temperature, min(BATCH, len(batch))
        )
        return self.recipe.contrast * agreement + reconstruction, points

    def _losses(
        self, damaged: Tensor, rows: Tensor, temperature: float, together: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return both losses of anchors, the first half of the rows, and their neighbours, the second.

        As many anchors as stand ``together`` are told from each other. Last comes the anchors' embedding.
        """
        encoder, decoder = torch.split(self.flat, [self.encoder.size, self.decoder.size])
        half = len(rows) // 2
        with torch.autocast(rows.device.type, torch.bfloat16, enabled=rows.device.type == "cuda"):
            embedding = self.encoder.run(encoder, damaged)
            output = self.decoder.run(decoder, embedding[:half])
        left, right = torch.split(embedding.float(), half)
        restoring = self.lesson.losses.reconstruction(output.float(), rows[:half])
        pairs = left, right
        if together < half:
            left_groups, right_groups = (side.view(-1, together, side.shape[1]) for side in pairs)
            pairs = left_groups, right_groups
        agreement = contrast(*pairs, temperature)
        return agreement, restoring, left

    @torch.no_grad()
    def _validate(self) -> float:
        """Return the loss of held-out anchors; always at one temperature, so that trials can be compared."""
        anchors = self.lesson.held_out
        rows = self.lesson.rows.index_select(0, torch.cat([anchors, self.lesson.graph[anchors, 0]]))
        agreement, reconstruction, _ = self._losses(rows, rows, _REFERENCE_TEMPERATURE, len(anchors))
        return float(agreement + reconstruction)

    def fine_tune(self, labels: Labels, epochs: int) -> Embedder:
        """Go on from the best network, with rows drawn to the centre of their segment (`_fine_tuning`).

        Centres and targets are renewed after each epoch.
        """
        self.flat.data.copy_(self.best)
        self.random.manual_seed(self.seed)  # the same whether the network was trained or remembered
        optimizer = AdamW(self.flat)
        shares = functional.one_hot(torch.from_numpy(labels)).float().to(self.flat.device)
        for _ in range(epochs):
            middles = _fine_tuning.centers(self._points(), shares)
            wanted = _fine_tuning.target(_fine_tuning.memberships(self._points(), middles))
            for batch in self._batches():
                loss, points = self._total(batch)
                shares = _fine_tuning.memberships(functional.normalize(points, dim=1), middles)
                loss = loss + _fine_tuning.WEIGHT * _fine_tuning.divergence(wanted[batch], shares)
                (gradient,) = torch.autograd.grad(loss, self.flat)
                optimizer.step(self.flat, gradient, _fine_tuning.RATE * self.recipe.learning_rate)
            shares = _fine_tuning.memberships(self._points(), middles)
        self.best = self.flat.detach().clone()
        return self._finish()

    @torch.no_grad()
    def _points(self) -> Tensor:
        """Return the embedding of all rows, scaled to length one."""
        encoder, _ = torch.split(self.flat, [self.encoder.size, self.decoder.size])
        return functional.normalize(self.encoder.run(encoder, self.lesson.rows), dim=1)

    @torch.no_grad()
    def _finish(self) -> Embedder:
        """Fold the best network, and the standard form of the rows, into plain maps."""
        lesson = self.lesson
        flat_encoder, flat_decoder = torch.split(self.best, [self.encoder.size, self.decoder.size])
        encoder, embedding = self.encoder.freeze(flat_encoder, lesson.rows[:_FOLDED])
        decoder, _ = self.decoder.freeze(flat_decoder, embedding)
        numeric = lesson.variables.numeric  # levels come out as logits, which have no unit
        center, scale = numeric * lesson.center[lesson.order], np.where(numeric, lesson.scale, 1.0)
        return Embedder(
            encoder.before(lesson.center, lesson.scale, lesson.order),
            decoder.after(center, scale, lesson.order),
            lesson.original,
        )

    def _save(self) -> None:
        """Write all that is needed to go on after this epoch."""
        if self.checkpoint is None:
            return
        state = {
            **self._tensors,
            "random": self.random.get_state(),
            "curve": torch.tensor(self.curve, dtype=torch.float64),
            "steps": torch.tensor(self.optimizer.steps),
        }
        with atomic_file(self.checkpoint) as draft:
            save_file(state, draft, {"key": self.key})

    def _resume(self) -> None:
        """Go on from the checkpoint, if there is one of the same training."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return
        with safe_open(self.checkpoint, "pt") as file:
            if (file.metadata() or {}).get("key") != self.key:
                return
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        for name, tensor in self._tensors.items():
            tensor.copy_(state[name])
        self.random.set_state(state["random"])
        self.curve, self.optimizer.steps = state["curve"].tolist(), int(state["steps"])

    @property
    def _tensors(self) -> dict[str, Tensor]:
        moments = {"first": self.optimizer.first, "second": self.optimizer.second}
        return {"flat": self.flat.detach(), "best": self.best, **moments}


def _key(lesson: Lesson, recipe: Recipe, seed: int, batch: int) -> str:
    """Return a digest of all that the training depends on."""
    settings = json.dumps([asdict(recipe), seed, batch, lesson.rows.device.type, torch.__version__])
    digest = sha256(settings.encode())
    for tensor in (lesson.rows, lesson.graph, lesson.held_out):
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def device() -> torch.device:
    """Return the fastest device of a machine without a CUDA card."""
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
