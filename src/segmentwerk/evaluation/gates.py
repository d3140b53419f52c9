"""Knock-out criteria: a candidate that fails one of severity 'error' cannot win."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from segmentwerk.core.types import Gate, Score
from segmentwerk.evaluation.view import Case

STABILITY_CODE = "G002"
BASELINE_CODE = "G007"
NOISE_CODE = "G006"


def gate(
    code: str,
    title: str,
    ok: bool | None,
    message: str,
    severity: Literal["error", "warning"] = "error",
    *,
    facts: Mapping[str, float] | None = None,
) -> Gate:
    """Make a gate's answer; ``ok`` None says that the criterion does not apply."""
    status: Literal["passed", "failed", "not_applicable"]
    status = "not_applicable" if ok is None else "passed" if ok else "failed"
    return Gate(code, title, status, message, severity, facts or {})


def check(case: Case, scores: dict[str, Score]) -> tuple[Gate, ...]:
    """Ask every gate that needs one candidate alone (G001 … G006).

    Where the stability has not been measured, G002 says so; `asked_again` asks it later.
    """
    settings = case.settings
    sizes = np.bincount(case.labels, minlength=case.n_segments)
    learned = np.bincount(case.labels_train, minlength=case.n_segments)
    filled, empty = int((sizes > 0).sum()), np.flatnonzero(learned == 0)
    smallest = float(case.shares[case.shares > 0].min())
    gain = scores["separation/gain"]
    return (
        gate(
            "G001", "Segments are large enough", smallest >= settings.min_segment_share,
            f"The smallest segment holds {smallest:.1%} of the accounts; "
            f"at least {settings.min_segment_share:.1%} is asked.",
            facts={"measured": smallest, "limit": settings.min_segment_share},
        ),
        _returning(scores.get("stability/jaccard_min"), settings.min_jaccard),
        gate(
            "G003", "No segment is empty", len(empty) == 0,
            f"{len(empty)} of {case.n_segments} segments hold no training account." if len(empty)
            else f"All {case.n_segments} segments hold training accounts.",
            facts={"measured": len(empty), "limit": 0},
        ),
        _reachable(filled, scores.get("identifiability/balanced_accuracy")),
        gate(
            "G005", "Few enough segments to work with", filled <= settings.max_segments,
            f"{filled} segments; at most {settings.max_segments} are asked.",
            facts={"measured": filled, "limit": settings.max_segments},
        ),
        gate(
            NOISE_CODE, "Better than noise", filled > 1 and gain.low > 0,
            f"Held-out gain {gain.value:.3f} nats per variable, 95% interval {gain.low:.3f} to "
            f"{gain.high:.3f}; its lower end must lie above 0.",
            facts={"measured": gain.low, "limit": 0},
        ),
    )  # fmt: skip


def asked_again(gates: Sequence[Gate], jaccard: Score | None, least: float) -> tuple[Gate, ...]:
    """Return the gates with the answer of G002 to a least stable segment's overlap; None: not measured."""
    return tuple(_returning(jaccard, least) if item.code == STABILITY_CODE else item for item in gates)


def unmeasured(item: Gate) -> Gate:
    """Return a gate that was not asked, because its candidate could no longer win."""
    return Gate(item.code, item.title, "not_measured", "Not measured: could no longer win.", item.severity)


def _returning(jaccard: Score | None, least: float) -> Gate:
    title = "Every segment comes back"
    if jaccard is None:
        return unmeasured(gate(STABILITY_CODE, title, None, ""))
    message = (
        f"The least stable segment overlaps by {jaccard.value:.2f} with its like in refits on halves; "
        f"at least {least:.2f} is asked."
    )
    facts = {"measured": jaccard.value, "limit": least}
    return gate(STABILITY_CODE, title, jaccard.value >= least, message, facts=facts)


def _reachable(filled: int, accuracy: Score | None) -> Gate:
    title = "Prospects can be told apart"
    if accuracy is None:
        return gate("G004", title, None, "No prospect features are known, or only one segment.", "warning")
    chance = 1 / filled  # exactly that is what a model gets that tells nothing
    message = (
        f"Balanced accuracy from prospect features {accuracy.value:.2f}, 95% interval {accuracy.low:.2f} to "
        f"{accuracy.high:.2f}; its lower end must lie above chance ({chance:.2f})."
    )
    facts = {"measured": accuracy.low, "limit": chance}
    return gate("G004", title, accuracy.low > chance + 1e-9, message, "warning", facts=facts)
