"""What calls return: plain data with a page for notebooks, which holds no id of an account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from segmentwerk.api import calls

SHOWN = 20
"""Rows of a table that a notebook shows."""


@dataclass(frozen=True, repr=False)  # a notebook keeps that, too: no id may stand in it
class ComparisonResult:
    """What a comparison found, read from the output folder of its run.

    Attributes
    ----------
    output
        Folder of the run, on this machine.
    summary
        The content of `summary.json`.
    """

    output: Path
    summary: dict[str, Any]

    @classmethod
    def read(cls, output: Path | str) -> ComparisonResult:
        """Read a comparison again, also one of the command line."""
        return cls(Path(output), calls.summary(Path(output)))

    @property
    def winner(self) -> str:
        """Name of the selected candidate."""
        return str(self.summary["decision"]["winner"])

    @property
    def reason(self) -> str:
        """Why it was selected."""
        return str(self.summary["decision"]["reason"])

    @property
    def verdict(self) -> str:
        """Whether the data holds groups: natural, reproducible or constructive."""
        return str(self.summary["decision"]["verdict"])

    @property
    def model_uri(self) -> str | None:
        """Address of the registered model; None where nothing was registered."""
        uri: str | None = self.summary["model"]["uri"]
        return uri

    @property
    def run_id(self) -> str:
        """Id of the run in MLflow; empty where tracking is off."""
        return str(self.summary["run_id"])

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """One row a candidate, best first: number of segments, mean rank, scores, failed gates."""
        return pd.read_csv(self.output / "ranking.csv", keep_default_na=False, na_values=["", "nan"])

    @cached_property
    def segments(self) -> pd.DataFrame:
        """One row a segment: id, name, accounts, shares of accounts and revenue, summary."""
        columns = ["id", "name", "accounts", "share", "revenue_share", "summary"]
        return pd.DataFrame(self.summary["model"]["segments"], columns=columns).set_index("id")

    @cached_property
    def assignments(self) -> pd.DataFrame:
        """The segment of every account, by its id: of customers, so not for others' eyes."""
        return pd.read_parquet(self.summary["model"]["assignments"]).set_index("account_id")

    def __repr__(self) -> str:
        place = str(self.output)
        return f"ComparisonResult(winner={self.winner!r}, model_uri={self.model_uri!r}, output={place!r})"

    def _repr_html_(self) -> str:
        decision, model = self.summary["decision"], self.summary["model"]
        standing = "champion" if model["champion"] else "challenger"
        facts = {
            "Winner": f"{self.winner}. {self.reason}",
            "Structure": decision["verdict_reason"],
            "Model": f"{self.model_uri} ({standing})" if self.model_uri else "not registered",
        }
        hidden = ["algorithm", "complexity", "passed", "rank_se", "pareto"]
        ranking = self.ranking.drop(columns=hidden, errors="ignore").dropna(axis=1, how="all")
        segments = self.segments.reset_index()
        for share in ("share", "revenue_share"):
            segments[share] = segments[share].map("{:.0%}".format, na_action="ignore")
        tables = {"Candidates, best first": ranking, "Segments": segments}
        return _page("Comparison", facts, tables)


@dataclass(frozen=True, repr=False)  # a notebook keeps that, too: no id may stand in it
class ScoringResult:
    """What a scoring did, read from the output folder of its run; attributes as of `ComparisonResult`."""

    output: Path
    summary: dict[str, Any]

    @classmethod
    def read(cls, output: Path | str) -> ScoringResult:
        """Read a scoring again, also one of the command line."""
        return cls(Path(output), calls.summary(Path(output)))

    @property
    def model_version(self) -> str:
        """Version of the model that assigned the accounts."""
        return str(self.summary["model_version"])

    @property
    def path(self) -> Path:
        """The file of the assignments."""
        return Path(self.summary["result"]["output"])

    @property
    def quarantine(self) -> Path | None:
        """The file of the rejected rows, with reasons; None where there are none."""
        path = self.summary["result"]["quarantine"]
        return Path(path) if path else None

    @cached_property
    def assignments(self) -> pd.DataFrame:
        """The segment of every account, by its id where the id was asked for."""
        read = pd.read_csv if self.path.suffix == ".csv" else pd.read_parquet
        table: pd.DataFrame = read(self.path)
        return table.set_index("account_id") if "account_id" in table.columns else table

    @property
    def segments(self) -> pd.DataFrame:
        """Accounts by segment id."""
        counts = pd.Series(self.summary["result"]["segments"], name="accounts", dtype="int64")
        return counts.rename_axis("id").to_frame()

    def __repr__(self) -> str:
        scored = self.summary["result"]["scored"]
        return (
            f"ScoringResult(accounts={scored}, model_version={self.model_version!r}, path={str(self.path)!r})"
        )

    def _repr_html_(self) -> str:
        done = self.summary["result"]
        counts = (f"{done[name]:,} {name}" for name in ("scored", "rejected", "outliers"))
        facts = {
            "Model": f"{done['model']}, version {self.model_version}",
            "Accounts": ", ".join(counts),
            "Columns that the model misses": ", ".join(done["missing"]) or "none",
        }
        return _page("Scoring", facts, {"Segments": self.segments.reset_index()})


@dataclass(frozen=True, repr=False)  # a notebook keeps that, too: no id may stand in it
class LoadedSource:
    """A source that was read, checked and turned into one row an account.

    `compare` and `score` take it, and read the source anew with the same settings.

    Attributes
    ----------
    features
        (n_accounts, n_features), index ``account_id``: numeric columns float64, categorical ones object.
    catalogue
        One row a feature: kind, unit, approach, description.
    findings
        One row a quality check that found something: code, severity, table, message, rows.
    customers
        Ids of the accounts with at least one order before ``as_of``.
    absent
        Features that could not be built, with the reason.
    overrides
        The settings that it was read with, by key.
    """

    name: str
    as_of: date
    features: pd.DataFrame
    catalogue: pd.DataFrame
    findings: pd.DataFrame
    customers: pd.Index
    absent: Mapping[str, str]
    overrides: Mapping[str, Any]

    def __repr__(self) -> str:
        n_accounts, n_features = self.features.shape
        return (
            f"LoadedSource({self.name!r}, as_of={self.as_of}, accounts={n_accounts}, features={n_features})"
        )

    def _repr_html_(self) -> str:
        accounts, customers = len(self.features), len(self.customers)
        facts = {
            "Source": f"{self.name}, as of {self.as_of}",
            "Accounts": f"{accounts:,}: {customers:,} customers, {accounts - customers:,} prospects",
            "Features": f"{len(self.catalogue)} built, {len(self.absent)} absent",
        }
        return _page("Source", facts, {"What quality checks found": self.findings})


def _page(title: str, facts: Mapping[str, str], tables: Mapping[str, pd.DataFrame]) -> str:
    from jinja2 import Template

    source = resources.files("segmentwerk.api").joinpath("result.html.j2").read_text(encoding="utf-8")
    grids = [
        (caption, [str(name) for name in frame.columns], list(_rows(frame)))
        for caption, frame in tables.items()
    ]
    page: str = Template(source, autoescape=True).render(title=title, facts=facts, grids=grids, shown=SHOWN)
    return page


def _rows(frame: pd.DataFrame) -> Iterable[list[str]]:
    for row in frame.itertuples(index=False):
        yield [_cell(value) for value in row]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
