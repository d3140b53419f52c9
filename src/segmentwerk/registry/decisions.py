"""The log of decisions on a registered model: append-only, one line a decision, the latest ones in MLflow."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from segmentwerk.core.types import Gate
from segmentwerk.registry.publish import MAX_DESCRIPTION, ModelStore

DECISION = "decision"
SHOWN = 10
"""Decisions shown in the registered model's description; the log keeps all."""


@dataclass(frozen=True)
class Decision:
    """One line of the log: who did what to which version, when and why."""

    action: Literal["promote", "refuse", "rollback", "reject"]
    model: str
    version: int
    replaced: int | None
    who: str
    when: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    reason: str = ""
    forced: bool = False
    gates: tuple[dict[str, str], ...] = ()
    champion: int | None = None
    """The version that scores from then on; None where there is none, and in lines of older releases."""


def history(store: ModelStore, name: str) -> list[Decision]:
    """Return every decision on a model, oldest first."""
    path = _log(store, name)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [Decision(**json.loads(line)) for line in lines]


def as_texts(gates: Sequence[Gate]) -> tuple[dict[str, str], ...]:
    """Return gates as a decision keeps them."""
    return tuple({key: str(value) for key, value in asdict(gate).items()} for gate in gates)


def _log(store: ModelStore, name: str) -> Path:
    return store.home / "registry" / f"{name}.jsonl"


def record(store: ModelStore, decision: Decision) -> None:
    """Tag the version, append the decision to the log, and show the latest ones in the description.

    The server comes first: what it does not let this account decide is no decision, and not logged.
    """
    words = {DECISION: decision.action, "decision.by": decision.who, "decision.reason": decision.reason}
    for key, word in words.items():
        store.client.set_model_version_tag(decision.model, str(decision.version), key, word or "-")
    line = json.dumps(asdict(decision), ensure_ascii=False) + "\n"
    with _log(store, decision.model).open("a", encoding="utf-8") as log:
        log.write(line)
        log.flush()
        os.fsync(log.fileno())
    text = _describe(history(store, decision.model))
    store.client.update_registered_model(decision.model, text[:MAX_DESCRIPTION])


def _describe(decisions: Sequence[Decision]) -> str:
    rows = ["| when | who | action | version | champion | reason |", "|---|---|---|---|---|---|"]
    rows += [_row(decision) for decision in reversed(decisions[-SHOWN:])]
    heading = "Assigns every account to a segment. Load `models:/…@champion`. Latest decisions first:\n\n"
    return heading + "\n".join(rows)


def _row(decision: Decision) -> str:
    forced = " (forced)" if decision.forced else ""
    cells: list[Any] = [decision.when, decision.who, decision.action + forced, decision.version]
    cells += ["-" if decision.champion is None else decision.champion, decision.reason[:200]]
    return "| " + " | ".join(str(cell).replace("|", "/").replace("\n", " ") for cell in cells) + " |"
