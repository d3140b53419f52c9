"""Sums whose last digit depends neither on the order of the rows nor on the number of threads.

Money and shares are counted in whole multiples of a small unit, which every engine adds up without an error.
"""

from __future__ import annotations

from typing import Any

MONEY = 1e-4
"""Money is summed in ten-thousandths of the currency unit."""
SHARE = 1e-12
"""Shares are summed in trillionths."""


def whole(value: Any, unit: float = MONEY) -> Any:
    """Count a column in whole units (int64), rounding half up alike on every engine."""
    return (value.cast("float64") * round(1 / unit) + 0.5).floor().cast("int64")


def total(value: Any, where: Any = None, unit: float = MONEY) -> Any:
    """Sum a column counted by `whole`, back in its original unit."""
    return value.sum(where=where).cast("float64") / float(round(1 / unit))
