"""A conversion report as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.figures import COLORS, figure, library

if TYPE_CHECKING:
    from neurograph.convert.measure import Comparison
    from neurograph.convert.report import ConversionReport

BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, GREY = COLORS


def draw(report: ConversionReport, c: Comparison, path: Path, title: str | None = None) -> Path:
    """Accuracy and agreement over T, and per layer the firing, the error and the operations."""
    layers = len(c.layers)
    made, axes = figure(2, 2, size=(max(9.5, 4.0 + 0.42 * layers), 6.8), width_ratios=(1.0, 1.15))
    made.suptitle(title or f"{report.source.name} as a spiking network (recipe {report.recipe})", fontweight="bold")
    _answers(axes[0, 0], c)
    _firing(axes[0, 1], c)
    _work(axes[1, 0], c)
    _errors(axes[1, 1], c)
    for ax in axes.flat:
        ax.grid(True, axis="y", color="#E3E6EA", linewidth=0.7)
        ax.set_axisbelow(True)
    made.savefig(path)
    if hasattr(made, "number"):  # pyplot's, which would keep it
        import sys

        sys.modules["matplotlib.pyplot"].close(made)
    return path


def _answers(ax: Any, c: Comparison) -> None:
    t = np.arange(1, c.steps + 1)
    marker = "o" if c.steps <= 16 else None
    lines = [("agrees with the ANN", c.agreeing, ORANGE, "-")]
    if c.reference_agreeing is not None:
        lines.append(("agrees with the quantised ANN", c.reference_agreeing, GREEN, "-"))
    if c.correct is not None:
        lines.append(("SNN correct", c.correct, BLUE, "-"))
    lowest = []
    for label, counts, color, style in lines:
        values = 100.0 * np.asarray(counts) / c.images
        ax.plot(t, values, style, color=color, label=label, linewidth=1.7, marker=marker, markersize=3)
        lowest.append(values)
    if c.ann_correct is not None:
        ann = 100.0 * c.ann_correct / c.images
        ax.axhline(ann, color=BLACK, linewidth=1.0, linestyle="--", label=f"ANN correct ({ann:.2f} %)")
    ax.axvline(c.at, color=GREY, linewidth=0.8, linestyle=":")
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(library().ticker.FuncFormatter(lambda x, _: f"{x:g}"))
    ax.set_xlabel("T (steps)")
    ax.set_ylabel("Images (%)")
    ax.set_title(f"Answers on {c.images:,} images", loc="left", pad=17)
    _legend(ax, None, loc="best")
    ax.set_ylim(bottom=max(0.0, min(float(v.min()) for v in lowest) - 5.0), top=101.5)
    if c.correct is not None:
        value = 100.0 * c.correct[c.at - 1] / c.images
        high = value > sum(ax.get_ylim()) / 2
        ax.annotate(
            f"{c.correct[c.at - 1]:,} correct\nat T = {c.at}", (c.at, value), xytext=(-6, -14 if high else 8),
            textcoords="offset points", ha="right", va="top" if high else "bottom", fontsize=8, color=BLUE,
        )  # fmt: skip


def _names(ax: Any, names: list[str]) -> Any:
    places = np.arange(len(names))
    steep = len(names) > 6 or max(map(len, names)) > 9
    ax.set_xticks(places, names)
    if steep:
        angle = 90 if len(names) > 24 else 40
        for text in ax.get_xticklabels():
            text.set(rotation=angle, ha="right", va="center" if angle == 90 else "top", rotation_mode="anchor")
    ax.set_xlim(-0.6, len(names) - 0.4)
    return places


def _firing(ax: Any, c: Comparison) -> None:
    places = _names(ax, [x.name for x in c.layers])
    kinds = (("spikes per neuron and step", "rate", BLUE), ("silent neurons", "silent", GREY), ("saturated", "saturated", RED))  # fmt: skip
    for k, (label, what, color) in enumerate(kinds):
        values = 100.0 * np.array([getattr(x, what) for x in c.layers])
        bars = ax.bar(places + (k - 1) * 0.27, values, 0.26, color=color, label=label)
        if len(c.layers) <= 8:
            ax.bar_label(bars, [f"{v:.1f}" if v else "0" for v in values], fontsize=6.5, padding=1, color=color)
    ax.set_ylabel("Part (%)")
    ax.set_title(f"Firing per layer at T = {c.at}", loc="left")
    _above(ax)


def _errors(ax: Any, c: Comparison) -> None:
    known = [x for x in c.layers if x.error is not None]
    ann = "ANN" if c.reference_agreeing is None else "quantised ANN"
    ax.set_title(f"Distance from the {ann}'s activations at T = {c.at}", loc="left")
    if not known:
        ax.text(0.5, 0.5, "no activations to compare with", ha="center", va="center", transform=ax.transAxes)
        return
    places = _names(ax, [x.name for x in known])
    errors = np.array([100.0 * (x.error or 0.0) for x in known])
    bars = ax.bar(places, errors, 0.5, color=PINK, label="relative error")
    if len(known) <= 8:
        ax.bar_label(bars, [f"{v:.2g}" for v in errors], fontsize=7, padding=1, color=PINK)
    ax.set_ylabel("Relative error (%)")
    ax.set_ylim(0.0, 1.25 * max(errors.max(), 1e-3))
    right = ax.twinx()
    right.plot(places, [np.nan if x.correlation is None else x.correlation for x in known], color=GREEN, marker="o", markersize=4, linewidth=1.2, label="correlation")  # fmt: skip
    right.set_ylabel("Correlation", color=GREEN, fontsize=ax.yaxis.label.get_size())
    right.tick_params(axis="y", colors=GREEN, labelsize=ax.yaxis.get_ticklabels()[0].get_size())
    lowest = min([x.correlation for x in known if x.correlation is not None], default=0.0)
    right.set_ylim(min(0.9, lowest - 0.05), 1.005)
    right.spines[["top", "left"]].set_visible(False)
    handles = [bars, *right.get_lines()]
    _above(ax, handles)


def _work(ax: Any, c: Comparison) -> None:
    work = [w for w in c.work if w.synops or w.macs]
    places = _names(ax, [w.name for w in work] or ["none"])
    if not work:
        return
    synops, macs = np.array([w.synops for w in work]), np.array([w.macs for w in work])
    ax.bar(places, macs, 0.55, color=SKY, label="MACs on values")
    ax.bar(places, synops, 0.55, bottom=macs, color=BLUE, label="SynOps (additions by spikes)")
    ax.yaxis.set_major_formatter(library().ticker.EngFormatter())
    ax.set_ylabel("Operations per image")
    ax.set_title(f"Work at T = {c.at}; the ANN: {library().ticker.EngFormatter(places=1)(c.ann_macs)} MACs", loc="left")
    _above(ax)


def _above(ax: Any, handles: Any = None) -> None:
    """A legend between the title and the axes, where no bar can be behind it."""
    _legend(
        ax,
        handles,
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.2,
        ncols=3,
        columnspacing=1.2,
    )
    ax.set_title(ax.get_title(loc="left"), loc="left", pad=17)


def _legend(ax: Any, handles: Any, **options: Any) -> None:
    shown = {} if handles is None else {"handles": handles}
    size = ax.xaxis.label.get_size() - 1.0
    made = ax.legend(**shown, fontsize=size, handlelength=1.4, edgecolor="none", framealpha=0.85, **options)
    made.set_in_layout(False)  # it lies in room that is there already
