"""Draw figures as one interactive HTML page with Plotly; the page needs no network."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segmentwerk.core.files import atomic_file
from segmentwerk.insight.figure import Bars, Dots, Figure, Flows, Heat, Lines, Points
from segmentwerk.insight.language import ENGLISH, Language
from segmentwerk.insight.palette import COLORS, DIVERGING, PLOTLY_DASHES, PLOTLY_HATCHES, PLOTLY_MARKERS, pick

if TYPE_CHECKING:
    import plotly.graph_objects as go


_PAGE = """<!DOCTYPE html>
<html lang="{lang}">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>{title}</h1>
{figures}
</body>
</html>
"""


def draw_html(
    figures: Sequence[Figure],
    title: str,
    path: Path,
    language: Language = ENGLISH,
    others: Mapping[str, go.Figure] | None = None,
) -> Path:
    """Write all figures into one interactive page and return its path.

    One page, because Plotly's script (5 MB) then travels once and the page still opens anywhere:
    from disk, and inside MLflow's artifact viewer, which loads no second file.

    Parameters
    ----------
    others
        Further figures of Plotly by name, for the end of the page.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    drawn = {figure.name: plotly_figure(figure, language) for figure in figures} | dict(others or {})
    parts = [
        one.to_html(full_html=False, include_plotlyjs=number == 0, div_id=name)
        for number, (name, one) in enumerate(drawn.items())
    ]
    page = _PAGE.format(title=escape(title), lang=language.code, figures="\n".join(parts))
    with atomic_file(path) as draft:
        draft.write_text(page, encoding="utf-8")
    return path


def plotly_figure(figure: Figure, language: Language = ENGLISH) -> go.Figure:
    """Return the figure for Plotly."""
    import plotly.graph_objects as go  # takes half a second to import

    drawn = go.Figure()
    _MARKS[type(figure.marks)](drawn, figure.marks)
    drawn.update_layout(
        title={"text": "<br>".join(textwrap.wrap(figure.title, 100)), "font": {"size": 15}},
        template="simple_white",
        xaxis_title=figure.x_label,
        yaxis_title=figure.y_label,
        separators=",." if language.code == "de" else ".,",
        margin={"t": 90},
    )
    if isinstance(figure.marks, Flows):  # a Sankey has no axes to carry the label
        drawn.add_annotation(text=figure.x_label, x=0.5, y=-0.1, xref="paper", yref="paper", showarrow=False)
    return drawn


def _dots(drawn: go.Figure, marks: Dots) -> None:
    values = np.array(marks.values)
    above, below = np.array(marks.high) - values, values - np.array(marks.low)
    drawn.add_scatter(
        x=marks.values,
        y=marks.labels,
        mode="markers",
        marker={"size": 10, "color": COLORS[0]},
        error_x={"type": "data", "array": above, "arrayminus": below, "color": "grey"},
    )
    drawn.update_yaxes(autorange="reversed")


def _lines(drawn: go.Figure, marks: Lines) -> None:
    for number, line in enumerate(marks.lines):
        color = pick(COLORS, number)
        if line.low:
            edges = {"x": [*line.x, *line.x[::-1]], "y": [*line.high, *line.low[::-1]]}
            band = {"fillcolor": "rgba(90, 90, 90, 0.18)", "line_width": 0, "mode": "lines"}
            drawn.add_scatter(**edges, **band, fill="toself", name=line.name, showlegend=not line.y)
        if not line.y:
            continue
        drawn.add_scatter(
            x=line.x,
            y=line.y,
            name=line.name,
            mode="lines+markers",
            line={"color": color, "dash": pick(PLOTLY_DASHES, number)},
            marker_symbol=pick(PLOTLY_MARKERS, number),
        )
    if marks.ticks:
        drawn.update_xaxes(tickvals=list(range(len(marks.ticks))), ticktext=marks.ticks)
    if marks.mark:
        ring = {"size": 18, "symbol": "circle-open", "color": "black"}
        drawn.add_scatter(
            x=[marks.mark[0]], y=[marks.mark[1]], mode="markers", marker=ring, name=marks.mark_name
        )


def _bars(drawn: go.Figure, marks: Bars) -> None:
    for number, (name, values) in enumerate(marks.series.items()):
        pattern = {"shape": pick(PLOTLY_HATCHES, number)}
        drawn.add_bar(
            x=marks.labels, y=values, name=name, marker={"color": pick(COLORS, number), "pattern": pattern}
        )
    for number, (name, height) in enumerate(marks.thresholds.items()):
        dash = pick(PLOTLY_DASHES, number + 1)
        drawn.add_hline(y=height, line_dash=dash, annotation_text=name, annotation_position="top right")
    if marks.percent:
        drawn.update_yaxes(tickformat=".0%")


def _heat(drawn: go.Figure, marks: Heat) -> None:
    drawn.add_heatmap(
        z=marks.values,
        x=marks.columns,
        y=marks.rows,
        text=marks.texts,
        texttemplate="%{text}",
        zmin=-1,
        zmax=1,
        colorscale=DIVERGING,
        colorbar_title={"text": marks.scale, "side": "right"},
    )
    drawn.update_yaxes(autorange="reversed")


def _points(drawn: go.Figure, marks: Points) -> None:
    for number, (name, points) in enumerate(marks.groups.items()):
        drawn.add_scatter(
            x=points[:, 0],
            y=points[:, 1],
            name=name,
            mode="markers",
            hoverinfo="name",
            marker={
                "size": 5,
                "opacity": 0.6,
                "color": pick(COLORS, number),
                "symbol": pick(PLOTLY_MARKERS, number),
            },
        )


def _flows(drawn: go.Figure, marks: Flows) -> None:
    shift = len(marks.left)
    drawn.add_sankey(
        node={
            "label": [*marks.left, *marks.right],
            "color": [pick(COLORS, number) for number in range(shift)] + ["grey"] * len(marks.right),
        },
        link={
            "source": [source for source, _, _ in marks.counts],
            "target": [shift + target for _, target, _ in marks.counts],
            "value": [count for _, _, count in marks.counts],
        },
    )


_MARKS: dict[type, Callable[[go.Figure, Any], None]] = {
    Dots: _dots,
    Lines: _lines,
    Bars: _bars,
    Heat: _heat,
    Points: _points,
    Flows: _flows,
}
