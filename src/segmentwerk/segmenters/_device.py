"""Which graphics card there is, if any, and when it pays to use it."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import replace
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from segmentwerk.segmenters._remembered import RememberingMLP

if TYPE_CHECKING:
    import torch

    from segmentwerk.segmenters._embedder import Embedder

MANY = 100_000
"""Rows from which the way to the card and back is worth it for what numpy does at once otherwise.

What a network makes of fewer is remembered: trials and finalists that differ in the head ask for it again.
"""

training_lock = Lock()
"""Trainings in threads of one process take turns: no other may wait for the card while a step is recorded."""


def cuda(n_rows: int | None = None) -> torch.device | None:
    """Return the CUDA card of this machine, or None where there is none or the rows are too few for it."""
    if (n_rows is not None and n_rows < MANY) or not _has_driver():
        return None
    import torch  # here, because it takes a second to import, and prediction needs numpy alone

    return torch.device("cuda") if torch.cuda.is_available() else None


def to_device(embedder: Embedder, n_rows: int) -> Embedder:
    """Return the embedder with its maps on the card, if there is one and the rows are many.

    For few rows it remembers what it makes of them.
    """
    both, device = (embedder.encoder, embedder.decoder), cuda(n_rows)
    if device is not None:
        from segmentwerk.segmenters._cuda import CudaMLP

        on_card = [CudaMLP(each.layers, device) for each in both]
        return replace(embedder, encoder=on_card[0], decoder=on_card[1])
    if n_rows >= MANY:
        return embedder
    remembering = [RememberingMLP(each.layers) for each in both]
    return replace(embedder, encoder=remembering[0], decoder=remembering[1])


@cache
def _has_driver() -> bool:
    """Whether NVIDIA's driver is installed."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
