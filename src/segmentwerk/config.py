"""The root settings of every verb, and the strict way from a composed config to them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import BaseModel, ValidationError

from segmentwerk.core.errors import ConfigError, nearest
from segmentwerk.core.settings import (
    EvaluationSettings,
    FeatureSettings,
    GoalSettings,
    QualitySettings,
    RegistrySettings,
    ReportSettings,
    ScoringSettings,
    SegmenterSettings,
    Settings,
    SourceSettings,
    TrackingSettings,
    TuningSettings,
)

RootT = TypeVar("RootT", bound="RootSettings")


class RootSettings(Settings):
    """What every verb can be told."""

    home: Path
    seed: int = 0
    debug: bool = False
    tracking: TrackingSettings = TrackingSettings()


class DataSettings(RootSettings):
    """`segmentwerk data`: generate, check or describe a source."""

    action: Literal["check", "demo", "features", "fetch", "forget"] = "check"
    subject: str | None = None
    source: SourceSettings
    quality: QualitySettings = QualitySettings()
    features: FeatureSettings = FeatureSettings()


class LearningSettings(RootSettings):
    """What all verbs that fit segmenters share."""

    source: SourceSettings
    quality: QualitySettings = QualitySettings()
    features: FeatureSettings = FeatureSettings()
    goal: GoalSettings = GoalSettings()
    evaluation: EvaluationSettings = EvaluationSettings()


class TrainSettings(LearningSettings):
    """`segmentwerk train`: fit and judge one segmenter with given parameters."""

    segmenter: SegmenterSettings


class TuneSettings(TrainSettings):
    """`segmentwerk tune`: search the parameters of one segmenter."""

    tuning: TuningSettings = TuningSettings()


class CompareSettings(LearningSettings):
    """`segmentwerk compare`: the main job."""

    segmenters: dict[str, SegmenterSettings]
    candidates: list[str] | None = None
    tuning: TuningSettings = TuningSettings()
    registry: RegistrySettings = RegistrySettings()
    report: ReportSettings = ReportSettings()


class ScoreSettings(RootSettings):
    """`segmentwerk score`: assign accounts to segments with a registered model."""

    model: str
    input: Path | None = None
    output: Path | None = None
    columns: list[str] | None = None
    source: SourceSettings | None = None
    as_of: date | None = None
    """Of the source; null: the source's own date."""
    quality: QualitySettings = QualitySettings()
    scoring: ScoringSettings = ScoringSettings()


class PromoteSettings(RootSettings):
    """`segmentwerk promote`: move the champion alias, or go back."""

    action: Literal["promote", "rollback", "reject"] = "promote"
    version: int | None = None
    reason: str = ""
    force: bool = False
    registry: RegistrySettings = RegistrySettings()


class SyncSettings(RootSettings):
    """`segmentwerk sync`: send what was kept while the tracking store did not answer."""


class ServerSettings(RootSettings):
    """`segmentwerk server`: an MLflow server on PostgreSQL with passwords."""

    host: str = "127.0.0.1"
    port: int = 5000
    database: str | None = None
    """Null: a PostgreSQL of its own below home."""
    artifacts: str | None = None
    """Null: a folder below home."""


class UiSettings(RootSettings):
    """`segmentwerk ui`: start the MLflow UI on the project's store."""

    host: str = "127.0.0.1"
    port: int = 5000


def parse(root: type[RootT], config: DictConfig) -> RootT:
    """Turn a composed config into checked settings.

    Raises
    ------
    ConfigError
        Naming the key, and the nearest known one if it is unknown.
    """
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key or str(error)
        raise ConfigError(f"Config key {key!r} has no value.", f"Set it: {key}=VALUE.") from error
    except OmegaConfBaseException as error:
        raise ConfigError(f"The config cannot be resolved: {error}") from error
    try:
        return root.model_validate(plain)
    except ValidationError as error:
        raise ConfigError(*_explain(root, error.errors()[0])) from error


def redacted(settings: RootSettings) -> str:
    """Return the whole config as YAML, without passwords in addresses."""
    text = OmegaConf.to_yaml(OmegaConf.create(settings.model_dump(mode="json", by_alias=True)))
    return re.sub(r"(://[^:/@\s]+):[^@\s]+@", r"\1:***@", text)


def _explain(root: type[BaseModel], detail: Any) -> tuple[str, str]:
    path = [str(part) for part in detail["loc"]]
    key = ".".join(path)
    if detail["type"] == "extra_forbidden":
        return f"Unknown config key {key!r}.", nearest(path[-1], _known_keys(root, path[:-1]))
    if detail["type"] == "missing":
        return f"Config key {key!r} has no value.", f"Set it: {key}=VALUE."
    return f"Config key {key!r} = {detail['input']!r}: {detail['msg']}.", ""


def _known_keys(root: type[BaseModel], path: list[str]) -> list[str]:
    model: Any = root
    for part in path:
        field = getattr(model, "model_fields", {}).get(part)
        model = next(iter(_models(field.annotation)), None) if field is not None else model
    return list(getattr(model, "model_fields", {}))


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Find the settings classes inside an annotation such as ``dict[str, X]`` or ``X | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
