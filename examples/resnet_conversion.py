"""Train a small ResNet on CIFAR-10, convert it to a spiking network, and compare both on the test images.

python examples/resnet_conversion.py --data-dir DATA --recipe rate --steps 64
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import torch
from lenet5_conversion import Task, run

import neurograph as ng
from neurograph import data, train


def shifted(part: data.ImageData) -> data.Transform:
    """Small shifts, and mirror images of what has no left and right."""
    flips = [] if part.name in ("mnist", "digits") else [data.HorizontalFlip()]
    return data.Compose(data.RandomCrop(max(1, part.images.shape[-1] // 16)), *flips)


def sgd(model: torch.nn.Module, lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(train.parameter_groups(model, 5e-4), lr=lr, momentum=0.9, nesterov=True)


RESNET = Task("resnet_cifar", "cifar10", {"cifar10": 8, "digits": 40}, 0.1, 128, True, shifted, sgd, False)


def main(argv: Sequence[str] | None = None) -> None:
    run(RESNET, __doc__, argv)


if __name__ == "__main__":
    try:
        main()
    except ng.NeuroGraphError as error:
        sys.exit(f"error: {error}")
