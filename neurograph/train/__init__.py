"""Training: losses, optimizers, learning rate, updates, metrics, checkpoints, the loop and its curves."""

from __future__ import annotations

from neurograph.train import distributed
from neurograph.train.checkpoint import Checkpoint
from neurograph.train.checkpoint import load as load_checkpoint
from neurograph.train.checkpoint import peek as peek_checkpoint
from neurograph.train.checkpoint import save as save_checkpoint
from neurograph.train.curves import draw_curves
from neurograph.train.device import device_of
from neurograph.train.early_stop import EarlyStop
from neurograph.train.failures import DivergedError, OutOfMemoryError, TrainingError
from neurograph.train.keeper import Keeper, Kept
from neurograph.train.logs import Logs
from neurograph.train.loop import evaluate, fit
from neurograph.train.losses import LOSSES
from neurograph.train.losses.loss import Loss
from neurograph.train.metrics import RunningMean, accuracy, correct
from neurograph.train.named import loss, optimizer, schedule
from neurograph.train.optimizers import OPTIMIZERS
from neurograph.train.optimizers.adam import adam
from neurograph.train.optimizers.adamw import adamw
from neurograph.train.optimizers.sgd import sgd
from neurograph.train.parameter_groups import parameter_groups
from neurograph.train.precision import Precision
from neurograph.train.run import Loader
from neurograph.train.schedules import SCHEDULES
from neurograph.train.schedules.schedule import Schedule
from neurograph.train.schedules.warmup_cosine import WarmupCosine
from neurograph.train.statistics import measure_statistics
from neurograph.train.summary import EpochRow, read_summary, write_summary
from neurograph.train.update import Update

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "SCHEDULES",
    "Checkpoint",
    "DivergedError",
    "EarlyStop",
    "EpochRow",
    "Keeper",
    "Kept",
    "Loader",
    "Logs",
    "Loss",
    "OutOfMemoryError",
    "Precision",
    "RunningMean",
    "Schedule",
    "TrainingError",
    "Update",
    "WarmupCosine",
    "accuracy",
    "adam",
    "adamw",
    "correct",
    "device_of",
    "distributed",
    "draw_curves",
    "evaluate",
    "fit",
    "load_checkpoint",
    "loss",
    "measure_statistics",
    "optimizer",
    "parameter_groups",
    "peek_checkpoint",
    "read_summary",
    "save_checkpoint",
    "schedule",
    "sgd",
    "write_summary",
]
