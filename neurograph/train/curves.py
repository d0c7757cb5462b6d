"""Learning curves of a run as a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from neurograph.errors import FormatError
from neurograph.train.failures import TrainingError
from neurograph.train.summary import EpochRow, read_summary

__all__ = ["draw_curves"]

TRAIN, EVAL, FIFTH, RATE = "#4C78A8", "#E4572E", "#F2A65A", "#6B7A8F"


def draw_curves(
    summary: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    title: str | None = None,
) -> Path:
    """Draw loss, accuracy and learning rate over epochs; returns the picture's path.

    ``summary`` is a summary.csv or the folder with it; ``target`` (its ending chooses the format)
    is curves.png beside it unless given. Raises TrainingError without matplotlib, FormatError for
    a bad or empty table.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise TrainingError(
            "draw_curves: matplotlib is missing, which draws the picture; install the extra "
            "'plot': pip install 'neurograph[plot]'"
        ) from error
    path = Path(summary)
    if path.is_dir():
        path = path / "summary.csv"
    rows = read_summary(path)
    if not rows:
        raise FormatError(f"{path}: it has no row after its header; train at least one epoch first")
    target = Path(target) if target is not None else path.with_name("curves.png")

    figure = Figure(figsize=(11, 4.2), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3, width_ratios=(3, 3, 2))
    figure.suptitle(title or "Learning curves", fontsize=13, fontweight="bold")
    _loss(left, rows)
    _accuracy(middle, rows)
    _rate(right, rows)
    for axes, ticks in ((left, 8), (middle, 8), (right, 4)):
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(ticks, integer=True))
        axes.grid(True, color="#E3E6EA", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target)
    return target


def _loss(axes: Any, rows: list[EpochRow]) -> None:
    _line(axes, rows, "train_loss", "train", TRAIN)
    _line(axes, rows, "eval_loss", "evaluation", EVAL)
    axes.set_ylabel("Loss")
    axes.legend(frameon=False)


def _accuracy(axes: Any, rows: list[EpochRow]) -> None:
    _line(axes, rows, "train_acc", "train Acc@1", TRAIN)
    _line(axes, rows, "eval_acc5", "evaluation Acc@5", FIFTH)
    _line(axes, rows, "eval_acc1", "evaluation Acc@1", EVAL)
    best = max(rows, key=lambda row: row.eval_acc1)
    axes.plot(
        best.epoch,
        best.eval_acc1,
        marker="*",
        markersize=13,
        color=EVAL,
        markeredgecolor="white",
        linestyle="none",
        label=f"best {best.eval_acc1:.2f} % (epoch {best.epoch})",
        zorder=5,
    )
    axes.set_ylabel("Accuracy (%)")
    axes.legend(frameon=False, loc="lower right")


def _rate(axes: Any, rows: list[EpochRow]) -> None:
    _line(axes, rows, "lr", "learning rate", RATE)
    axes.set_ylabel("Learning rate")
    axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=True)


def _line(axes: Any, rows: list[EpochRow], column: str, label: str, color: str) -> None:
    epochs = [row.epoch for row in rows]
    values = [getattr(row, column) for row in rows]
    # One epoch is a point, not a line: without a marker it would be invisible.
    marker = "o" if len(rows) <= 25 else None
    axes.plot(epochs, values, color=color, label=label, linewidth=1.8, marker=marker, markersize=4)
