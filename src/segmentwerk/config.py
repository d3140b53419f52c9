"""The root settings of every verb, and the strict way from a composed config to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationError

from segmentwerk.core.activation_settings import ActivationSettings, PlaybookSettings
from segmentwerk.core.addresses import redacted as shown
from segmentwerk.core.addresses import same_database
from segmentwerk.core.analysis_settings import AnalysisSettings, ConceptsSettings, Method
from segmentwerk.core.errors import ConfigError, nearest
from segmentwerk.core.measurement_settings import MeasurementSettings
from segmentwerk.core.monitoring_settings import MonitoringSettings
from segmentwerk.core.settings import (
    AccountsSettings,
    EvaluationSettings,
    FeatureSettings,
    GoalSettings,
    QualitySettings,
    RegistrySettings,
    RenewalSettings,
    ReportSettings,
    ScoringSettings,
    SegmenterSettings,
    Settings,
    SourceSettings,
    TrackingSettings,
    TuningSettings,
    UserPath,
)
from segmentwerk.core.sink_settings import SinkSettings
from segmentwerk.core.veil import remember, veiled
from segmentwerk.tracking.address import absolute, from_environment
from segmentwerk.tracking.names import insist_on_experiment, insist_on_model

RootT = TypeVar("RootT", bound="RootSettings")
Sealed = Mapping[str, Mapping[str, str]]
"""Addresses with secrets by key and by what Hydra was told instead (`segmentwerk.sealing`)."""
ADDRESSES = ("database", "ledger", "storage", "uri", "url")
"""Keys that hold addresses."""


class RootSettings(Settings):
    """What every verb can be told."""

    home: Annotated[UserPath, AfterValidator(Path.absolute)]
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
    accounts: AccountsSettings = AccountsSettings()
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


class RefreshSettings(CompareSettings):
    """`segmentwerk refresh`: a comparison that starts from the champion and says whether to change."""

    renewal: RenewalSettings = RenewalSettings()


class ScoreSettings(RootSettings):
    """`segmentwerk score`: assign accounts to segments with a registered model."""

    model: str
    input: UserPath | None = None
    output: UserPath | None = None
    columns: list[str] | None = None
    source: SourceSettings | None = None
    as_of: date | None = None
    """Of the source; null: the source's own date."""
    quality: QualitySettings = QualitySettings()
    scoring: ScoringSettings = ScoringSettings()


class ActivateSettings(RootSettings):
    """`segmentwerk activate`: priorities, measures, hold-outs and files for the tools of sales."""

    model: str
    source: SourceSettings
    as_of: date | None = None
    """Null: the source's own date."""
    quality: QualitySettings = QualitySettings()
    goal: GoalSettings = GoalSettings()
    playbook: PlaybookSettings
    activation: ActivationSettings = ActivationSettings()
    sink: SinkSettings | None = None
    """Null: no file is written but the plan."""
    report: ReportSettings = ReportSettings()


class MeasuringSettings(RootSettings):
    """`segmentwerk measure`: what campaigns brought by segment, and what to do next."""

    action: Literal["measure", "plan"] = "measure"
    campaign: str | None = None
    """Null: all."""
    until: date | None = None
    """The day before which outcomes are known; null: the source's own."""
    model: str
    source: SourceSettings
    quality: QualitySettings = QualitySettings()
    playbook: PlaybookSettings
    measurement: MeasurementSettings = MeasurementSettings()
    report: ReportSettings = ReportSettings()


def _dates(given: Any) -> Any:
    return given if isinstance(given, list) or given is None else [given]


class MonitorSettings(RootSettings):
    """`segmentwerk monitor`: whether the champion still holds, date by date."""

    model: str
    source: SourceSettings
    as_of: Annotated[list[date], BeforeValidator(_dates)] | None = None
    """One date or several; null: the source's own."""
    quality: QualitySettings = QualitySettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    tracking: TrackingSettings = TrackingSettings(experiment="segmentwerk-monitoring")
    best: list[int] | None = None
    """Segments whose leavers and newcomers are listed; null: the one whose customers bring most money."""
    sink: SinkSettings | None = None
    """The tool that takes the lists; null: none are made."""
    activation: ActivationSettings = ActivationSettings()
    """Where the ledger is: accounts in a campaign stand in no list."""
    report: ReportSettings = ReportSettings()


class AnalyseSettings(RootSettings):
    """`segmentwerk analyse`: one of the analyst's methods on its own."""

    method: Method = "factors"
    model: str | None = None
    """Null: nothing is told by segment; else its accounts are what they were when it was trained."""
    source: SourceSettings
    accounts: AccountsSettings = AccountsSettings()
    as_of: date | None = None
    """Null: the source's own date."""
    quality: QualitySettings = QualitySettings()
    features: FeatureSettings = FeatureSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    concepts: ConceptsSettings | None = None
    """Null: a conjoint simulates nothing."""
    report: ReportSettings = ReportSettings()


class ServeSettings(RootSettings):
    """`segmentwerk serve`: a registered model over HTTP."""

    model: str
    host: str
    port: int


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

    host: str
    port: int
    database: str | None
    """Null: a PostgreSQL of its own below home."""
    artifacts: str | None
    """Null: a folder below home."""
    allowed_hosts: list[str]
    """Names it answers to besides this machine's own, such as a proxy's."""


class UiSettings(RootSettings):
    """`segmentwerk ui`: start the MLflow UI on the project's store."""

    host: str
    port: int


def parse(
    root: type[RootT], config: DictConfig, *, tracking_uri: str | None = None, sealed: Sealed | None = None
) -> RootT:
    """Turn a composed config into checked settings.

    Parameters
    ----------
    tracking_uri
        The store to use where ``tracking.uri`` is null; None: the one below home.
    sealed
        What stands for itself only here: addresses with their secrets.

    Raises
    ------
    ConfigError
        Naming the key, and the nearest known one if it is unknown.
    """
    try:
        whole = _opened(config, sealed or {})
        plain = OmegaConf.to_container(whole, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key or str(error)
        raise ConfigError(f"Config key {key!r} has no value.", f"Set it: {key}=VALUE.") from error
    except OmegaConfBaseException as error:
        first = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"Config key {error.full_key or ''!r} cannot be resolved: {first}.",
            "Where ${ is no reference, write \\${.",
        ) from error
    for address in _addresses(plain):
        remember(address)
    try:
        settings = root.model_validate(plain)
    except ValidationError as error:
        raise ConfigError(*_explain(root, error.errors()[0])) from error
    if settings.tracking.uri is None and tracking_uri:
        environment = from_environment(tracking_uri, Path.cwd())
        remember(environment)
        settings = settings.model_copy(
            update={"tracking": settings.tracking.model_copy(update={"uri": environment})}
        )
    _insist_on_names(settings)
    return settings


def _insist_on_names(settings: RootSettings) -> None:
    """Refuse now what MLflow or the database would refuse after hours."""
    if settings.tracking.enabled:
        insist_on_experiment(settings.tracking.experiment)
    if isinstance(settings, CompareSettings | PromoteSettings):
        insist_on_model(settings.registry.model_name)
    if isinstance(settings, CompareSettings | TuneSettings):
        _insist_on_own_database(settings.tuning.storage, settings.tracking.uri, settings.home)


def _insist_on_own_database(storage: str | None, store: str | None, home: Path) -> None:
    if storage is None or "://" not in storage:
        return
    if any(same_database(storage, absolute(uri, home)) for uri in {store, None}):
        raise ConfigError(
            f"tuning.storage={shown(storage)} is MLflow's database.",
            "Studies need a database of their own: name another, or null for a file below home.",
        )


def _opened(config: DictConfig, sealed: Sealed) -> DictConfig:
    """Put back the addresses that Hydra was not told."""
    plain = OmegaConf.to_container(config, resolve=False)
    opened = config.copy()
    for key, addresses in sealed.items():
        value: Any = plain
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str) and value in addresses:
            OmegaConf.update(opened, key, addresses[value])
    return opened


def _addresses(value: Any) -> Iterator[str]:
    """Yield every address in a config."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _addresses(inner)
        elif isinstance(inner, str) and (key in ADDRESSES or "://" in inner):
            yield inner


def _explain(root: type[BaseModel], detail: Any) -> tuple[str, str]:
    path = [str(part) for part in detail["loc"]]
    key = ".".join(path)
    if detail["type"] == "extra_forbidden":
        return f"Unknown config key {key!r}.", nearest(path[-1], _known_keys(root, path[:-1]))
    if detail["type"] == "missing":
        return f"Config key {key!r} has no value.", f"Set it: {key}=VALUE."
    words = detail["msg"].removeprefix("Value error, ")
    given = "" if isinstance(detail["input"], dict) else f" = {veiled(repr(detail['input']))}"
    return f"Config key {key!r}{given}: {words}.", ""


def _known_keys(root: type[BaseModel], path: list[str]) -> list[str]:
    annotation: Any = root
    for part in path:
        annotation = _below(annotation, part) or annotation
    model = next((option for option in _options(annotation) if _is_model(option)), None)
    return list(getattr(model, "model_fields", {}))


@dataclass(frozen=True)
class TextKey:
    """A key that holds a text: a name, a path, a reason, an expression, or one of several words."""

    nullable: bool


def text_key(root: type[BaseModel], name: str) -> TextKey | None:
    """Return what is known of a key that holds a text; None where it holds something else, or is unknown.

    Parameters
    ----------
    name
        The dotted key, such as ``source.inputs.orders.file``.

    Examples
    --------
    >>> text_key(ScoreSettings, "source.inputs.orders.file")
    TextKey(nullable=True)
    >>> text_key(ScoreSettings, "seed")
    """
    annotation: Any = root
    for part in name.split("."):
        annotation = _below(annotation, part)
    kinds = set(_options(annotation))
    texts = {kind for kind in kinds if kind in (str, Path) or _is_choice_of_texts(kind)}
    nullable = {NoneType} & kinds
    return TextKey(bool(nullable)) if texts and texts | nullable == kinds else None


def _below(annotation: Any, part: str) -> Any:
    """Return the type of what lies below a type under a name; None where nothing does."""
    for option in _options(annotation):
        if _is_model(option):
            fields = {field.alias or key: field for key, field in option.model_fields.items()}
            return fields[part].annotation if part in fields else None
        if get_origin(option) is dict:
            return get_args(option)[1]
    return None


def _options(annotation: Any) -> list[Any]:
    """Return the types that a union is made of, without their annotations."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _options(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [option for part in get_args(annotation) for option in _options(part)]
    return [annotation]


def _is_model(option: Any) -> bool:
    return isinstance(option, type) and issubclass(option, BaseModel)


def _is_choice_of_texts(option: Any) -> bool:
    return get_origin(option) is Literal and all(isinstance(word, str) for word in get_args(option))
