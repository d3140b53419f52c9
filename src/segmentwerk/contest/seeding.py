"""A contest that starts from the champion: from its parameters, or from its segments."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from segmentwerk.core.errors import ConfigError
from segmentwerk.core.settings import SegmenterSettings
from segmentwerk.evaluation.view import View
from segmentwerk.segmenters.continued import UNKNOWN, ContinuedSegmenter
from segmentwerk.tuning.space import Point, SearchSpace

log = logging.getLogger(__name__)

ALGORITHM = "winner"
"""Tag of a comparison's run: the segmenter that won."""
PARAMETER = "winner."
"""How its parameters begin among those of the run."""

CONTINUED = "continued"
"""The candidate that continues the champion's segments."""


def continuing(splits: Sequence[int]) -> dict[str, SegmenterSettings]:
    """Return the one candidate that continues the champion's segments, each of some of them split in turn."""
    kind = ContinuedSegmenter
    spec = {
        "_target_": f"{kind.__module__}.{kind.__name__}",
        "search_space": {"split": {"type": "categorical", "choices": list(splits)}},
        "start": [{"split": segment} for segment in splits],
        "n_trials": len(splits),
    }
    return {CONTINUED: SegmenterSettings.model_validate(spec)}


def presently(view: View, ids: pd.Series) -> View:
    """Return the view that knows the champion's segment of each account, too."""
    train, test = (
        ids.reindex(half.index, fill_value=UNKNOWN).astype("int64") for half in (view.train, view.test)
    )
    return replace(view, present_train=train, present_test=test)


def seeded(
    chosen: Mapping[str, SegmenterSettings], tags: Mapping[str, str], params: Mapping[str, str]
) -> tuple[dict[str, SegmenterSettings], Point | None]:
    """Put what the champion was made with in front of what is tried first.

    Parameters
    ----------
    tags, params
        Of the run that made the champion.

    Returns
    -------
    chosen, point
        The candidates, and the point that comes first; None where the run does not tell, or the champion's
        segmenter is no candidate or no longer has these parameters.
    """
    name = tags.get(ALGORITHM, "")
    spec = chosen.get(name)
    if spec is None:
        log.warning("The champion's segmenter %r is no candidate: nothing starts from it.", name)
        return dict(chosen), None
    space = SearchSpace(spec.search_space)
    known = {key.removeprefix(PARAMETER): text for key, text in params.items() if key.startswith(PARAMETER)}
    point = {key: _value(text) for key, text in known.items() if key in space.names}
    first = [one for one in _near(point) if _fits(space, one)]
    if not first or first[0] != point:
        log.warning("The champion's parameters are none of the search space: nothing starts from it.")
        return dict(chosen), None
    later = [one for one in spec.start if one not in first]
    return {**chosen, name: spec.model_copy(update={"start": [*first, *later]})}, point


def _near(point: Point) -> Iterator[Point]:
    """Yield the point, then the same with one segment more, and with one less."""
    yield point
    if isinstance(point.get("n_segments"), int):
        for step in (1, -1):
            yield point | {"n_segments": point["n_segments"] + step}


def _fits(space: SearchSpace, point: Point) -> bool:
    try:
        space.validate(point)
    except ConfigError:
        return False
    return bool(point)


def _value(text: str) -> Any:
    """Read a parameter as the run wrote it."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
