"""The saved model's own code: raw account features in, one row an account with its segment out.

A copy of this file lies in every saved model and is all of the project that runs there; it needs numpy,
pandas, onnxruntime and MLflow, neither the training code nor a pickle. What it knows of the features
and segments stands in ``catalogue.json``; ``digests.json`` says what every file must be.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import onnxruntime as ort
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel
from numpy.typing import NDArray

ACCOUNT = "account_id"
COLUMNS = (
    ACCOUNT,
    "segment_id",
    "segment_name",
    "confidence",
    "runner_up",
    "margin",
    "is_outlier",
    "basis",
    "known",
    "reason_1",
    "reason_2",
    "reason_3",
    "hint",
    "model_version",
)
REASONS = COLUMNS[9:12]
NO_RUNNER_UP = NO_SEGMENT = -1
CHUNK, BLOCK = 16_384, 4_096
"""Rows that a thread takes, many enough to be worth it, and rows that fit into the processor's cache."""
WORKERS = min(os.cpu_count() or 1, 8)
"""Chunks worked on side by side."""
FULL, PARTIAL, FIRMOGRAPHIC, TOO_LITTLE, FEW = range(5)
NUMBERS = (bool, int, float, Decimal, np.bool_, np.integer, np.floating)
BASES = np.array(["full", "partial", "firmographic", "too little known", "partial"], dtype=object)
"""Also of those who are whole but have few orders, on another path than the others that are partial."""
DESCRIPTIVE = ("firmographic", "geographic")
"""Approaches that tell what an account is, not what it does."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class SegmentModel(PythonModel):
    """Assign accounts to segments.

    Known customers go through the reference space and the segmenter; those of whom much is unknown through
    `Partial`, too; accounts without orders through a second model that knows the features of prospects
    only. ``basis`` says which, ``known`` how much of what is usually known stood in the row. Where that is
    too little there is no segment.
    """

    def load_context(self, context: Any) -> None:
        """Check every file against its digest, then open the ONNX sessions.

        Raises
        ------
        MlflowException
            If a file is missing or differs from what was saved.
        """
        config = context.model_config or {}
        files = {Path(path).name: Path(path) for path in context.artifacts.values()}
        contents = verified({**files, "segment_model.py": Path(__file__)}, config.get("digest"))
        self.version = str(config.get("model_version", "unregistered"))
        self.catalogue = json.loads(contents["catalogue.json"])
        self.space = _session(contents["space.onnx"])
        self.segmenter = _session(contents["segmenter.onnx"])
        self.prospect: Any = _session(contents["prospect.onnx"]) if "prospect.onnx" in contents else None
        self.evidence = Evidence(self.catalogue)
        self.partial = Partial(self.catalogue["partial"], self.segmenter)

    def predict(
        self,
        context: Any,  # noqa: ARG002 part of MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Return one row an account.

        Parameters
        ----------
        context
            MLflow's context; everything needed was read by `load_context`.
        model_input
            DataFrame of raw features; missing cells and columns are allowed, others are ignored.
        params
            ``columns``: the output columns wanted.

        Raises
        ------
        MlflowException
            If no feature is there, a column holds what its feature cannot be at all, or an output column does
            not exist.
        """
        columns = _wanted((params or {}).get("columns"))
        self._check_known(model_input)
        begins = range(0, max(len(model_input), 1), CHUNK)
        if len(begins) == 1:
            return self._assign(model_input, 0, columns).reset_index(drop=True)
        with ThreadPoolExecutor(WORKERS) as pool:
            parts = pool.map(lambda begin: self._assign(model_input, begin, columns), begins)
            return pd.concat(parts, ignore_index=True)

    def _check_known(self, frame: pd.DataFrame) -> None:
        known = [*self.catalogue["numeric"], *self.catalogue["categorical"]]
        if not set(known) & set(frame.columns):
            raise MlflowException.invalid_parameter_value(
                f"None of the model's feature columns is in the input. Expected some of: {', '.join(known)}."
            )
        twice = set(frame.columns[frame.columns.duplicated()]) & {ACCOUNT, *known}
        if twice:
            raise MlflowException.invalid_parameter_value(
                f"Column {min(twice)!r} is there twice; rename or remove one."
            )

    def _assign(self, everyone: pd.DataFrame, begin: int, columns: list[str]) -> pd.DataFrame:
        """Assign the chunk of rows that begins at a position."""
        frame = everyone.iloc[begin : begin + CHUNK]
        numeric = _numbers(frame, self.catalogue["numeric"], begin)
        _insist_on_possible(numeric, self.catalogue, begin)
        texts = _texts(frame, self.catalogue["categorical"], begin)
        known = _known(numeric, texts)
        basis, share = self._basis(numeric, known)
        proba, typical = self._run(numeric, texts, known, basis)
        label, confidence, second, margin = _two_best(proba)
        segments = self.catalogue["segments"]
        ids = np.array([segment["id"] for segment in segments], dtype=np.int64)
        names = np.array([segment["name"] for segment in segments], dtype=object)
        found: dict[str, Any] = {
            ACCOUNT: _account_ids(frame, begin),
            "segment_id": ids[label],
            "segment_name": names[label],
            "confidence": confidence,
            "runner_up": np.where(second >= 0, ids[second], NO_RUNNER_UP),
            "margin": margin,
            "is_outlier": ~typical,
            "basis": BASES[basis],
            "known": share,
            "model_version": np.full(len(frame), self.version, dtype=object),
        }
        if set(REASONS) & set(columns):
            reasons = self.evidence.reasons(numeric, texts, label, basis == FIRMOGRAPHIC)
            found |= dict(zip(REASONS, reasons, strict=True))
        if "hint" in columns:
            found["hint"] = self.evidence.hints(texts, len(frame))
        self._withhold(found, basis == TOO_LITTLE)
        series = {name: pd.Series(found[name], dtype=found[name].dtype) for name in columns}
        return pd.DataFrame(series)  # texts stay objects: turning them into strings takes as long as scoring

    def _basis(self, numeric: Floats, known: Flags) -> tuple[Integers, Floats]:
        """Say for each row what its assignment can stand on, and which share of the usual features is known.

        `FEW` rows are whole but for a rhythm that so few orders do not show.
        """
        rule = self.catalogue["basis"]
        names = [*self.catalogue["numeric"], *self.catalogue["categorical"]]
        own = np.isin(names, rule["own"])
        orders = np.full(len(numeric), np.nan)
        if rule["orders"] is not None:
            orders = numeric[:, names.index(rule["orders"])]
        prospect, few = (orders <= 0) | ~known[:, own].any(axis=1), orders < rule["few_orders"]
        share = self.partial.share(known)
        basis = np.where(self.partial.whole(known), np.where(few, FEW, FULL), PARTIAL)
        beforehand = self.partial.usual & ~own
        if self.prospect is not None and own.any() and beforehand.any():
            basis[prospect] = FIRMOGRAPHIC
            share[prospect] = known[prospect][:, beforehand].mean(axis=1)
        basis[share < self.partial.min_known] = TOO_LITTLE
        return basis, share

    def _run(
        self, numeric: Floats, texts: list[Texts], known: Flags, basis: Integers
    ) -> tuple[Floats, Flags]:
        """Return memberships (n, k) and whether rows are typical (n,), by the path of their basis."""
        proba = np.tile(self.partial.shares, (len(numeric), 1))
        typical = np.ones(len(numeric), dtype=bool)
        paths = {
            self._run_whole: (basis == FULL) | (basis == FEW),
            self._run_partial: basis == PARTIAL,
            self._run_prospect: basis == FIRMOGRAPHIC,
        }
        for run, rows in paths.items():
            if rows.all():
                return run(numeric, texts, known)
            if rows.any():
                some = [text.take(rows) for text in texts]
                proba[rows], typical[rows] = run(numeric[rows], some, known[rows])
        return proba, typical

    def _run_whole(self, numeric: Floats, texts: list[Texts], _known: Flags) -> tuple[Floats, Flags]:
        proba, score = self._by_block("x", numeric, texts, lambda x, _: _asked(self.segmenter, x))
        return proba, score >= self.catalogue["outlier_threshold"]

    def _run_partial(self, numeric: Floats, texts: list[Texts], known: Flags) -> tuple[Floats, Flags]:
        asked = "columns" if self.partial.joined else "x"
        return self._by_block(asked, numeric, texts, lambda x, rows: self.partial.answer(x, known[rows]))

    def _run_prospect(self, numeric: Floats, texts: list[Texts], _known: Flags) -> tuple[Floats, Flags]:
        proba, score = self.prospect.run(["proba", "score"], _feed(self.prospect, numeric, texts))
        return proba, score >= self.catalogue["prospect_outlier_threshold"]

    def _by_block(
        self,
        output: str,
        numeric: Floats,
        texts: list[Texts],
        ask: Callable[[Floats, slice], tuple[Floats, Any]],
    ) -> tuple[Floats, Any]:
        """Ask about rows of the reference space, block by block."""
        feed = _feed(self.space, numeric, texts)
        answers = []
        for begin in range(0, max(len(numeric), 1), BLOCK):
            rows = slice(begin, begin + BLOCK)
            part = {name: rows_of if name == "words" else rows_of[rows] for name, rows_of in feed.items()}
            (x,) = self.space.run([output], part)
            answers.append(ask(x, rows))
        proba, score = zip(*answers, strict=True)
        return np.concatenate(proba), np.concatenate(score)

    def _withhold(self, found: dict[str, Any], rows: Flags) -> None:
        """Give no segment where too little is known; the likeliest one stands as runner-up."""
        if not rows.any():
            return
        told = self.catalogue["too_little_known"]
        found["runner_up"][rows] = found["segment_id"][rows]
        found["segment_id"][rows] = NO_SEGMENT
        found["segment_name"][rows] = told["name"]
        found["confidence"][rows] = found["margin"][rows] = 0.0
        for column, sentence in zip(REASONS, [told["sentence"], "", ""], strict=True):
            if column in found:
                found[column][rows] = sentence


class Partial:
    """Answers for rows of which less is known than of the customers that the model learned from.

    Unknown columns of the reference space are filled in several times, with what is to be expected given the
    known ones under a factor model and with draws from what is possible. A logistic regression on what the
    segmenter says of these rows, on the expected row and on what was known says how likely each segment is
    the one that the whole row would get.
    """

    def __init__(self, model: dict[str, Any], segmenter: ort.InferenceSession) -> None:
        self.segmenter = segmenter
        self.min_known, self.allowed = model["min_known"], model["allowed"]
        self.usual, self.always = np.array(model["usual"]), np.array(model["always"])
        self.shares = np.array(model["shares"])
        expectation, self.joined, self.faintest = model["expectation"], model["joined"], model["faintest"]
        self.owners, self.mean = np.array(expectation["owners"]), np.array(expectation["mean"])
        self.loadings = np.array(expectation["loadings"])
        self.scaled = self.loadings / np.array(expectation["noise"])[:, None]
        self.squares = (self.scaled[:, :, None] * self.loadings[:, None, :]).reshape(len(self.mean), -1)
        self.draws, self.own_spread = np.array(model["draws"]), np.sqrt(expectation["noise"])
        self.coefficients, self.intercepts = np.array(model["coefficients"]), np.array(model["intercepts"])
        self.temper, self.thresholds = model["temper"], np.array(model["outlier_thresholds"])

    def share(self, known: Flags) -> Floats:
        """Return the share (n,) of the usual features that are known (n, n_features)."""
        return np.asarray(known[:, self.usual].mean(axis=1))

    def whole(self, known: Flags) -> Flags:
        """Return which rows (n,) lack no more than customers of the training did."""
        few_unknown = (~known[:, self.usual]).sum(axis=1) <= self.allowed
        return np.asarray(few_unknown & known[:, self.always].all(axis=1))

    def answer(self, columns: Floats, known: Flags) -> tuple[Floats, Flags]:
        """Return memberships (n, k) and whether rows are typical (n,)."""
        filled, share = self.fill(columns, known), self.share(known)
        x = filled
        if self.joined:
            x = filled @ np.array(self.joined["weights"]) - np.array(self.joined["centre"])
        proba, score = _asked(self.segmenter, x.reshape(-1, x.shape[-1]))
        proba, score = proba.reshape(*filled.shape[:2], -1), score[: len(columns)]
        unknown = 1.0 - share[:, None]
        logs = np.log(np.maximum(np.hstack([proba[0], proba[1:].mean(axis=0)]), self.faintest))
        traits = np.hstack([logs, logs * unknown, logs * unknown**2, filled[0], known, unknown, unknown**2])
        warmth = self.temper[0] + self.temper[1] * unknown + self.temper[2] * unknown**2
        logits = (traits @ self.coefficients.T + self.intercepts) / np.exp(np.clip(warmth, -2.0, 2.0))
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        place = np.minimum((share * len(self.thresholds)).astype(np.int64), len(self.thresholds) - 1)
        return weights / weights.sum(axis=1, keepdims=True), score >= self.thresholds[place]

    def fill(self, columns: Floats, known: Flags) -> Floats:
        """Return rows (1 + n_draws, n, d): as expected, and drawn from what is possible."""
        there = known[:, self.owners].astype(np.float64)
        n_factors = self.loadings.shape[1]
        precision = (there @ self.squares).reshape(-1, n_factors, n_factors) + np.eye(n_factors)
        pull = np.where(there > 0, columns - self.mean, 0.0) @ self.scaled
        spread = np.linalg.inv(precision)
        expected = (spread @ pull[:, :, None])[:, :, 0]
        drawn = np.linalg.cholesky(spread) @ self.draws[:, :n_factors].T
        factors = np.concatenate([expected[None], expected + np.moveaxis(drawn, 2, 0)])
        own = np.vstack([np.zeros(len(self.mean)), self.draws[:, n_factors:] * self.own_spread])
        return np.where(there > 0, columns, self.mean + factors @ self.loadings.T + own[:, None])


class Texts(NamedTuple):
    """A categorical column: ``codes`` (n,) say where in ``words`` each value stands.

    The last word is the empty text, for unknown; -1, the code of unknown values, finds it, too.
    """

    codes: Integers
    words: NDArray[Any]

    @classmethod
    def unknown(cls, n_rows: int) -> Texts:
        """Return a column of which nothing is known."""
        return cls(np.full(n_rows, -1), np.array([""], dtype=object))

    def take(self, rows: NDArray[np.bool_]) -> Texts:
        """Return some rows."""
        return Texts(self.codes[rows], self.words)


class Evidence:
    """What each feature says for a segment, in nats, as a naive Bayes model counts it.

    Numbers are compared after a signed logarithm and standardisation: with unit variance, the log
    density ratio between a segment (mean m) and all accounts (mean 0) at z is m (z - m / 2). Levels of
    a category count their smoothed log lift. Unknown values say nothing.
    """

    LIMIT = 4.0
    LEAST = 0.1
    """Evidence below which a value is no reason: the segment is hardly more likely with it."""
    FIRST = 100.0
    """More than any evidence: what is told first comes first however much others say."""

    def __init__(self, catalogue: dict[str, Any]) -> None:
        self.numeric: list[str] = catalogue["numeric"]
        self.categorical: list[str] = catalogue["categorical"]
        model = catalogue["evidence"]
        self.centre, self.scale = np.array(model["centre"]), np.array(model["scale"])
        self.means = np.array(model["means"]).reshape(len(catalogue["segments"]), len(self.numeric))
        self.levels = [pd.Index(model["levels"][name], dtype=object) for name in self.categorical]
        self.lifts = [np.array(model["lifts"][name]) for name in self.categorical]
        features = [catalogue["features"][name] for name in [*self.numeric, *self.categorical]]
        self.prospect = np.array([feature["prospect"] for feature in features], dtype=bool)
        self.active = np.array([feature["active"] for feature in features], dtype=bool)
        self.behaviour = np.array(
            [feature["approach"] not in DESCRIPTIVE for feature in features], dtype=bool
        )
        self.wording = [Wording(catalogue["wording"], feature) for feature in features]

    def weigh(self, numeric: Floats, texts: list[Texts], label: Integers) -> Floats:
        """Return the evidence (n, n_features) of each value for the row's segment."""
        z = (np.sign(numeric) * np.log1p(np.abs(numeric)) - self.centre) / self.scale
        means = self.means[label]
        evidence = np.empty((len(label), len(self.numeric) + len(self.categorical)))
        evidence[:, : len(self.numeric)] = means * (np.clip(z, -self.LIMIT, self.LIMIT) - means / 2)
        for j, (text, levels, lifts) in enumerate(zip(texts, self.levels, self.lifts, strict=True)):
            evidence[:, len(self.numeric) + j] = lifts[label, levels.get_indexer(text.words)[text.codes]]
        return np.nan_to_num(evidence, copy=False)

    def reasons(
        self, numeric: Floats, texts: list[Texts], label: Integers, firmographic: NDArray[np.bool_]
    ) -> list[NDArray[Any]]:
        """Return three columns of sentences (n,), empty where there is no reason left.

        What an account does comes before what it is, then the strongest evidence. Features that did not
        shape the segments are told where nothing else is there, and for accounts without orders, whose
        segment the second path derives from all that is known of them.
        """
        evidence = self.weigh(numeric, texts, label)
        evidence[np.ix_(firmographic, ~self.prospect)] = 0.0
        telling = evidence >= self.LEAST
        shaping = telling & (self.active | firmographic[:, None])
        telling = np.where(shaping.any(axis=1, keepdims=True), shaping, telling)
        order = np.where(telling, evidence + self.FIRST * self.behaviour, 0.0)
        columns = []
        rows = np.arange(len(label))
        for _ in REASONS:
            best = order.argmax(axis=1) if order.shape[1] else np.zeros(len(label), dtype=np.int64)
            strength = order[rows, best] if order.shape[1] else np.zeros(len(label))
            columns.append(self._sentences(numeric, texts, np.where(strength > 0, best, -1)))
            if order.shape[1]:
                order[rows, best] = 0.0
        return columns

    def _sentences(self, numeric: Floats, texts: list[Texts], chosen: Integers) -> NDArray[Any]:
        """Put the value of the chosen feature (-1: none) into its sentence, row by row."""
        sentences = np.full(len(chosen), "", dtype=object)
        for feature in np.unique(chosen[chosen >= 0]):
            rows = chosen == feature
            if feature < len(self.numeric):
                where, values = pd.factorize(numeric[rows, feature])
            else:
                text = texts[feature - len(self.numeric)]
                where, values = text.codes[rows], text.words
            told = [self.wording[feature].reason(value) for value in values.tolist()]
            sentences[rows] = np.array(told, dtype=object)[where]
        return sentences

    def hints(self, texts: list[Texts], n_rows: int) -> NDArray[Any]:
        """Say which categories the model does not know (n_rows,); empty where it knows all."""
        hints = np.full(n_rows, "", dtype=object)
        wordings = self.wording[len(self.numeric) :]
        for text, levels, wording in zip(texts, self.levels, wordings, strict=True):
            new = (levels.get_indexer(text.words) < 0) & (text.words != "")
            if new.any():
                pairs = zip(text.words, new, strict=True)
                told = np.array(
                    [wording.hint(word) if is_new else "" for word, is_new in pairs], dtype=object
                )
                told, first = told[text.codes], hints == ""
                hints += np.where(first | (told == ""), told, "; " + told)
        return hints


class Wording:
    """One feature's reason in words, in the language of the report."""

    SHOWN = 60
    """Letters of an unknown category that are repeated."""

    def __init__(self, wording: dict[str, Any], feature: dict[str, Any]) -> None:
        told = wording["features"][feature["name"]]
        self.form, self.levels = told["form"], wording["levels"]
        self.one, self.many = told["units"]
        self.signs, self.words = wording["signs"], wording["sentences"]
        self.letters = str.maketrans({",": self.signs["thousands"], ".": self.signs["decimal"]})
        self.subject = told["subject"]
        usual = feature["typical"]
        if self.form in ("level", "deviation") or usual is None:
            self.sentence = self._filled("plain")
        else:
            self.sentence = self._filled("usual").replace("{usual}", self.value(usual))

    def _filled(self, key: str) -> str:
        return str(self.words[key]).replace("{subject}", self.subject)

    def reason(self, value: float | str) -> str:
        """Return the sentence with an account's value."""
        return self.sentence.replace("{value}", self.value(value))

    def hint(self, word: str) -> str:
        """Say that a category is not known."""
        shown = word if len(word) <= self.SHOWN else f"{word[: self.SHOWN]}…"
        return self._filled("hint").replace("{value}", shown)

    def value(self, value: Any) -> str:
        """Return a value as people write it."""
        if self.form == "level":
            return str(self.levels.get(value, value))
        if self.form == "deviation":
            return str(self.words["deviations"][int(np.digitize(value, (-1.5, -0.5, 0.5, 1.5)))])
        if self.form == "share":
            return self._percent(100 * value)
        if self.form in ("change", "against"):
            return self._change(value if self.form == "change" else -value)
        number = self._number(value, cents=self.form == "money")
        return number + str(self.one if value == 1 else self.many)

    def _number(self, value: float, *, cents: bool = False) -> str:
        """Write a number exactly, or with two decimals, or whole where hundredths do not matter."""
        if 0 < abs(value) < 0.005:
            return str(self.words["almost"]).replace("{value}", "0")
        whole = float(value).is_integer() or abs(value) >= 100_000
        text = f"{value:,.0f}" if whole else f"{value:,.2f}"
        return (text if whole or cents else text.rstrip("0").rstrip(".")).translate(self.letters)

    def _percent(self, value: float, sign: str = "") -> str:
        """Write a percentage with one decimal; one that is nearly nothing or all is not called so."""
        value = round(value, 6)
        for end in (0, -100 if sign else 100):
            if 0 < abs(value - end) < 0.05:
                return str(self.words["almost"]).replace("{value}", self._percent(end))
        text = f"{value:{sign if value else ''},.1f}".removesuffix(".0")
        return text.translate(self.letters) + str(self.signs["percent"])

    def _change(self, value: float) -> str:
        """Write a difference relative to the mean of both, -2 to 2, as a change relative to the first."""
        if value > 18 / 11:  # eleven times as much
            return str(self.words["many_times"])
        return self._percent(200 * value / (2 - value), "+")


def verified(files: dict[str, Path], digest: str | None) -> dict[str, bytes]:
    """Read the files and compare each with ``digests.json``.

    Parameters
    ----------
    files
        Paths by the names under which they were saved; ``digests.json`` must be among them.
    digest
        SHA-256 of ``digests.json`` itself, where it is known.

    Returns
    -------
    dict of str to bytes
        Content by file name.

    Raises
    ------
    MlflowException
        If a file is missing, was not expected, or differs.
    """
    contents = {name: path.read_bytes() for name, path in files.items()}
    recorded = contents.pop("digests.json")
    if digest is not None and sha256(recorded) != digest:
        raise _refusal("digests.json")
    try:
        expected = json.loads(recorded)
    except ValueError as error:
        raise _refusal("digests.json") from error
    for name in sorted({*expected, *contents}):
        found = contents.get(name)
        if found is None or sha256(found) != expected.get(name):
            raise _refusal(name)
    return contents


def sha256(content: bytes) -> str:
    """Return the digest of a file's content, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _refusal(name: str) -> MlflowException:
    return MlflowException(
        f"The model's file {name} is not the one that was saved. "
        "It was changed or damaged; register the model again or load another version."
    )


def _session(model: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # chunks run side by side instead, which needs no waiting for each other
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _wanted(columns: Any) -> list[str]:
    wanted = list(COLUMNS) if columns is None or len(columns) == 0 else [str(name) for name in columns]
    unknown = [name for name in wanted if name not in COLUMNS]
    if unknown:
        raise MlflowException.invalid_parameter_value(
            f"There is no output column {unknown[0]!r}. Choose from: {', '.join(COLUMNS)}."
        )
    return wanted


def _account_ids(frame: pd.DataFrame, begin: int = 0) -> NDArray[Any]:
    """Return the ids as text, None where one is missing; the row's label where there are none at all.

    Raises
    ------
    MlflowException
        If a value is no id, or a number that lost its last digits on its way.
    """
    if ACCOUNT not in frame:
        return frame.index.astype(str).to_numpy(object)
    column = frame[ACCOUNT]
    given = column.astype(object).to_numpy(object)
    if pd.api.types.infer_dtype(given, skipna=False) == "string":
        return given
    ids = np.full(len(frame), None, dtype=object)
    exact = 2**24 if column.dtype == np.float32 else 2**53
    for row in np.flatnonzero(column.notna().to_numpy()):
        ids[row] = _account_id(given[row], exact, begin + int(row))
    return ids


def _account_id(value: Any, exact: int, row: int) -> str:
    """Return one id as text; ``exact`` is the first whole number that its kind of float cannot tell apart."""
    if isinstance(value, float | np.floating) and abs(float(value)) >= exact:
        raise MlflowException.invalid_parameter_value(
            f"Column {ACCOUNT!r} holds a number in row {row} whose last digits may be lost: a missing id "
            "beside numbers makes floating-point numbers of them. Send ids as texts."
        )
    text = None if isinstance(value, bool | np.bool_) else _text(value)
    if text is None:
        raise _unfit(ACCOUNT, "texts or whole numbers", value, row)
    return text


def _numbers(frame: pd.DataFrame, names: list[str], begin: int = 0) -> Floats:
    """Return the columns as float64 (n, p), NaN where unknown; errors count rows from ``begin``."""
    numbers = np.full((len(frame), len(names)), np.nan)
    for j, name in enumerate(names):
        if name in frame:
            numbers[:, j] = _column(frame[name], name, begin)
    infinite = np.isinf(numbers)
    if infinite.any():
        row, j = np.argwhere(infinite)[0]
        raise MlflowException.invalid_parameter_value(
            f"Column {names[j]!r} is infinite in row {begin + row}; leave it empty."
        )
    return numbers


def _insist_on_possible(numeric: Floats, catalogue: dict[str, Any], begin: int) -> None:
    """Refuse what a number of its kind cannot be at all, such as -5 orders or a share of 85."""
    possible = [catalogue["features"][name]["possible"] for name in catalogue["numeric"]]
    low, high = (np.array([limits[end] for limits in possible]) for end in ("least", "most"))
    wrong = (numeric < low) | (numeric > high)
    if wrong.any():
        row, j = np.argwhere(wrong)[0]
        value, limits = numeric[row, j], possible[j]
        told = limits["below" if value < limits["least"] else "above"]
        raise MlflowException.invalid_parameter_value(
            f"Column {catalogue['numeric'][j]!r} {told}; row {begin + row} holds {value:.6g}."
        )


def _column(column: pd.Series, name: str, begin: int) -> Floats:
    """Return the numbers of a column, whatever whole, decimal or nullable type they came in."""
    if column.dtype == np.float64:
        return column.to_numpy()
    if pd.api.types.is_numeric_dtype(column.dtype) and column.dtype.kind != "c":  # flags are numbers, too
        return column.to_numpy(np.float64, na_value=np.nan)
    numbers = np.full(len(column), np.nan)
    given = column.astype(object).to_numpy(object)
    for row in np.flatnonzero(column.notna().to_numpy()):
        number = _float(given[row])
        if number is None:
            raise _unfit(name, "numbers", given[row], begin + int(row))
        numbers[row] = number
    return numbers


def _float(value: Any) -> float | None:
    """Return a number, or a text in which one is written plainly, as a float; None if it is none."""
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return np.nan
        if "_" in text:  # Python would read 1_000
            return None
    elif not isinstance(value, NUMBERS):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None if isinstance(value, str) else np.inf


def _texts(frame: pd.DataFrame, names: list[str], begin: int = 0) -> list[Texts]:
    """Return the categorical columns."""
    unknown = Texts.unknown(len(frame))
    return [_category(frame[name], begin) if name in frame else unknown for name in names]


def _category(column: pd.Series, begin: int) -> Texts:
    try:
        codes, found = pd.factorize(column)
    except TypeError:  # such as lists, which cannot be compared: the first of them is named below
        codes, found = np.arange(len(column)), pd.Index(column.to_numpy(object), dtype=object)
    words = [_text(value) if known else "" for value, known in zip(found, found.notna(), strict=True)]
    for place, word in enumerate(words):
        if word is None:
            row = begin + int(np.flatnonzero(codes == place)[0])
            raise _unfit(str(column.name), "texts", found[place], row)
    return Texts(codes, np.array([*words, ""], dtype=object))


def _text(value: Any) -> str | None:
    """Return a text without blanks around it, or a number as it is written in one; None for anything else."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, int | np.integer | UUID):
        return str(value)
    if isinstance(value, float | np.floating | Decimal):
        return str(int(value) if math.isfinite(value) and value == int(value) else value)
    return None


def _unfit(name: str, wanted: str, value: Any, row: int) -> MlflowException:
    kind = "a text that is none" if isinstance(value, str) else f"a {type(value).__name__}"
    refusal: MlflowException = MlflowException.invalid_parameter_value(
        f"Column {name!r} must hold {wanted}; row {row} holds {kind}."
    )
    return refusal


def _known(numeric: Floats, texts: list[Texts]) -> Flags:
    """Return which features (n, n_features) are known, numbers first."""
    return np.column_stack([~np.isnan(numeric), *((text.words != "")[text.codes] for text in texts)])


def _asked(segmenter: ort.InferenceSession, x: Floats) -> tuple[Floats, Floats]:
    """Return memberships (n, k) and typicality (n,) of rows of the reference space."""
    proba, score = segmenter.run(["proba", "score"], {"x": x})
    return proba, score


def _feed(session: ort.InferenceSession, numeric: Floats, texts: list[Texts]) -> dict[str, Any]:
    """Return what the session asks for; a model without categories has no such inputs."""
    asked = {node.name for node in session.get_inputs()}
    feed: dict[str, Any] = {"numeric": numeric} if "numeric" in asked else {}
    if "words" in asked:
        feed["words"] = np.concatenate([text.words for text in texts])
        begins = np.cumsum([0, *(len(text.words) for text in texts)])
        last = [len(text.words) - 1 for text in texts]  # where the unknown ones, coded -1, find their text
        codes = [np.where(t.codes < 0, end, t.codes) for t, end in zip(texts, last, strict=True)]
        feed["codes"] = np.column_stack(codes) + begins[:-1]
    return feed


def _two_best(proba: Floats) -> tuple[Integers, Floats, Integers, Floats]:
    """Return the best label, its probability, the second label (-1 if none) and the margin."""
    rows = np.arange(len(proba))
    best = proba.argmax(axis=1)
    confidence = proba[rows, best]
    if proba.shape[1] < 2:
        return best, confidence, np.full(len(proba), -1), confidence.copy()
    rest = proba.copy()
    rest[rows, best] = -np.inf
    second = rest.argmax(axis=1)
    return best, confidence, second, confidence - rest[rows, second]


set_model(SegmentModel())
