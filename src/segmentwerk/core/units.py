"""What a number can be at all, by its unit."""

from __future__ import annotations

LARGEST = 1e18
"""More than any company's money in the smallest currency, and than anything that is counted."""
ANY = (-LARGEST, LARGEST)
_COUNT = (0.0, 1e12)
LIMITS: dict[str, tuple[float, float]] = {
    "days": (0.0, 1e6),  # since the year 1 there were three quarters of them
    "years": (0.0, 1e4),
    "km": (0.0, 20_038.0),  # half of the equator
    "people": (0.0, 1e10),
    "share": (0.0, 1.0),
    "ratio": (0.0, LARGEST),
    "-2 to 2": (-2.0, 2.0),
    "0 to 1": (0.0, 1.0),
    "standard deviations": (-1e3, 1e3),
    **dict.fromkeys(
        (
            "accounts",
            "categories",
            "e-mails",
            "lines",
            "meetings",
            "orders",
            "products",
            "tickets",
            "visits",
        ),
        _COUNT,
    ),
}
"""Smallest and largest value by unit, both possible; a unit that is not named can be `ANY`thing."""
