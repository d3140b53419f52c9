"""From raw account features to segments: which path answers for a row, and what it says.

A copy of this file lies in every saved model.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnxruntime as ort
import pandas as pd
from mlflow.exceptions import MlflowException

from .evidence import ReasonFinder
from .frames import (
    BoolArray,
    FloatArray,
    IntArray,
    Texts,
    account_ids,
    insist_on_possible,
    known_cells,
    numbers_of,
    texts_of,
)
from .model_catalogue import ACCOUNT, COLUMNS, NO_SEGMENT, REASONS, Catalogue
from .partial_answers import PartialAnswers, memberships

NO_RUNNER_UP = NO_SEGMENT
CHUNK, BLOCK = 16_384, 4_096
"""Rows that a thread takes, many enough to be worth it, and rows that fit into the processor's cache."""
WORKERS = min(os.cpu_count() or 1, 8)
"""Chunks worked on side by side."""
FULL, PARTIAL, FIRMOGRAPHIC, TOO_LITTLE, FEW, DESCRIBED = range(6)
BASES = np.array(["full", "partial", "firmographic", "too little known", "partial", "partial"], dtype=object)
"""Also of those who are whole but have few orders, on another path than the others that are partial, and of
those who are only described, on the path of prospects."""


class Assigner:
    """Assign accounts to segments.

    Known customers go through the reference space and the segmenter; those of whom much is unknown through
    `PartialAnswers`, too; accounts without orders through a second model that knows the features of prospects
    only. ``basis`` says which, ``known`` how much of what is usually known stood in the row. Where that is
    too little there is no segment.

    Parameters
    ----------
    contents
        The package's files by name, each compared with its digest.
    version
        What answers say in ``model_version``.

    Raises
    ------
    MlflowException
        If the catalogue has a format that this code does not know.
    """

    def __init__(self, contents: Mapping[str, bytes], version: str) -> None:
        self.version = version
        try:
            self.catalogue = Catalogue.from_json(contents["catalogue.json"])
        except ValueError as error:
            raise MlflowException(str(error)) from error
        self.space = _session(contents["space.onnx"])
        self.segmenter = _session(contents["segmenter.onnx"])
        self.prospect: Any = _session(contents["prospect.onnx"]) if "prospect.onnx" in contents else None
        self.reasons = ReasonFinder(self.catalogue)
        assert self.catalogue.partial is not None
        self.partial = PartialAnswers(self.catalogue.partial, self.segmenter)

    def predict(self, frame: pd.DataFrame, columns: Any = None) -> pd.DataFrame:
        """Return one row an account.

        Parameters
        ----------
        frame
            Raw features; missing cells and columns are allowed, others are ignored.
        columns
            The output columns wanted; all where there are none.

        Raises
        ------
        MlflowException
            If no feature is there, a column holds what its feature cannot be at all, or an output column does
            not exist.
        """
        wanted = _wanted(columns)
        self._check_known(frame)
        begins = range(0, max(len(frame), 1), CHUNK)
        if len(begins) == 1:
            return self._assign(frame, 0, wanted).reset_index(drop=True)
        with ThreadPoolExecutor(WORKERS) as pool:
            parts = pool.map(lambda begin: self._assign(frame, begin, wanted), begins)
            return pd.concat(parts, ignore_index=True)

    def _check_known(self, frame: pd.DataFrame) -> None:
        known = self.catalogue.inputs
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
        catalogue, segments = self.catalogue, self.catalogue.segments
        numeric = numbers_of(frame, catalogue.numeric, begin)
        insist_on_possible(numeric, catalogue.numeric, catalogue.possible, begin)
        texts = texts_of(frame, catalogue.categorical, begin)
        known = known_cells(numeric, texts)
        basis, share = self._basis(numeric, known)
        proba, typical = self._run(numeric, texts, known, basis)
        label, confidence, second, margin = _two_best(proba)
        ids = np.array([segment.id for segment in segments], dtype=np.int64)
        names = np.array([segment.name for segment in segments], dtype=object)
        answer: dict[str, Any] = {
            ACCOUNT: account_ids(frame, begin),
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
            reasons = self.reasons.sentences(numeric, texts, label, _guessed(basis))
            answer |= dict(zip(REASONS, reasons, strict=True))
        if "hint" in columns:
            answer["hint"] = self.reasons.hints(texts, len(frame))
        self._withhold(answer, basis == TOO_LITTLE)
        series = {name: pd.Series(answer[name], dtype=answer[name].dtype) for name in columns}
        return pd.DataFrame(series)  # texts stay objects: turning them into strings takes as long as scoring

    def _basis(self, numeric: FloatArray, known: BoolArray) -> tuple[IntArray, FloatArray]:
        """Say for each row what its assignment can stand on, and which share of the usual features is known.

        `FEW` rows are whole but for a rhythm that so few orders do not show.
        """
        rule, names = self.catalogue.basis, self.catalogue.inputs
        own = np.isin(names, rule.own)
        orders = np.full(len(numeric), np.nan)
        if rule.orders is not None:
            orders = numeric[:, names.index(rule.orders)]
        prospect, few = (orders <= 0) | ~known[:, own].any(axis=1), orders < rule.few_orders
        share = self.partial.share(known)
        basis = np.where(self.partial.whole(known), np.where(few, FEW, FULL), PARTIAL)
        beforehand = self.partial.usual & ~own
        if self.prospect is not None and own.any() and beforehand.any():
            basis[prospect] = DESCRIBED if rule.led else FIRMOGRAPHIC
            share[prospect] = known[prospect][:, beforehand].mean(axis=1)
        basis[share < self.partial.min_known] = TOO_LITTLE
        return basis, share

    def _run(
        self, numeric: FloatArray, texts: list[Texts], known: BoolArray, basis: IntArray
    ) -> tuple[FloatArray, BoolArray]:
        """Return memberships (n, k) and whether rows are typical (n,), by the path of their basis."""
        proba = np.tile(self.partial.shares, (len(numeric), 1))
        typical = np.ones(len(numeric), dtype=bool)
        paths = {
            self._run_whole: (basis == FULL) | (basis == FEW),
            self._run_partial: basis == PARTIAL,
            self._run_prospect: _guessed(basis),
        }
        for run, rows in paths.items():
            if rows.all():
                return run(numeric, texts, known)
            if rows.any():
                some = [text.take(rows) for text in texts]
                proba[rows], typical[rows] = run(numeric[rows], some, known[rows])
        return proba, typical

    def _run_whole(
        self, numeric: FloatArray, texts: list[Texts], _known: BoolArray
    ) -> tuple[FloatArray, BoolArray]:
        proba, score = self._by_block("x", numeric, texts, lambda x, _: memberships(self.segmenter, x))
        return proba, score >= self.catalogue.outlier_threshold

    def _run_partial(
        self, numeric: FloatArray, texts: list[Texts], known: BoolArray
    ) -> tuple[FloatArray, BoolArray]:
        output = "columns" if self.partial.joined else "x"
        return self._by_block(output, numeric, texts, lambda x, rows: self.partial.answer(x, known[rows]))

    def _run_prospect(
        self, numeric: FloatArray, texts: list[Texts], _known: BoolArray
    ) -> tuple[FloatArray, BoolArray]:
        proba, score = self.prospect.run(["proba", "score"], _feed(self.prospect, numeric, texts))
        return proba, score >= self.catalogue.prospect_outlier_threshold

    def _by_block(
        self,
        output: str,
        numeric: FloatArray,
        texts: list[Texts],
        ask: Callable[[FloatArray, slice], tuple[FloatArray, Any]],
    ) -> tuple[FloatArray, Any]:
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

    def _withhold(self, answer: dict[str, Any], rows: BoolArray) -> None:
        """Give no segment where too little is known; the likeliest one stands as runner-up."""
        if not rows.any():
            return
        words = self.catalogue.too_little_known
        answer["runner_up"][rows] = answer["segment_id"][rows]
        answer["segment_id"][rows] = NO_SEGMENT
        answer["segment_name"][rows] = words.name
        answer["confidence"][rows] = answer["margin"][rows] = 0.0
        for column, sentence in zip(REASONS, [words.sentence, "", ""], strict=True):
            if column in answer:
                answer[column][rows] = sentence


def _guessed(basis: IntArray) -> BoolArray:
    """Say which rows are told from what is known of everybody."""
    return np.asarray((basis == FIRMOGRAPHIC) | (basis == DESCRIBED))


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


def _feed(session: ort.InferenceSession, numeric: FloatArray, texts: list[Texts]) -> dict[str, Any]:
    """Return what the session asks for; a model without categories has no such inputs."""
    inputs = {node.name for node in session.get_inputs()}
    feed: dict[str, Any] = {"numeric": numeric} if "numeric" in inputs else {}
    if "words" in inputs:
        feed["words"] = np.concatenate([text.words for text in texts])
        begins = np.cumsum([0, *(len(text.words) for text in texts)])
        last = [len(text.words) - 1 for text in texts]  # where the unknown ones, coded -1, find their text
        codes = [np.where(t.codes < 0, end, t.codes) for t, end in zip(texts, last, strict=True)]
        feed["codes"] = np.column_stack(codes) + begins[:-1]
    return feed


def _two_best(proba: FloatArray) -> tuple[IntArray, FloatArray, IntArray, FloatArray]:
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
