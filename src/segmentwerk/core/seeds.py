"""Independent seeds from one seed and the names of what they are for."""

from __future__ import annotations

import hashlib


def derive(seed: int, *names: object) -> int:
    """Return a seed in [0, 2**31) that depends on ``seed`` and on every name.

    Examples
    --------
    >>> derive(0, "kmeans", 1) == derive(0, "kmeans", 1)
    True
    >>> derive(0, "kmeans", 1) == derive(0, "kmeans", 2)
    False
    """
    text = "/".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
