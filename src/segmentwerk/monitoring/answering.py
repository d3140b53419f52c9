"""How a monitoring gate answers, or says why it could not be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from segmentwerk.core.monitored import MonitoringFinding, Unasked, Word


def answer(
    code: str,
    title: str,
    ok: bool,
    message: str,
    *,
    severity: Literal["error", "warning"] = "error",
    word: Word = "",
    features: Sequence[str] = (),
    segments: Sequence[int] = (),
    level: str = "",
    facts: Mapping[str, float] | None = None,
) -> MonitoringFinding:
    """Make a gate's answer."""
    return MonitoringFinding(
        code=code, title=title, status="passed" if ok else "failed", severity=severity,
        word="" if ok else word, message=message, features=tuple(features), segments=tuple(segments),
        level=level, facts={name: float(value) for name, value in (facts or {}).items()},
    )  # fmt: skip


def unasked(code: str, title: str, why: str | Unasked) -> MonitoringFinding:
    """Say that a gate could not be asked; ``why`` is a key of the texts (`monitoring_reasons`)."""
    reason = Unasked(reason=why) if isinstance(why, str) else why
    return MonitoringFinding(code=code, title=title, status="not_applicable", unasked=reason)
