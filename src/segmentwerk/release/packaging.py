"""The second step of a release: the model on disk, tried on every account before anybody sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from segmentwerk.config import CompareSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ModelError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Identity, Segment
from segmentwerk.features import definitions
from segmentwerk.insight.cards import Prospects
from segmentwerk.insight.language import Language
from segmentwerk.insight.reasons import wording
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.registry import package
from segmentwerk.registry import partial as third_path
from segmentwerk.registry.partial import Partial
from segmentwerk.release import portrait
from segmentwerk.release.describing import Described
from segmentwerk.release.remembering import remember
from segmentwerk.scoring.local import score_package
from segmentwerk.segmenters import prospect as second_path
from segmentwerk.segmenters.prospect import ProspectModel
from segmentwerk.shipped.model_catalogue import TooLittleKnown

SHOWN = ["account_id", "segment_id", "segment_name", "confidence", "basis", "is_outlier"]


@dataclass(frozen=True)
class Packed:
    """The packaged winner.

    Attributes
    ----------
    folder
        The package.
    prospect, partial
        What answers for accounts that no segment was made of, such as those without an order (None where the
        source tells nothing of them), and for those of which much is unknown.
    assignments, accounts
        Local files with the segment of every account, and with what the model was asked.
    prospects
        The segments of the accounts that no segment was made of; None where there are none.
    """

    folder: Path
    prospect: ProspectModel | None
    partial: Partial
    assignments: Path
    accounts: Path
    prospects: Prospects | None = None


def pack(described: Described, prepared: Prepared, settings: CompareSettings, context: Context) -> Packed:
    """Learn the paths for accounts of which less is known, write the package, assign every account.

    Raises
    ------
    ModelError
        If the package does not assign the held-out accounts as the segmenter does.
    """
    features = prepared.table.features
    prospect = _second_path(prepared, described.labels, settings)
    partial = third_path.fit(
        prepared.space,
        described.winner.model,
        features.loc[prepared.train],
        features.loc[prepared.holdout],
        seed=settings.seed,
    )
    folder = _save(context.output / "model", described, prepared, prospect, partial, settings)
    found = _assign(folder, described, prepared, partial)
    package.remember(folder, remember(described, prepared, found, settings))
    assignments, accounts = _keep(found, prepared, context)
    future = portrait.prospects(assignments, prepared.table, prospect)
    return Packed(folder, prospect, partial, assignments, accounts, future)


def _second_path(prepared: Prepared, labels: pd.Series, settings: CompareSettings) -> ProspectModel | None:
    """Learn to tell segments from what is known of a prospect, where the source knows anything."""
    if prepared.view.prospect_train is None:
        return None
    space = prepared.space
    return second_path.fit(
        prepared.table,
        labels.loc[prepared.train],
        numeric=list(space.numeric),
        categorical=list(space.categorical),
        seed=derive(settings.seed, "prospect"),
    )


def _save(
    folder: Path,
    described: Described,
    prepared: Prepared,
    prospect: ProspectModel | None,
    partial: Partial,
    settings: CompareSettings,
) -> Path:
    model, table = described.winner.model, prepared.table
    typical = model.score_samples(prepared.view.test)
    trained = package.Trained(
        space=prepared.space,
        segmenter=model,
        partial=partial,
        outlier_threshold=float(np.quantile(typical, second_path.OUTLIER_SHARE)),
        prospect=prospect,
    )
    about = package.About(
        wording=wording(table.catalogue, described.language),
        too_little_known=_too_little_known(described.segments, described.language),
        meta={
            "source": table.source,
            "as_of": str(table.window.as_of),
            "currency": settings.source.currency,
            "factors": prepared.factors,
            "active": list(table.active),
            "level": table.level,
        },
        definitions=definitions.keep(table, settings.features),
    )
    return package.save(folder, trained, table, described.labels, described.segments, about)


def _too_little_known(segments: tuple[Segment, ...], language: Language) -> TooLittleKnown:
    """Say what stands in place of a segment where too little is known for one."""
    shares = ", ".join(f"{language.percent(s.share)} {s.id} {s.name}" for s in segments)
    least = language.percent(third_path.MIN_KNOWN)
    sentence = language.text("words.too_little_known_because", least=least, shares=shares)
    return TooLittleKnown(language.text("words.too_little_known"), sentence)


def _assign(folder: Path, described: Described, prepared: Prepared, partial: Partial) -> pd.DataFrame:
    """Assign every account with the packaged model, and compare its answers with the segmenter's."""
    features, labels = prepared.table.features, described.labels
    found = score_package(folder, features, SHOWN)
    whole = partial.whole(third_path.known_of(prepared.space, features.loc[labels.index]))
    _check_parity(found, labels[whole], described.identity)
    return found


def _keep(found: pd.DataFrame, prepared: Prepared, context: Context) -> tuple[Path, Path]:
    """Write what every account was assigned, and what was asked, ids included."""
    features = prepared.table.features
    found["held_out"] = found["account_id"].isin(prepared.holdout)
    assignments, accounts = context.output / "assignments.parquet", context.output / "accounts.parquet"
    rows = features.rename_axis("account_id").reset_index()
    for frame, path in ((found, assignments), (rows, accounts)):
        with atomic_file(path) as draft:
            frame.to_parquet(draft, index=False)
    return assignments, accounts


def _check_parity(found: pd.DataFrame, labels: pd.Series, identity: Identity) -> None:
    """Refuse a package that does not say what the segmenter says of accounts of which nothing is hidden."""
    saved = found.set_index("account_id")["segment_id"].loc[labels.index]
    different = int((saved.to_numpy() != labels.map(identity.ids).to_numpy()).sum())
    if different:
        raise ModelError(
            f"The packaged model assigns {different} of {len(labels)} accounts unlike the segmenter.",
            "Nothing was registered; please report this.",
        )
