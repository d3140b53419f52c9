"""How a monitoring gate answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from segmentwerk.core.monitored import MonitoringFinding, Word


def answer(
    code: str,
    title: str,
    ok: bool | None,
    message: str,
    *,
    severity: Literal["error", "warning"] = "error",
    word: Word = "",
    features: Sequence[str] = (),
    segments: Sequence[int] = (),
    level: str = "",
    facts: Mapping[str, float] | None = None,
) -> MonitoringFinding:
    """Make a gate's answer; ``ok`` None says that the question could not be asked."""
    status: Literal["passed", "failed", "not_applicable"]
    status = "not_applicable" if ok is None else "passed" if ok else "failed"
    return MonitoringFinding(
        code=code, title=title, status=status, severity=severity, word="" if ok is not False else word,
        message=message, features=tuple(features), segments=tuple(segments), level=level,
        facts={name: float(value) for name, value in (facts or {}).items()},
    )  # fmt: skip
