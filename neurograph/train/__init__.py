"""Training: learning rate, optimizer, metrics, checkpoints, the loop and its curves."""

from __future__ import annotations

from neurograph.train.checkpoint import Checkpoint
from neurograph.train.checkpoint import load as load_checkpoint
from neurograph.train.checkpoint import peek as peek_checkpoint
from neurograph.train.checkpoint import save as save_checkpoint
from neurograph.train.curves import draw_curves
from neurograph.train.device import device_of
from neurograph.train.failures import DivergedError, TrainingError
from neurograph.train.keeper import Keeper, Kept
from neurograph.train.loop import Loader, Schedule, evaluate, fit
from neurograph.train.metrics import RunningMean, accuracy, correct
from neurograph.train.optim import adamw, parameter_groups
from neurograph.train.precision import Precision
from neurograph.train.schedule import WarmupCosine
from neurograph.train.statistics import measure_statistics
from neurograph.train.summary import EpochRow, read_summary, write_summary

__all__ = [
    "Checkpoint",
    "DivergedError",
    "EpochRow",
    "Keeper",
    "Kept",
    "Loader",
    "Precision",
    "RunningMean",
    "Schedule",
    "TrainingError",
    "WarmupCosine",
    "accuracy",
    "adamw",
    "correct",
    "device_of",
    "draw_curves",
    "evaluate",
    "fit",
    "load_checkpoint",
    "measure_statistics",
    "parameter_groups",
    "peek_checkpoint",
    "read_summary",
    "save_checkpoint",
    "write_summary",
]
