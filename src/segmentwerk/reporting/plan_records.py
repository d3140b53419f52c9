"""What the run of an activation tells: numbers, model, and the comparison that the model came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segmentwerk.activation.exporting import Exported
from segmentwerk.activation.ledger import Written
from segmentwerk.activation.plans import Plan
from segmentwerk.config import ActivateSettings
from segmentwerk.contest import run_records
from segmentwerk.core.records import Description, Metric, Param, Record, Text
from segmentwerk.insight.language import Language
from segmentwerk.preparation.accounts import Accounts
from segmentwerk.reporting import plan as pages
from segmentwerk.scoring.load import LoadedModel
from segmentwerk.tracking import provenance
from segmentwerk.tracking.writer import Store


@dataclass(frozen=True)
class Version:
    """The registered version that gave the segments, and the run that it came from; empty for a folder."""

    uri: str
    name: str = ""
    version: str = ""
    comparison: str = ""

    @classmethod
    def of(cls, loaded: LoadedModel, store: Store) -> Version:
        """Ask the registry for the run of a version."""
        name, _, number = loaded.uri.removeprefix("models:/").rpartition("/")
        if not loaded.uri.startswith("models:/") or not store.enabled:
            return cls(loaded.uri)
        registered = store.client.get_model_version(name, number)
        return cls(loaded.uri, name, number, registered.run_id or "")

    @property
    def shown(self) -> str:
        """The address without this machine's folders."""
        return self.uri if self.uri.startswith("models:/") else Path(self.uri).name

    @property
    def tags(self) -> dict[str, str]:
        """By which the runs of a version are found."""
        known = {"model_name": self.name, "model_version": self.version, "comparison": self.comparison}
        return {name: value for name, value in known.items() if value}


def records(
    made: Plan,
    accounts: Accounts,
    settings: ActivateSettings,
    language: Language,
    model: Version,
    recorded: Written,
    exported: Exported | None,
) -> Iterator[Record]:
    """List what is logged of an activation, without any id of an account."""
    yield from run_records.of_table(accounts.table)
    yield from provenance.tags()
    yield Param("goal", settings.goal.name)
    yield Param("playbook", settings.playbook.name)
    yield Param("sink", settings.sink.name if settings.sink else "none")
    yield Param("model", model.shown)
    yield Text("config.yaml", run_records.shareable(settings))
    for name, value in pages.numbers(made).items():
        yield Metric(f"activation/{name}", value)
    yield Metric("activation/ledger_rows", recorded.rows_new + recorded.rows_known)
    if exported is not None:
        for name in ("new", "changed", "removed", "unchanged"):
            yield Metric(f"export/{name}", getattr(exported, name))
    yield Description(pages.summary(made, language, model.shown, model.comparison))
