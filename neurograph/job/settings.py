"""One training run as data: every number of it is a field, and nothing else decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["AUGMENTS", "MEMORY", "MIXES", "SCHEDULES", "Job"]

AUGMENTS = ("none", "usual", "randaugment")
MIXES = ("none", "mixup", "cutmix", "eventmix")
#: Of the learning rate, beside those of neurograph.train.SCHEDULES.
SCHEDULES = ("short", "braincog")
#: What training keeps for the backward pass: see neurograph.backends.torch.
MEMORY = ("none", "bits", "recompute", "both")


@dataclass(frozen=True)
class Job:
    """What is trained on what, and how.

    The defaults are those of BrainCog's image classification (img_cls/bp/main.py): LIF with threshold 0.5 and tau 2,
    QGate of width 2, AdamW with lr = 5e-3 per 1024 samples of a batch and weight decay 1e-4 on weight matrices, labels
    smoothed by 0.1, and a cosine from the 5th epoch on. `steps`, `epochs`, `limit` and `width` are usually chosen for
    the machine: see `presets`.
    """

    # --- the network: a recipe of neurograph.models, with the settings that it takes
    recipe: str = "cifar_convnet"
    width: float | None = 1.0
    #: Further settings of the recipe.
    settings: Mapping[str, Any] = field(default_factory=dict)
    node: str = "LIFNode"
    #: Surrogate of a neuron that has one.
    surrogate: str = "QGateGrad"
    #: Its width.
    alpha: float = 2.0
    threshold: float = 0.5
    #: Membrane time constant in steps.
    tau: float = 2.0
    #: Whether the gradient does not pass through the reset; None: as the neuron has it.
    detach_reset: bool | None = None
    #: Time steps T.
    steps: int = 8

    # --- the data
    dataset: str = "cifar10"
    data_dir: str | None = None
    #: Use so many training samples and a fifth as many test samples; None: all.
    limit: int | None = None
    #: Write so many made-up samples a split in the set's own layout and use those; 0: the real files.
    example: int = 0
    #: How events become frames: the name of a maker, with settings as in "duration:duration_us=50000".
    frames: str = "time"
    #: Height and width of frames; None: the usual size of the set.
    size: int | None = None
    #: Folder of the frames made of events; None: this user's cache.
    cache: str | None = None
    #: Processes that make frames; 0: this one.
    workers: int = 0
    augment: str = "usual"
    mix: str = "none"
    #: Both parameters of the Beta distribution from which a mix takes its share.
    mix_beta: float = 2.0
    #: Probability with which a sample is mixed.
    mix_probability: float = 0.5
    #: Pictures minus their mean over their deviation; False: pixels from 0 to 1.
    normalize: bool = True
    #: Draw training samples with replacement, each class as often as another, in place of each sample once an epoch.
    balance: bool = False
    #: Samples of a batch, over all processes.
    batch: int = 128

    # --- training
    epochs: int = 200
    #: Stop an epoch after so many batches; None: all.
    batches: int | None = None
    loss: str = "cross_entropy"
    smoothing: float = 0.1
    optimizer: str = "adamw"
    #: None: the optimizer's own (adamw, adam: 5e-3 per 1024 samples of an update; sgd: 0.1 per 256).
    lr: float | None = None
    weight_decay: float = 1e-4
    #: Of SGD.
    momentum: float = 0.9
    #: short: warm-up for a tenth of the run, moving with every step; braincog: by epochs, as published.
    schedule: str = "short"
    #: Of a schedule with a warm-up; None: 5, or a tenth of the run (short).
    warmup_epochs: float | None = None
    #: Learning rate that the warm-up begins with.
    warmup_lr: float = 1e-6
    #: Learning rate at the end, of a schedule that has one.
    min_lr: float = 1e-5
    #: Largest norm of the gradient; None: as it is.
    clip: float | None = None
    #: Decay of the moving average of weights, which is what is tested and saved; None: the weights themselves.
    ema: float | None = None
    #: Batches whose gradients are added up for one step.
    accumulate: int = 1
    #: Stop after so many epochs without a better accuracy; None: never.
    early_stop: int | None = None
    amp: bool | str = False
    #: bits: spikes as bits; recompute: activations anew in the backward pass; both. The results are the same.
    memory: str = "none"
    #: Of weights, order of samples, random changes and dropout.
    seed: int = 42
    device: str = "auto"

    # --- what is kept
    folder: Path | None = None
    #: A checkpoint within the epoch, too, after every so many updates; None: after each epoch only.
    checkpoint_every: int | None = None
    resume: str | None = None
    tensorboard: bool = False
