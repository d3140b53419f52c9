"""From results to the records that are tracked: the same words in every verb."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from segmentwerk.config import ADDRESSES, LearningSettings, RootSettings
from segmentwerk.core.addresses import redacted
from segmentwerk.core.escaping import escape
from segmentwerk.core.records import Dataset, Description, Metric, Param, Record, Tag, Text
from segmentwerk.core.types import AccountTable, Scorecard, StudyResult, TrialRecord
from segmentwerk.core.veil import veiled
from segmentwerk.insight.language import UNKNOWN, Language
from segmentwerk.segmenters.base import Segmenter

INTERVAL = "within_95_percent"
"""Group of the ends of intervals: MLflow sorts groups by name, and this one comes after the scores."""


def of_table(table: AccountTable) -> Iterator[Record]:
    """Name the data that a run saw, without any of its rows."""
    columns = {
        feature.name: "double" if feature.kind == "numeric" else "string" for feature in table.catalogue
    }
    yield Dataset(table.source, table.source, table.digest, len(table.orders), columns)
    yield Tag("source", table.source)
    yield Tag("as_of", str(table.window.as_of))
    yield Param("accounts", len(table.orders))
    yield Param("customers", len(table.customers))
    yield Param("features", len(table.catalogue))
    if table.joined is not None:
        yield Param("level", table.level)
        for name, count in asdict(table.joined).items():
            yield Param(f"joined.{name}", count)
    if table.active:
        yield Param("active", ", ".join(table.active))
        yield Param("active_features", len(table.leading))
        yield Param("describing_features", len(table.describing))
        yield Param("customers_with_answers", len(table.learnable))
        yield Tag("active_features", ", ".join(table.leading))
        yield Tag("describing_features", ", ".join(table.describing))


def of_settings(settings: LearningSettings) -> Iterator[Record]:
    """List the few settings that runs are compared by; the whole config, resolved, is an artifact."""
    yield Param("seed", settings.seed)
    yield Param("goal", settings.goal.name)
    yield Param("outcome_until", settings.source.outcome_until)
    yield Param("holdout_share", settings.evaluation.holdout_share)
    yield Text("config.yaml", shareable(settings))


def of_scorecard(card: Scorecard) -> Iterator[Record]:
    """List parameters, scores with their intervals, and gates of one candidate."""
    yield Tag("algorithm", card.algorithm)
    yield Param("n_segments", card.n_segments)
    for name, value in sorted(card.params.items()):
        if name != "n_segments":
            yield Param(name, value)
    for score in card.scores:
        yield Metric(score.key, score.value)
        if isfinite(score.low):
            yield Metric(f"{INTERVAL}/{score.family}_{score.name}_low", score.low)
            yield Metric(f"{INTERVAL}/{score.family}_{score.name}_high", score.high)
    yield from of_gates(card)


def of_gates(card: Scorecard) -> Iterator[Record]:
    """List the gates of one candidate."""
    yield Tag("gates", "passed" if card.passed else "not measured" if card.halted else "failed")
    for gate in card.gates:
        yield Tag(f"gate.{gate.code}", f"{gate.status}: {gate.message}")


def of_training(model: Segmenter) -> Iterator[Record]:
    """List the training curve of a segmenter that learns in epochs."""
    for epoch, loss in enumerate(getattr(model, "diagnostics_", {}).get("validation_loss", ())):
        yield Metric("training/validation_loss", loss, epoch)


def of_trial(trial: TrialRecord) -> Iterator[Record]:
    """List parameters, cheap scores, time and state of one trial."""
    yield Tag("trial_state", trial.state)
    if trial.reason:
        yield Tag("trial_reason", trial.reason)
    for name, value in trial.params.items():
        yield Param(name, value)
    if trial.state == "complete":
        yield Metric("objective", trial.value)
    for name, score in trial.scores.items():
        yield Metric(name, score)
    yield Metric("wall_time/trial_seconds", trial.seconds)


def about_trial(name: str, trial: TrialRecord, study: StudyResult, language: Language) -> Description:
    """Say which trial of which segmenter a run is, what it tried, and how it did against the best."""
    best = study.finalists[0]
    params = ", ".join(f"{key} = {value}" for key, value in trial.params.items()) or UNKNOWN
    values = {"name": name, "number": trial.number, "params": params, "reason": escape(trial.reason)}
    values |= {"value": language.decimal(trial.value, 4), "best_value": language.decimal(best.value, 4)}
    outcome = "best" if trial.number == best.number else trial.state
    lines = [language.text(f"page.trial_{key}", best=best.number, **values) for key in ("is", outcome)]
    return Description("\n\n".join(lines))


def shareable(settings: RootSettings) -> str:
    """Return the whole config as YAML; of paths what lies below home, of others the last name only."""
    plain = _shown(settings.model_dump(by_alias=True), settings.home)
    return veiled(OmegaConf.to_yaml(OmegaConf.create(plain)))


def _shown(value: Any, home: Path) -> Any:
    if isinstance(value, dict):
        return {
            key: _address(inner, home) if key in ADDRESSES and isinstance(inner, str) else _shown(inner, home)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_shown(inner, home) for inner in value]
    if isinstance(value, Path):
        return _placed(value, home)
    return value.isoformat() if isinstance(value, date) else value


def _address(address: str, home: Path) -> str:
    """Shorten the path in the address of a file, such as sqlite:////home/me/a.db."""
    kind, mark, rest = redacted(address).partition(":///")
    path, sign, options = rest.partition("?")
    return f"{kind}{mark}{_placed(Path(path), home)}{sign}{options}" if mark else kind


def _placed(path: Path, home: Path) -> str:
    if path.is_relative_to(home):
        return str("HOME" / path.relative_to(home))
    return f"…/{path.name}" if path.is_absolute() else str(path)
