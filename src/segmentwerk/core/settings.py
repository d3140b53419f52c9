"""What a stage can be told, checked when it is made.

Each class mirrors one config group. An unknown key, a value of the wrong type or out of range is
refused; `segmentwerk.config` turns that refusal into a message that names the nearest key.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from segmentwerk.core.companies import Level
from segmentwerk.core.paths import expanded


def _named(value: Any) -> Any:
    if value == "":
        raise ValueError("it is empty; give a path, or null where it may be left out")
    return value


def _below(value: str) -> str:
    path = expanded(Path(value))
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("it must lie below the source's path; give that path with source.path")
    return value


CLIP = 3.0
"""Standardised values are clipped to plus or minus this many robust deviations, where not said otherwise."""
RARE_SHARE = 0.05
"""Levels rarer than this share become one level, where not said otherwise."""

UserPath = Annotated[Path, BeforeValidator(_named), AfterValidator(expanded)]
"""A path as a person writes it: ``~`` is the home directory, and empty is none."""
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class Settings(BaseModel):
    """Base of all settings: frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class UnclearSettings(Settings):
    """What the data alone cannot tell: a SQL condition, the value to ask about, and how to answer."""

    when: str
    value: str
    remedy: str


class TableSettings(Settings):
    """How one of our tables is read from a company's raw tables.

    ``origin`` is the FROM clause over the names in `SourceSettings.inputs` (joins and subqueries
    allowed); ``columns`` maps our column to a DuckDB SQL expression over theirs, and empty says that
    the input already uses our names; ``where`` chooses the rows that belong to this table.
    """

    origin: str
    columns: dict[str, str] = Field(default_factory=dict)
    where: str | None = None
    optional: list[str] = Field(default_factory=list)
    """Our columns that are left out, not refused, where theirs is absent."""
    reject: dict[str, str | None] = Field(default_factory=dict)
    """Named cleaning rules of this source: rows where the SQL condition holds go to quarantine;
    null switches a rule off."""
    unclear: UnclearSettings | None = None
    """Values of which only the owner knows the meaning; the source is refused where there are any."""


class InputSettings(Settings):
    """Where one raw table lies: a file, folder or glob below the source's path, or a database table.

    The dialect of a CSV file is sniffed; each field set here overrides what was sniffed.
    """

    file: Annotated[str, AfterValidator(_below)] | None = None
    table: str | None = None
    sheet: str | None = None
    header_line: int | None = Field(default=None, ge=1)
    """The line of a text, or the row of a sheet, that names the columns, where a report stands above it."""
    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None
    date_format: str | None = None
    encoding: str | None = None
    columns: dict[str, Literal["text", "number", "date", "flag"]] = Field(default_factory=dict)
    """Type of a column where the sniffed one is wrong."""
    required: bool = True
    """Whether the source is refused without it; if not, the tables that need it are absent."""
    aliases: dict[str, list[str]] = Field(default_factory=dict)
    """Short name of a column -> the names it has in different exports; the first that is there is taken."""


class DemoSettings(Settings):
    """When the generated world looks back, and what is unlike usual in it (docs/concepts/demo-world.md)."""

    as_of: date | None = None
    """The first of a month that the world is moved to; null: its own date."""
    scenario: (
        Literal["cents", "prices", "renamed", "web_silent", "survey_scale", "new_type", "discounts"] | None
    ) = None
    """A fault of the records, or a change of the business; null: none."""


class ChoicesSettings(Settings):
    """How table ``choices`` is to be read (docs/concepts/conjoint.md)."""

    form: Literal["long", "difference"] = "long"
    """difference: each row is the first of two profiles less the second; chosen says whether it was taken."""
    none: bool = False
    """Whether people could take nothing: tasks without a choice then are choices of none."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.none and self.form == "difference":
            raise ValueError("none=true needs form=long: of two profiles, one was taken")
        return self


class SourceSettings(Settings):
    """One company's data: where it lies, how it maps to our tables, and the dates to look at."""

    name: str
    description: str = ""
    path: UserPath | None = None
    url: str | None = None
    memory: str | None = Field(default=None, pattern=r"^\d+(\.\d+)?\s*[KMGT]i?B$")
    """What DuckDB may hold in memory, such as 6GB, before it goes on in files.

    Null: a third of the machine's."""
    as_of: date | None = None
    outcome_until: date | None = None
    currency: str = "EUR"
    accounts: int | None = Field(default=None, ge=1)
    """Number of accounts to generate; null where the data is real."""
    seed: int = 7
    demo: DemoSettings = DemoSettings()
    """Of the generated world."""
    capacity: int | None = Field(default=None, ge=1)
    """Accounts that sales can work on in a quarter, where `activation.capacity` says nothing."""
    words: dict[str, list[str]] = Field(default_factory=dict)
    """The company's own words, by what they mean; ``$NAME`` in the mapping's SQL is the list of them, in
    lower case."""
    inputs: dict[str, InputSettings] = Field(default_factory=dict)
    tables: dict[str, TableSettings] = Field(default_factory=dict)
    choices: ChoicesSettings = ChoicesSettings()


class AccountsSettings(Settings):
    """What stands for an account (docs/how-to/companies.md)."""

    level: Level = "account"
    """family: subsidiaries are rolled up to the account that heads their family."""


class QualitySettings(Settings):
    """Cleaning rules, each off or on, and how much unreadable data is borne."""

    exact_duplicates: list[str] = Field(default_factory=lambda: ["accounts", "opportunities"])
    """Tables whose repeated rows, equal in every column, go to quarantine."""
    blank_impossible: bool = True
    """Blank optional values outside their range instead of rejecting the row."""
    orphans: bool = True
    """Quarantine rows whose account is not in ``accounts``."""
    max_unreadable: float = Field(default=0.0, ge=0, le=1)
    """Share of a table's rows that may hold a text where a number belongs, an impossible date, an
    infinite number or a key used twice; more stop the run."""


class FeatureSettings(Settings):
    """Which features are built and how much each approach weighs in the reference space."""

    exclude: list[str] = Field(default_factory=list)
    """Names of features or approaches to leave out."""
    selection: Literal["factors", "off"] = "factors"
    """Whether factors stand for correlated features where accounts are few for so many of them."""
    weights: dict[str, float] = Field(
        default_factory=lambda: {
            "behavioural": 1.0,
            "value": 0.5,
            "firmographic": 0.5,
            "engagement": 0.5,
            "psychographic": 0.1,
            "geographic": 0.1,
        }
    )
    """Weight of an approach, 1 where not named (docs/decisions/0004-segment-by-behaviour.md)."""
    clip: float = Field(default=CLIP, gt=0)
    """Standardised values are clipped to plus or minus this many robust deviations."""
    rare_share: float = Field(default=RARE_SHARE, ge=0, lt=1)
    """Levels rarer than this share become one level, 'other'."""
    sites: dict[str, tuple[Latitude, Longitude]] = Field(default_factory=dict)
    """Our own sites, by name: [latitude, longitude] in degrees; the distance to the nearest is a feature."""


class SegmenterSettings(Settings):
    """One candidate algorithm: what to instantiate, its fixed parameters and its search space."""

    target: str = Field(alias="_target_")
    params: dict[str, Any] = Field(default_factory=dict)
    search_space: dict[str, Any] = Field(default_factory=dict)
    start: list[dict[str, Any]] = Field(default_factory=list)
    """Known good parameters, tried first."""
    n_trials: int | None = Field(default=None, ge=1)
    """Overrides tuning.n_trials, for instance for a baseline without parameters."""


Criterion = Literal[
    "separation/gain",
    "separation/purity",
    "separation/silhouette",
    "stability/agreement",
    "stability/prediction_strength",
    "stability/jaccard_min",
]
"""Scores that trials measure, too; a later outcome counts by the goal's weight."""


class EvaluationSettings(Settings):
    """How candidates are judged (see docs/concepts/scorecard.md)."""

    sample: int | None = Field(default=100_000, ge=1)
    """Accounts that segments are learned and judged from at most; of more, a sample is drawn by a hash of
    their ids. Null: all of them."""
    holdout_share: float = Field(default=0.3, gt=0, lt=0.9)
    cross_validate_below: int = Field(default=500, ge=0)
    """With fewer accounts each is held out in turn, instead of one split; 0 switches that off."""
    n_splits: int = Field(default=4, ge=2)
    n_bootstrap: int = Field(default=200, ge=20)
    max_rows: int = Field(default=5000, ge=200)
    """Rows used for resampling and neighbourhoods at most, drawn so that small segments stay."""
    min_segment_share: float = Field(default=0.02, ge=0, lt=0.5)
    min_jaccard: float = Field(default=0.6, ge=0, le=1)
    max_segments: int = Field(default=10, ge=2)
    null_copies: int = Field(default=20, ge=0)
    n_finalists: int = Field(default=2, ge=1)
    primary: list[Criterion] = Field(default=["separation/gain", "stability/agreement"], min_length=1)
    """What ranks the candidates, and what trials maximise."""
    baseline: str = "rfm_grid"
    in_turns: bool = True
    """Whether candidates that can no longer win are measured no further (`evaluation.turns`)."""


class GoalSettings(Settings):
    """What the segmentation is for: outcomes and approaches that count."""

    name: str = "general"
    outcome: str | None = None
    weights: dict[str, float] = Field(default_factory=dict)
    """Weight of an approach in the reference space; joined with the features' own weights."""
    active: list[str] = Field(default_factory=list)
    """Approaches that segments are made of and judged on, the others only describe them; empty: all."""
    value_weight: float = Field(default=1.0, ge=0)
    """Weight of the value criterion in the rank, where an outcome exists."""
    targeting_weight: float = Field(default=0.0, ge=0)
    """Weight of what treating segments differently gains, where past campaigns tell; 0: shown only."""
    priorities: dict[str, float] = Field(
        default_factory=lambda: {
            "potential": 2.0,
            "revenue": 1.0,
            "margin": 1.0,
            "growth": 1.0,
            "predicted": 1.0,
            "retention": 1.0,
            "response": 1.0,
            "reachable": 1.0,
        }
    )
    """Weight of a figure in the order of the segments (`activation.priorities`); below 0: the lower, the
    sooner."""


class TuningSettings(Settings):
    """Budget and machinery of the search."""

    n_trials: int = Field(default=18, ge=1)
    timeout: float | None = Field(default=None, gt=0)
    """Seconds for one study at most."""
    workers: int = Field(default=1, ge=1)
    sampler: Literal["tpe", "random", "gp", "qmc"] = "tpe"
    pruner: Literal["decile", "median", "hyperband", "none"] = "decile"
    storage: str | None = None
    """Null: a journal file below home. Else a database URL that several machines share."""
    resume: bool = True
    heartbeat: int = Field(default=10, ge=1)
    """Seconds between the signs of life of a worker."""
    keep_on_interrupt: bool = False
    """Whether Ctrl-C still selects and registers the best so far."""


class TrackingSettings(Settings):
    """Where runs are logged."""

    enabled: bool = True
    uri: str | None = None
    """Null: ``MLFLOW_TRACKING_URI`` if that is set, else a SQLite database below home."""
    experiment: str = "segmentwerk"


PromotionGate = Literal["scorecard", "champion", "churn", "parity", "load", "privacy"]


class RegistrySettings(Settings):
    """The registered model, and what a version must show before it becomes champion."""

    model_name: str = "b2b-segments"
    promote: Literal["if_empty", "always", "never"] = "if_empty"
    gates: list[PromotionGate] = Field(default_factory=lambda: list(get_args(PromotionGate)))
    max_loss: float = Field(default=0.1, ge=0, le=1)
    """Share of the champion's scores, over all criteria, that a version must surely not lose more of."""
    max_moved: float = Field(default=0.25, ge=0, le=1)
    """Share of the champion's accounts that may change segment."""
    max_latency_ms: float = Field(default=1000.0, gt=0)
    """Median time for one account, four clients at once; it says more of the model than of a busy machine."""


class RenewalSettings(Settings):
    """When a new version is worth the change."""

    least_gain: float = Field(default=0.1, ge=0, le=1)
    """Share of the champion's scores, over all criteria, by which a version must surely be better."""
    split_first: bool = True
    """Whether segments that newcomers have joined are first split alone, all others left as they are."""


class ScoringSettings(Settings):
    """Where accounts are scored: on this machine, or on Spark where one machine is outgrown."""

    engine: Literal["local", "spark"] = "local"
    master: str = "local[*]"
    """Address of the Spark cluster."""


class ReportSettings(Settings):
    """How the segment report is written."""

    language: Literal["en", "de"] = "en"
