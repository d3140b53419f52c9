"""What speaks for an account's segment, in sentences that people read.

A copy of this file lies in every saved model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .frames import BoolArray, FloatArray, IntArray, Texts
from .model_catalogue import REASONS, Catalogue, FeatureRecord, ReasonWords

DESCRIPTIVE = ("firmographic", "geographic")
"""Approaches that tell what an account is, not what it does."""


class ReasonFinder:
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

    def __init__(self, catalogue: Catalogue) -> None:
        model = catalogue.evidence
        assert model is not None
        self.n_numeric = len(catalogue.numeric)
        self.centre, self.scale = np.array(model.centre), np.array(model.scale)
        self.means = np.array(model.means).reshape(len(catalogue.segments), self.n_numeric)
        self.levels: list[Any] = [
            pd.Index(model.levels[name], dtype=object) for name in catalogue.categorical
        ]
        self.lifts = [np.array(model.lifts[name]) for name in catalogue.categorical]
        features = [catalogue.features[name] for name in catalogue.inputs]
        self.own = np.isin(catalogue.inputs, catalogue.basis.own)
        self.active = np.array([feature.active for feature in features], dtype=bool)
        self.behaviour = np.array([feature.approach not in DESCRIPTIVE for feature in features], dtype=bool)
        self.phrases = [Phrase(catalogue.wording, feature) for feature in features]

    def weigh(self, numeric: FloatArray, texts: list[Texts], label: IntArray) -> FloatArray:
        """Return the evidence (n, n_features) of each value for the row's segment."""
        z = (np.sign(numeric) * np.log1p(np.abs(numeric)) - self.centre) / self.scale
        means = self.means[label]
        evidence = np.empty((len(label), self.n_numeric + len(self.lifts)))
        evidence[:, : self.n_numeric] = means * (np.clip(z, -self.LIMIT, self.LIMIT) - means / 2)
        for j, (text, levels, lifts) in enumerate(zip(texts, self.levels, self.lifts, strict=True)):
            evidence[:, self.n_numeric + j] = lifts[label, levels.get_indexer(text.words)[text.codes]]
        return np.nan_to_num(evidence, copy=False)

    def sentences(
        self, numeric: FloatArray, texts: list[Texts], label: IntArray, firmographic: BoolArray
    ) -> list[NDArray[Any]]:
        """Return three columns of sentences (n,), empty where there is no reason left.

        What an account does comes before what it is, then the strongest evidence. Features that did not
        shape the segments are told where nothing else is there, and for accounts without orders, whose
        segment the second path derives from all that is known of them.
        """
        evidence = self.weigh(numeric, texts, label)
        evidence[np.ix_(firmographic, self.own)] = 0.0
        telling = evidence >= self.LEAST
        shaping = telling & (self.active | firmographic[:, None])
        telling = np.where(shaping.any(axis=1, keepdims=True), shaping, telling)
        order = np.where(telling, evidence + self.FIRST * self.behaviour, 0.0)
        columns = []
        rows = np.arange(len(label))
        for _ in REASONS:
            best = order.argmax(axis=1) if order.shape[1] else np.zeros(len(label), dtype=np.int64)
            strength = order[rows, best] if order.shape[1] else np.zeros(len(label))
            columns.append(self._texts_of(numeric, texts, np.where(strength > 0, best, -1)))
            if order.shape[1]:
                order[rows, best] = 0.0
        return columns

    def _texts_of(self, numeric: FloatArray, texts: list[Texts], chosen: IntArray) -> NDArray[Any]:
        """Put the value of the chosen feature (-1: none) into its sentence, row by row."""
        sentences = np.full(len(chosen), "", dtype=object)
        for feature in np.unique(chosen[chosen >= 0]):
            rows = chosen == feature
            if feature < self.n_numeric:
                where, values = pd.factorize(numeric[rows, feature])
            else:
                text = texts[feature - self.n_numeric]
                where, values = text.codes[rows], text.words
            each = [self.phrases[feature].reason(value) for value in values.tolist()]
            sentences[rows] = np.array(each, dtype=object)[where]
        return sentences

    def hints(self, texts: list[Texts], n_rows: int) -> NDArray[Any]:
        """Say which categories the model does not know (n_rows,); empty where it knows all."""
        hints = np.full(n_rows, "", dtype=object)
        phrases = self.phrases[self.n_numeric :]
        for text, levels, phrase in zip(texts, self.levels, phrases, strict=True):
            new = (levels.get_indexer(text.words) < 0) & (text.words != "")
            if new.any():
                pairs = zip(text.words, new, strict=True)
                each = np.array([phrase.hint(word) if is_new else "" for word, is_new in pairs], dtype=object)
                more, first = each[text.codes], hints == ""
                hints += np.where(first | (more == ""), more, "; " + more)
        return hints


class Phrase:
    """One feature's reason in words, in the language of the report."""

    SHOWN = 60
    """Letters of an unknown category that are repeated."""

    def __init__(self, words: ReasonWords, feature: FeatureRecord) -> None:
        own = words.features[feature.name]
        self.form, self.subject, (self.one, self.many) = own.form, own.subject, own.units
        self.levels, self.signs, self.words = words.levels, words.signs, words.sentences
        self.letters = str.maketrans({",": self.signs["thousands"], ".": self.signs["decimal"]})
        usual = feature.typical
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
