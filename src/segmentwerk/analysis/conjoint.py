"""Conjoint analysis, whole: what attributes are worth to all, to each, to latent classes and to segments.

Importance is an attribute's range of utility over the sum of all ranges; willingness to pay is the price that
outweighs an attribute, with the interval of Krinsky & Robb (1986, Review of Economics and Statistics 68:715).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from segmentwerk.analysis import choice_model, latent_classes, mixed_logit
from segmentwerk.analysis.choice_model import ChoiceData, Logit
from segmentwerk.analysis.conjoint_checks import Checks, check
from segmentwerk.analysis.latent_classes import Classes, HeldOut
from segmentwerk.analysis.mixed_logit import MixedLogit
from segmentwerk.core import choices as shape
from segmentwerk.core.analysis_settings import ConjointSettings
from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import ConfigError, FitError, InputError
from segmentwerk.core.seeds import derive

SMALLEST = 30
"""Accounts with choices needed, of all and of a segment."""
REMEDIES = {
    "have one alternative": "Set source.choices.form=difference where a row is the difference of two "
    "profiles, and source.choices.none=true where one profile could be taken or left.",
    "have none chosen": "Set source.choices.none=true where nothing could be taken; else give chosen=1 to "
    "what was taken.",
    "have several chosen": "Give chosen=1 to one alternative of a task, and 0 to the others.",
}
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Conjoint:
    """What was found.

    Attributes
    ----------
    data
        The choices that it was learned from.
    logit
        Of all accounts together.
    mixed
        How part-worths differ from account to account; None where it was not asked for, or not told.
    importance
        By attribute, the share of the utility's range, sum 1; the largest first.
    worth
        By column, willingness to pay in units of the cost with ``low`` and ``high``; empty where there is no
        cost, or where its part-worth is not surely below 0.
    held_out, classes
        The number of latent classes and how it was judged; the classes fitted to all.
    segments
        The logit of each segment that has enough accounts.
    left_out
        Segment, and why there is nothing of it.
    checks
        How well it foretells.
    lacking
        By attribute, the share of alternatives that lack it, where some do; it counts as 0 there.
    """

    data: ChoiceData
    logit: Logit
    mixed: MixedLogit | None
    importance: pd.Series
    worth: pd.DataFrame
    held_out: HeldOut
    classes: Classes
    segments: Mapping[int, Logit]
    checks: Checks
    lacking: pd.Series
    left_out: Mapping[str, str] = field(default_factory=dict)

    def importance_of(self, coefficients: FloatArray, settings: ConjointSettings) -> pd.Series:
        """Return the importance of the attributes for other coefficients, such as a segment's."""
        return importance(self.data, coefficients, settings)


def analyse(
    long: pd.DataFrame,
    segment_ids: pd.Series | None,
    settings: ConjointSettings,
    seed: int,
    progress: Callable[[], None] = lambda: None,
) -> Conjoint:
    """Analyse choices.

    Parameters
    ----------
    long
        Table ``choices``: account, task_id, alternative_id, attribute, value, chosen.
    segment_ids
        Segment by account id; None: nothing is told by segment.
    progress
        Called after each fit.

    Raises
    ------
    InputError
        If too few accounts chose, or attributes cannot be told apart.
    ConfigError
        If the settings name an attribute that is none.
    FitError
        If the choices follow an attribute without exception.
    """
    data = read(long)
    logit = choice_model.fit(data)
    insist_on_names(data, settings)
    progress()
    mixed = _mixed(data, settings, seed)
    progress()
    held_out = latent_classes.choose(data, settings, seed, progress)
    classes = latent_classes.fit(data, held_out.chosen, settings.starts, seed)
    segments, left_out = _by_segment(data, segment_ids)
    return Conjoint(
        data,
        logit,
        mixed,
        importance(data, logit.coefficients, settings),
        worth(logit, settings, seed),
        held_out,
        classes,
        segments,
        check(data, held_out.chosen, settings, seed),
        shape.lacking(long),
        left_out,
    )


def _mixed(data: ChoiceData, settings: ConjointSettings, seed: int) -> MixedLogit | None:
    try:
        return mixed_logit.fit(data, settings.mixed_draws, seed) if settings.mixed_draws else None
    except FitError:
        return None


def read(long: pd.DataFrame) -> ChoiceData:
    """Turn the table into the choices that can be used.

    Raises
    ------
    InputError
        If fewer than `SMALLEST` accounts made a choice that can be used.
    """
    given = shape.alternatives(long)
    wide = shape.decided(given)
    n = wide.index.get_level_values("account").nunique()
    if n < SMALLEST:
        few = f"{n} accounts of table 'choices' chose one of several alternatives; {SMALLEST} are needed."
        told, remedy = _undecided(given)
        raise InputError(f"{few} {told}", remedy)
    return ChoiceData.of(wide)


def _undecided(wide: pd.DataFrame) -> tuple[str, str]:
    """Say what keeps tasks from being used, and what would be right where that is most of them."""
    task = wide.groupby(level=["account", "task_id"])["chosen"].agg(["size", "sum"])
    single = task["size"] == 1
    counts = {
        "have one alternative": single.sum(),
        "have none chosen": (~single & (task["sum"] == 0)).sum(),
        "have several chosen": (~single & (task["sum"] > 1)).sum(),
    }
    told = ", ".join(f"{n} {what}" for what, n in counts.items())
    most = max(counts, key=lambda what: counts[what])
    if counts[most] == 0:
        return f"{len(task)} tasks can be used.", "What only a few accounts were asked about is left out."
    return f"Of {len(task)} tasks, {told}.", REMEDIES[most]


def insist_on_names(data: ChoiceData, settings: ConjointSettings) -> None:
    """Make sure that the settings speak of the attributes that there are.

    Raises
    ------
    ConfigError
        Naming the key and the attribute.
    """
    named = {"cost": [settings.cost] if settings.cost else [], **settings.attributes}
    for key, names in named.items():
        for name in names:
            if name not in data.columns:
                where = "cost" if key == "cost" else f"attributes.{key}"
                raise ConfigError(
                    f"analysis.conjoint.{where}: {name!r} is no attribute that varies.",
                    f"Known: {', '.join(data.columns)}.",
                )


def attributes(columns: Sequence[str], settings: ConjointSettings) -> dict[str, list[int]]:
    """Return the places of each attribute's columns; the constant of "none of these" is no attribute."""
    owner = {name: attribute for attribute, names in settings.attributes.items() for name in names}
    found: dict[str, list[int]] = {}
    for place, name in enumerate(columns):
        if name != shape.NONE:
            found.setdefault(owner.get(name, name.partition("=")[0]), []).append(place)
    return found


def importance(data: ChoiceData, coefficients: FloatArray, settings: ConjointSettings) -> pd.Series:
    """Return each attribute's share of the utility's range over what was asked; the largest first.

    Levels of one attribute compare with the level left out, at 0, and differences of two profiles with none.
    """
    ranges = {}
    for attribute, places in attributes(data.columns, settings).items():
        low, high = data.x[:, places].min(axis=0), data.x[:, places].max(axis=0)
        from_zero = len(places) > 1 or "=" in data.columns[places[0]] or data.differences
        reach = np.maximum(-low, high) if from_zero else high - low
        ends = np.append(coefficients[places] * reach, 0.0)
        ranges[attribute] = ends.max() - ends.min()
    found = pd.Series(ranges, dtype="float64")
    return (found / found.sum()).sort_values(ascending=False, kind="stable")


def drawn(logit: Logit, n: int, seed: int) -> FloatArray:
    """Draw coefficients (n, n_columns) as uncertain as they are."""
    rng = np.random.default_rng(derive(seed, "coefficients", *logit.columns))
    return np.asarray(
        rng.multivariate_normal(logit.coefficients, logit.covariance, size=n, method="cholesky")
    )


def worth(logit: Logit, settings: ConjointSettings, seed: int) -> pd.DataFrame:
    """Return ``worth``, ``low`` and ``high`` by column: the cost that outweighs one unit of it."""
    names = ["worth", "low", "high"]
    if settings.cost is None:
        return pd.DataFrame(columns=names, dtype="float64")
    place = logit.columns.index(settings.cost)
    samples = drawn(logit, settings.draws, seed)
    if np.quantile(samples[:, place], INTERVAL[1]) >= 0:
        return pd.DataFrame(columns=names, dtype="float64")
    ratios = -samples / samples[:, [place]]
    ends = np.quantile(ratios, INTERVAL, axis=0)
    found = pd.DataFrame(
        {"worth": -logit.coefficients / logit.coefficients[place], "low": ends[0], "high": ends[1]},
        index=pd.Index(logit.columns),
    )
    return found.drop(settings.cost)


def _by_segment(data: ChoiceData, segment_ids: pd.Series | None) -> tuple[dict[int, Logit], dict[str, str]]:
    """Fit each segment that has enough accounts; say why where one cannot be."""
    found: dict[int, Logit] = {}
    left_out: dict[str, str] = {}
    if segment_ids is None:
        return found, left_out
    of_account = segment_ids.reindex(data.accounts).fillna(-1).to_numpy(dtype=np.int64)
    for number in sorted(set(segment_ids[segment_ids >= 0].astype("int64"))):
        members = of_account == number
        if members.sum() < SMALLEST:
            left_out[str(number)] = "few"
            continue
        try:
            one = choice_model.fit(data.of_accounts(members))
        except (FitError, InputError):
            left_out[str(number)] = "unclear"
            continue
        found[int(number)] = one
    return found, left_out
