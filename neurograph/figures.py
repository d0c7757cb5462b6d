"""Figures without a display, and what the plots share: one style, names beside bands, times, legends."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from neurograph.errors import NeuroGraphError

# Okabe and Ito's colours, told apart with any colour vision; their yellow is too light for points on white
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8A8A8A")
_STYLE = {
    "font.size": 9.0, "axes.labelsize": 9.0, "axes.titlesize": 10.0, "xtick.labelsize": 8.0, "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
}  # fmt: skip


def figure(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float] | None = None, **options: Any
) -> tuple[Any, Any]:
    """A figure that needs no display, and its axes: as pyplot.subplots, whose options it takes.

    size: width and height in inches. In a session that has loaded matplotlib.pyplot the figure is pyplot's, so
    that show() and notebooks know it.
    """
    matplotlib = library()
    from matplotlib.figure import Figure

    inches = size or (3.0 + 3.5 * columns, 0.9 + 3.1 * rows)
    with matplotlib.rc_context(_STYLE):
        if "matplotlib.pyplot" in sys.modules:
            made = sys.modules["matplotlib.pyplot"].figure(figsize=inches, dpi=150, layout="constrained")
        else:
            from matplotlib.backends.backend_agg import FigureCanvasAgg

            made = Figure(figsize=inches, dpi=150, layout="constrained")
            FigureCanvasAgg(made)
        return made, made.subplots(rows, columns, **options)


def library() -> Any:
    """Matplotlib, loaded when the first figure is drawn."""
    try:
        import matplotlib
        import matplotlib.colors
        import matplotlib.ticker
    except ImportError as error:
        raise NeuroGraphError(
            "neurograph.plot: matplotlib is missing, which draws the figures; install the extra 'plot': "
            "pip install 'neurograph[plot]'"
        ) from error
    return matplotlib


def axes_for(ax: Any) -> Any:
    """The given axes, or those of a new figure."""
    library()
    return figure()[1] if ax is None else ax


def point_size(ax: Any, rows: float) -> float:
    """Points as high as a row, in points, where that can be seen and does not look clumsy."""
    height = ax.get_position().height * ax.figure.get_size_inches()[1] * 72.0
    return float(np.clip(1.5 * height / max(1.0, rows), 1.4, 4.0))


def name_bands(ax: Any, names: list[str], centres: list[float], colors: list[str]) -> None:
    """Names of populations beside their bands, moved apart where bands are thin."""
    low, high = ax.get_ylim()
    height = ax.get_position().height * ax.figure.get_size_inches()[1] * 72.0
    least = 10.0 / height * abs(high - low)
    places = list(centres)
    for k in range(1, len(places)):
        places[k] = max(places[k], places[k - 1] + least)
    places[-1] = min(places[-1], max(low, high))
    for k in range(len(places) - 2, -1, -1):
        places[k] = min(places[k], places[k + 1] - least)
    ax.set_yticks(places, names)
    ax.tick_params(axis="y", length=0.0)
    for text, color in zip(ax.get_yticklabels(), colors, strict=True):
        text.set_color(color)


def time_axis(ax: Any, first: float, last: float) -> None:
    """Limits and label of the times, in seconds where there are ten or more."""
    ax.set_xlim(first, last)
    if last - first >= 10_000.0:  # data stay in ms
        ax.xaxis.set_major_formatter(library().ticker.FuncFormatter(lambda x, _: f"{x / 1000.0:g}"))
        ax.set_xlabel("Time (s)")
    else:
        ax.set_xlabel("Time (ms)")


def legend(ax: Any, lines: int, title: str | None = None) -> None:
    """Beside the axes where the figure makes room for it."""
    if lines < 2:
        return
    options: dict[str, Any] = {"frameon": False, "title": title, "fontsize": ax.yaxis.label.get_size()}
    if ax.figure.get_layout_engine() is not None:
        options |= {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.0}
    ax.legend(**options, title_fontsize=options["fontsize"])


def ordinal(n: int) -> str:
    """3rd, 11th, 1,001st."""
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{ending}"
