"""A training run of seconds, for the tests of training; also run by itself: python small_run.py FOLDER [UPDATES]."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from neurograph.data import Batches, HorizontalFlip, ImageData
from neurograph.train import EpochRow, Keeper, WarmupCosine, adamw, fit


def stripes(count: int, seed: int) -> ImageData:
    """Pictures of three classes that a tiny network tells apart: which third is bright."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = rng.integers(0, 120, (count, 1, 6, 6), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 * label : 2 * label + 2] += 120
    return ImageData("stripes", "train", images, labels, ("a", "b", "c"), (0.4,), (0.25,), "made")


class Run:
    """One training run with everything fresh, as a new process would have it."""

    def __init__(self, folder: Path | None, epochs: int = 4, every: int | None = None) -> None:
        torch.manual_seed(7)
        self.model = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Dropout(0.3),  # draws from the global generator
            nn.Flatten(),
            nn.Linear(144, 3),
        )
        self.optimizer = adamw(self.model, 16, lr=5e-3)
        self.schedule = WarmupCosine(self.optimizer, epochs, per_step=True)
        self.train = Batches(stripes(96, 0), 16, shuffle=True, drop_last=True, seed=3, transform=HorizontalFlip(0.1))
        self.test = Batches(stripes(50, 1), 32)
        self.keeper = Keeper(folder, every=every) if folder is not None else None
        self.lines: list[str] = []
        self.epochs = epochs

    def fit(self, **options: Any) -> list[EpochRow]:
        return fit(
            **{
                "model": self.model,
                "train": self.train,
                "test": self.test,
                "epochs": self.epochs,
                "optimizer": self.optimizer,
                "schedule": self.schedule,
                "keeper": self.keeper,
                "progress": False,
                "report": self.lines.append,
                **options,
            }
        )

    def bits(self) -> bytes:
        """All numbers of model and optimizer."""
        values = self.model.state_dict().values()
        moments = [v for s in self.optimizer.state_dict()["state"].values() for v in s.values()]
        return b"".join(v.numpy().tobytes() for v in (*values, *moments))


def lasting(rows: list[EpochRow]) -> list[tuple[float, ...]]:
    """Rows without the columns that depend on the clock, as precise as the table is."""
    return [
        tuple(float(f"{v:.8g}") for v in (r.epoch, r.train_loss, r.train_acc, r.eval_loss, r.eval_acc1, r.lr))
        for r in rows
    ]


class DiesAfter:
    """Cross-entropy for so many batches; then the process is gone, as after kill -9."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, output: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.left -= 1
        if self.left < 0:
            os._exit(9)
        return nn.functional.cross_entropy(output, labels, label_smoothing=0.1)


if __name__ == "__main__":
    Run(Path(sys.argv[1]), every=2).fit(resume="last", loss=DiesAfter(int(sys.argv[2])))
