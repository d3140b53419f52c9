"""How much of which latent type a firm is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segmentwerk.data.demo.world import Array


@dataclass(frozen=True)
class Blend:
    """How a firm acts: mostly like its latent type ``kind``, a share ``foreign`` like one ``other`` type."""

    kind: Array
    other: Array
    foreign: Array

    def of(self, table: Sequence[object]) -> Array:
        """Return a table by type, (n_types, ...), as it applies to each firm, (BLOCK, ...).

        Elementwise on purpose: a matrix product's last digits may depend on the number of threads.
        """
        by_type = np.asarray(table, dtype=float)
        foreign = self.foreign.reshape(-1, *[1] * (by_type.ndim - 1))
        return np.asarray((1.0 - foreign) * by_type[self.kind] + foreign * by_type[self.other])
