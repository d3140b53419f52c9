"""Try a model as it would be used: whether it says what was trained, and whether it answers in time."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segmentwerk.core.arrays import BoolArray, FloatArray, IntArray
from segmentwerk.core.errors import ModelError
from segmentwerk.core.types import Gate
from segmentwerk.scoring.load import LoadedModel
from segmentwerk.shipped.model_catalogue import NO_SEGMENT

TOLERANCE = 1e-5
"""Largest difference of memberships."""
TIE = 1e-6
"""Memberships closer than this may change places."""
CLIENTS = 4
CALLS = 25
"""Calls of each client, one account each."""
PARITY, LOAD = "Says what was trained", "Answers in time"


@dataclass(frozen=True)
class Rehearsal:
    """A model and the made-up accounts that it carries.

    ``memberships`` (n_rows, n_segments) are what the training side said of ``rows``, ``unanswered``
    (n_rows,) of which too little is known, ``ids`` (n_segments,) the segments' stable ids.
    """

    loaded: LoadedModel
    rows: pd.DataFrame
    memberships: FloatArray
    ids: IntArray
    unanswered: BoolArray

    @classmethod
    def of(cls, loaded: LoadedModel) -> Rehearsal:
        """Read the made-up accounts.

        Raises
        ------
        ModelError
            If the model carries none.
        """
        path = loaded.folder / "artifacts" / "probe.json"
        if not path.is_file():
            raise ModelError(f"{loaded.uri} carries no accounts to try it with.", "Register it anew.")
        content = json.loads(path.read_text(encoding="utf-8"))
        kinds = dict.fromkeys(loaded.catalogue.numeric, "float64")
        rows = pd.DataFrame(content["columns"]).astype(kinds)
        memberships, ids = np.array(content["memberships"]), np.array(content["segment_ids"])
        unanswered = np.array(content.get("unanswered", [False] * len(rows)))
        return cls(loaded, rows, memberships, ids, unanswered)

    def parity(self) -> Gate:
        """Compare the assignments with those of the training side (P004)."""
        assigned = self.loaded.model.predict(self.rows)
        expected = np.where(self.unanswered, NO_SEGMENT, self.ids[self.memberships.argmax(axis=1)])
        confidence = np.where(self.unanswered, 0.0, self.memberships.max(axis=1))
        wrong = int(((assigned["segment_id"].to_numpy() != expected) & ~self._tied).sum())
        gap = float(np.abs(assigned["confidence"].to_numpy() - confidence).max())
        message = (
            f"{wrong} of {len(self.rows)} made-up accounts get another segment than in training; memberships "
            f"differ by {gap:.1e} at most."
        )
        facts = {"wrong": wrong, "total": len(self.rows)}
        if wrong or not gap <= TOLERANCE:
            message += " Check the versions of numpy and onnxruntime."
            return Gate("P004", PARITY, "failed", message, facts=facts)
        return Gate("P004", PARITY, "passed", message, facts=facts)

    @property
    def _tied(self) -> BoolArray:
        """Where the two best memberships are too close to insist on one (n_rows,)."""
        if self.memberships.shape[1] < 2:
            return np.zeros(len(self.rows), dtype=bool)
        best = np.sort(self.memberships, axis=1)
        return np.asarray(best[:, -1] - best[:, -2] < TIE)

    def load(self, max_latency_ms: float) -> Gate:
        """Let clients ask at once for one account each, and compare with the answer for all (P005)."""
        together = self.loaded.model.predict(self.rows)["segment_id"].to_numpy()
        turns = np.arange(CLIENTS * CALLS) % len(self.rows)
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = list(pool.map(self._ask, turns))
        usual, slowest = 1000 * np.quantile([seconds for seconds, _ in answers], [0.5, 0.99])
        wrong = sum(answer != together[turn] for turn, (_, answer) in zip(turns, answers, strict=True))
        message = (
            f"{len(answers)} single accounts by {CLIENTS} clients at once: half within {usual:.0f} ms, at "
            f"most {max_latency_ms:.0f} ms, 99 in 100 within {slowest:.0f} ms; {wrong} answers unlike those "
            "for the whole table."
        )
        facts = {"usual": float(usual), "limit": max_latency_ms}
        if wrong or usual > max_latency_ms:
            message += " Try again on a machine at rest, or raise registry.max_latency_ms."
            return Gate("P005", LOAD, "failed", message, facts=facts)
        return Gate("P005", LOAD, "passed", message, facts=facts)

    def _ask(self, turn: int) -> tuple[float, int]:
        """Return the seconds of one call and the segment it gave."""
        begin = time.perf_counter()
        answer = self.loaded.model.predict(self.rows.iloc[[turn]])
        return time.perf_counter() - begin, int(answer["segment_id"].iloc[0])
