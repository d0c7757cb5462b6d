"""Options that several commands share, worded alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

FILE = click.Path(dir_okay=False, path_type=Path)
HELD = click.Path(exists=True, dir_okay=False, path_type=Path)

dt = click.option(
    "--dt", type=float, help="Step length, in ms or steps (default 0.1 for circuits, 1 where there are inputs)."
)
backend = click.option(
    "--backend", type=click.Choice(["numba", "torch", "reference"]), default="numba", show_default=True,
    help="What runs it: compiled for the CPU; torch (CPU or GPU); NumPy, slow and plain.",
)  # fmt: skip
device = click.option("--device", default="cpu", show_default=True, help="Of torch: cpu, cuda, auto or a GPU's number.")
seed = click.option("--seed", type=int, default=0, show_default=True, help="Of random weights, connections and inputs.")
threads = click.option("--threads", type=click.IntRange(1), help="Threads at most (default: one per core).")
weights = click.option("--weights", type=HELD, help="An .npz of trained weights, where the model does not hold them.")
progress = click.option("--progress/--no-progress", default=None, help="Show a bar on stderr (default: at a terminal).")
data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    help="Folder with the data (default: NEUROGRAPH_DATA, else download).",
)
normalize = click.option(
    "--normalize/--plain-pixels", default=None,
    help="Pictures minus their mean over their deviation, or pixels from 0 to 1 (default: as the model file says, else normalised).",
)  # fmt: skip


def _complete_dataset(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from neurograph import data

    return [n for n in data.names() if n.startswith(incomplete)]


def dataset(**settings: Any) -> Any:
    return click.option("--dataset", shell_complete=_complete_dataset, **settings)


train_device = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or a GPU's number.")
