"""A figure as plain data, drawn by `draw_png`, and told in words for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from segmentwerk.core.arrays import FloatArray
from segmentwerk.insight.language import ENGLISH, Language


@dataclass(frozen=True)
class Panel:
    """One value with its interval for each label; NaN where it was not measured."""

    title: str
    values: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class Dots:
    """Panels side by side that share their labels."""

    labels: list[str]
    panels: list[Panel]

    def words(self, language: Language) -> list[str]:
        """Say each value with its interval."""
        return [f"{one.title}: {', '.join(self._of(one, language))}" for one in self.panels]

    def _of(self, panel: Panel, language: Language) -> Iterator[str]:
        for name, value, low, high in zip(self.labels, panel.values, panel.low, panel.high, strict=True):
            yield language.text("figures.alt_dots", name=name, value=value, low=low, high=high)


@dataclass(frozen=True)
class Line:
    """A named line."""

    name: str
    x: list[float]
    y: list[float]


@dataclass(frozen=True)
class Lines:
    """Lines over one axis of whole numbers; ``mark`` is a point to point at."""

    lines: list[Line]
    mark: tuple[float, float] | None = None
    mark_name: str = ""

    def words(self, language: Language) -> list[str]:
        """Say where each line begins and ends."""
        return [
            language.text("figures.alt_range", name=line.name, first=line.y[0], last=line.y[-1])
            for line in self.lines
            if line.y
        ]


@dataclass(frozen=True)
class Bars:
    """Bars for each label, one of each series side by side; ``thresholds`` are named heights."""

    labels: list[str]
    series: dict[str, list[float]]
    thresholds: dict[str, float] = field(default_factory=dict)
    percent: bool = False

    def words(self, language: Language) -> list[str]:
        """Say the height of each bar."""
        form = "%" if self.percent else ".2"
        return [
            f"{name}: "
            + ", ".join(
                f"{label} {language.write(y, form)}" for label, y in zip(self.labels, values, strict=True)
            )
            for name, values in self.series.items()
        ]


@dataclass(frozen=True)
class Heat:
    """A table of values in [-1, 1], shape (n_rows, n_columns), with the text of each cell."""

    rows: list[str]
    columns: list[str]
    values: FloatArray
    texts: list[list[str]]
    scale: str = ""

    def words(self, _: Language) -> list[str]:
        """Name the rows; the numbers stand in the tables beside the picture."""
        return self.rows


@dataclass(frozen=True)
class Flows:
    """What goes from state to state, from each date to the next.

    ``links`` holds a matrix (n_states, n_states) for each step: rows the states before, columns after.
    """

    dates: list[str]
    names: list[str]
    links: list[FloatArray]

    def words(self, language: Language) -> list[str]:
        """Say what each state holds at the first and at the last date."""
        first, last = self.links[0].sum(axis=1), self.links[-1].sum(axis=0)
        return [
            language.text("figures.alt_flow", name=name, first=before, last=after)
            for name, before, after in zip(self.names, first, last, strict=True)
        ]


@dataclass(frozen=True)
class Places:
    """A map: named points with sizes above 0, and named arrows from the middle; axes have one scale.

    ``x``, ``y`` and ``sizes`` are of the points, ``arrows`` name and tip of each arrow.
    """

    names: list[str]
    x: list[float]
    y: list[float]
    sizes: list[float]
    arrows: list[tuple[str, float, float]] = field(default_factory=list)

    def words(self, language: Language) -> list[str]:
        """Say where each point lies and each arrow points."""
        points = [*zip(self.names, self.x, self.y, strict=True), *self.arrows]
        return [f"{name} ({language.decimal(x, 1)}; {language.decimal(y, 1)})" for name, x, y in points]


Marks = Dots | Lines | Bars | Heat | Flows | Places


@dataclass(frozen=True)
class Figure:
    """One figure: its file name, the finding as its title, axes with units, and what is drawn."""

    name: str
    title: str
    x_label: str
    y_label: str
    marks: Marks

    def alt(self, language: Language = ENGLISH) -> str:
        """Return the finding and the numbers behind it, for those who cannot see the picture."""
        return f"{self.title}. {'; '.join(self.marks.words(language))}".rstrip(". ") + "."
