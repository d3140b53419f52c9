"""Whole choice sets: the alternative that a design leaves out is put beside those that were shown."""

from __future__ import annotations

from collections.abc import Mapping

import ibis

from segmentwerk.core.choices import BASE, NONE
from segmentwerk.core.settings import ChoicesSettings


def completed(tables: Mapping[str, ibis.Table], design: ChoicesSettings) -> dict[str, ibis.Table]:
    """Return the tables, `choices` with one row an attribute of every alternative of a task.

    Of differences of two profiles, the second profile is added: `BASE`, with nothing of any attribute. Where
    people could take nothing, `NONE` is added. Both were chosen where no other alternative was.
    """
    if "choices" not in tables or design == ChoicesSettings():
        return dict(tables)
    choices = tables["choices"]
    if design.form == "difference":
        added = _added(choices, BASE, choices.attribute.min(), 0.0)
    else:
        added = _added(choices, NONE, ibis.literal(NONE), 1.0)
    return {**tables, "choices": choices.union(added)}


def _added(choices: ibis.Table, name: str, attribute: ibis.Value, value: float) -> ibis.Table:
    """Return the row of the alternative that each task lacks; an attribute without a row is 0."""
    columns = {
        "alternative_id": ibis.literal(name),
        "chosen": 1 - choices.chosen.max(),
        "attribute": attribute,
        "value": ibis.literal(value),
    }
    if "answered_on" in choices.columns:
        columns["answered_on"] = choices.answered_on.max()
    tasks = choices.group_by("account_id", "task_id").agg(**columns)
    return tasks.select(choices.columns).cast(choices.schema())
