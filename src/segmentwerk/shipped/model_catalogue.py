"""What a saved model knows beside its ONNX files: the content of ``catalogue.json``, typed.

A copy of this file lies in every saved model. It needs the standard library only, so that whoever has
a model can read what it says. Keys are never renamed: models of earlier releases are read by it, too, and
what those do not say is None or empty here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

FORMAT = 1
"""Format of the catalogue that is written, and the newest that can be read."""
ACCOUNT = "account_id"
OUTPUTS = {
    ACCOUNT: "string",
    "segment_id": "long",
    "segment_name": "string",
    "confidence": "double",
    "runner_up": "long",
    "margin": "double",
    "is_outlier": "boolean",
    "basis": "string",
    "known": "double",
    "reason_1": "string",
    "reason_2": "string",
    "reason_3": "string",
    "hint": "string",
    "model_version": "string",
}
"""The columns of every answer, in order, and their types as MLflow and Spark call them."""
COLUMNS = tuple(OUTPUTS)
REASONS = tuple(name for name in OUTPUTS if name.startswith("reason_"))
NO_SEGMENT = -1
"""Stands in place of a segment's id where too little is known for one."""

Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]


@dataclass(frozen=True)
class Limits:
    """What a number can be at all, and why a smaller or larger one is refused."""

    least: float = -math.inf
    most: float = math.inf
    below: str = ""
    above: str = ""


@dataclass(frozen=True)
class FeatureRecord:
    """A feature: its declaration, and what is known of it.

    ``active``: whether it shaped the segments; ``typical``: the customers' median or most frequent level,
    None where nothing is known; ``possible``: limits of a number, None where none are known.
    """

    name: str = ""
    kind: str = ""
    unit: str = ""
    approach: str = ""
    table: str = ""
    window: str = ""
    description: str = ""
    prospect: bool = False
    limits: Vector | None = None
    parts: tuple[str, ...] = ()
    active: bool = True
    typical: float | str | None = None
    possible: Limits | None = None


@dataclass(frozen=True)
class SegmentRecord:
    """A segment as people read of it; what cannot be told is None.

    ``label`` is its place in the memberships, ``called`` the name in no language.
    """

    id: int
    name: str
    label: int = 0
    accounts: int = 0
    share: float = 0.0
    traits: tuple[str, ...] = ()
    summary: str = ""
    rule: str = ""
    rule_precision: float | None = None
    rule_recall: float | None = None
    revenue_share: float | None = None
    exemplar: str = ""
    warnings: tuple[str, ...] = ()
    called: dict[str, Any] | None = None


@dataclass(frozen=True)
class Basis:
    """How customers are told from prospects, and whole rows from those of few orders.

    ``orders`` counts orders, ``own`` are the features that only customers have. ``led``: segments are made of
    ``own`` alone, so that those of whom none is known are told from the rest, which only describes.
    """

    orders: str | None = None
    own: tuple[str, ...] = ()
    few_orders: float = 2
    led: bool = False


@dataclass(frozen=True)
class FactorModel:
    """A factor model of the reference space's columns (see `registry.expectation`).

    ``owners`` (d,): place of the feature that each column belongs to; ``mean``, ``noise`` (d,);
    ``loadings`` (d, n_factors).
    """

    owners: tuple[int, ...]
    mean: Vector
    loadings: Matrix
    noise: Vector


@dataclass(frozen=True)
class Joined:
    """Factors that stand for columns: ``columns @ weights - centre``."""

    weights: Matrix
    centre: Vector


@dataclass(frozen=True)
class PartialModel:
    """What answers for rows of which much is unknown (see `registry.partial.Partial`).

    ``shares``: of the customers in each segment; ``min_known``: share of the usual features below which
    there is no answer; ``faintest``: memberships count as this at least.
    """

    min_known: float
    usual: tuple[bool, ...]
    always: tuple[bool, ...]
    allowed: int
    expectation: FactorModel
    draws: Matrix
    joined: Joined | None
    faintest: float
    coefficients: Matrix
    intercepts: Vector
    temper: Vector
    outlier_thresholds: Vector
    shares: Vector


@dataclass(frozen=True)
class TooLittleKnown:
    """What stands in place of a segment's name, and of the reasons, where too little is known for one."""

    name: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class EvidenceModel:
    """What values say of segments: means of standardised numbers (k, p), and log lifts of levels.

    ``lifts`` by category: (k, levels + 1), the last for every other text.
    """

    centre: Vector
    scale: Vector
    means: Matrix
    levels: dict[str, tuple[str, ...]]
    lifts: dict[str, Matrix]


@dataclass(frozen=True)
class FeatureWords:
    """How a feature is called (``subject``), how its number is written, and the units of one and of many."""

    subject: str
    form: str
    units: tuple[str, str]


@dataclass(frozen=True)
class ReasonWords:
    """The words of the reasons in one language: sentences with placeholders, levels, signs of numbers."""

    language: str = ""
    features: dict[str, FeatureWords] = field(default_factory=dict)
    sentences: dict[str, Any] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    signs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Catalogue:
    """What a model knows; ``segments`` are in the order of their labels.

    ``numeric`` and ``categorical`` name the inputs in order, ``meta`` holds facts for people.
    ``written_by`` is the version of segmentwerk that wrote it, from which on it can be read.
    """

    format: int
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    features: dict[str, FeatureRecord]
    segments: tuple[SegmentRecord, ...]
    outlier_threshold: float
    prospect_outlier_threshold: float | None = None
    basis: Basis = field(default_factory=Basis)
    partial: PartialModel | None = None
    too_little_known: TooLittleKnown = field(default_factory=TooLittleKnown)
    evidence: EvidenceModel | None = None
    wording: ReasonWords = field(default_factory=ReasonWords)
    meta: dict[str, Any] = field(default_factory=dict)
    written_by: str = ""

    @classmethod
    def from_json(cls, text: str | bytes) -> Catalogue:
        """Read a catalogue.

        Raises
        ------
        ValueError
            If its format is newer than this code, or it is no catalogue; the message says what to do.
        """
        try:
            content = json.loads(text)
            version, writer = int(content["format"]), content.get("written_by") or "a newer version"
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise ValueError(
                "catalogue.json is no catalogue of a model; register the model again."
            ) from error
        if version > FORMAT:
            raise ValueError(
                f"catalogue.json has format {version}, and this segmentwerk reads {FORMAT} at most. "
                f"Install segmentwerk {writer}, which wrote it, or a later one."
            )
        try:
            catalogue: Catalogue = _read(cls, content)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise ValueError(f"catalogue.json cannot be read: {error}. Register the model again.") from error
        return catalogue

    def to_json(self) -> str:
        """Return it as JSON text; numbers that are none become null."""
        return json.dumps(plain(asdict(self)), indent=1, ensure_ascii=False, allow_nan=False)

    @property
    def inputs(self) -> tuple[str, ...]:
        """All features that the model asks for, numbers first."""
        return (*self.numeric, *self.categorical)

    @property
    def possible(self) -> tuple[Limits, ...]:
        """What each number can be at all, in the order of ``numeric``."""
        return tuple(self.features[name].possible or Limits() for name in self.numeric)


def plain(value: Any) -> Any:
    """Return the value as JSON has it; what is no number becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if hasattr(value, "tolist"):  # of numpy
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(kind: Any, content: Mapping[str, Any]) -> Any:
    """Make a dataclass of a JSON object; keys that it does not know are left out."""
    hints = get_type_hints(kind)
    for entry in fields(kind):
        needed = entry.default is MISSING and entry.default_factory is MISSING
        if needed and entry.name not in content:
            raise LookupError(f"{kind.__name__} lacks {entry.name!r}")
    return kind(**{name: _as(hints[name], content[name]) for name in hints if name in content})


def _as(hint: Any, value: Any) -> Any:
    """Return a JSON value as its field's type has it; numbers and texts are taken as they are."""
    if get_origin(hint) is UnionType:
        if value is None:
            return None
        return _as(next(each for each in get_args(hint) if each is not NoneType), value)
    if is_dataclass(hint):
        return _read(hint, value)
    if get_origin(hint) is tuple:
        inside = get_args(hint)[0]
        return (
            tuple(value) if inside in (str, int, float, bool) else tuple(_as(inside, each) for each in value)
        )
    if get_origin(hint) is dict:
        inside = get_args(hint)[1]
        return {key: _as(inside, each) for key, each in value.items()}
    return value
