"""How often Python looks for objects that refer to each other and that nobody else needs."""

from __future__ import annotations

import gc

SELDOM = (10_000, 10, 10)
"""The youngest generation is looked through after so many new objects; 700 is Python's default.

The libraries that a comparison imports and the queries that it composes are a million objects that stay.
With the default each process walks through all of them again and again, for nothing: what is to be freed
is nearly always freed by its reference count.
"""


def collect_seldom() -> None:
    """Look for such objects less often, in a process that is all ours: a library must not decide this."""
    gc.set_threshold(*SELDOM)
