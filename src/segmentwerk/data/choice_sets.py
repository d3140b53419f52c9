"""Whole choice sets: the alternative that a design leaves out is put beside those that were shown."""

from __future__ import annotations

from collections.abc import Mapping

import ibis

from segmentwerk.core.choices import BASE, NONE
from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import ChoicesSettings


def completed(tables: Mapping[str, ibis.Table], design: ChoicesSettings) -> dict[str, ibis.Table]:
    """Return the tables, `choices` with one row an attribute of every alternative of a task.

    Of differences of two profiles, the second profile is added: `BASE`, with nothing of any attribute. Where
    people could take nothing, `NONE` is added. Both were chosen where no other alternative was.

    Raises
    ------
    InputError
        If differences are told of, and tasks have several alternatives.
    """
    if "choices" not in tables or design == ChoicesSettings():
        return dict(tables)
    choices = tables["choices"]
    if design.form == "difference":
        _insist_on_pairs(choices)
        added = _added(choices, BASE, choices.attribute.min(), 0.0)
    else:
        added = _added(choices, NONE, ibis.literal(NONE), 1.0)
    return {**tables, "choices": choices.union(added)}


def _insist_on_pairs(choices: ibis.Table) -> None:
    task = choices.group_by("account_id", "task_id").agg(n=choices.alternative_id.nunique())
    (counts,) = task.agg(tasks=task.count(), several=(task.n > 1).sum()).to_pyarrow().to_pylist()
    if counts["several"]:
        raise InputError(
            f"source.choices.form is difference, and {counts['several']} of {counts['tasks']} tasks of table "
            "'choices' have several alternatives; a difference of two profiles is the only one of its task.",
            "Set source.choices.form=long.",
        )


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
