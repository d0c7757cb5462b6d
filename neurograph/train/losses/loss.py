"""What a loss is: a function of a network's output and the labels."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from neurograph.errors import ShapeError
from neurograph.train.failures import TrainingError

__all__ = ["Loss", "mean_over_steps", "one_hot"]


class Loss:
    """Base of all losses: `loss(output, labels)` is a scalar, the mean over the batch.

    ``output`` is [N, K], or [T, N, K] where the readout is Steps(); ``labels`` int64 [N] or float [N, K] (rows that
    sum to 1, as MixUp makes them). `name` is what it is found by.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()

    def __call__(self, output: Tensor, labels: Tensor) -> Tensor:
        raise NotImplementedError

    def __repr__(self) -> str:
        held = ", ".join(f"{k}={v!r}" for k, v in vars(self).items())
        return f"{type(self).__name__}({held})"


def mean_over_steps(output: Tensor) -> Tensor:
    """[N, K] of an output [N, K] or [T, N, K]."""
    return output.mean(0) if output.ndim == 3 else output


def one_hot(labels: Tensor, like: Tensor) -> Tensor:
    """Labels as rows [N, K] of the type of ``like`` [N, K]; raises ShapeError where they do not fit."""
    if labels.is_floating_point() and labels.shape == like.shape:
        return labels.to(like.dtype)
    if labels.is_floating_point() or labels.shape != like.shape[:1]:
        raise ShapeError(
            f"loss: output {tuple(like.shape)} and labels {labels.dtype} {tuple(labels.shape)}; labels must be whole "
            "numbers [N] or floats [N, K]; check what the loader gives"
        )
    return torch.nn.functional.one_hot(labels, like.shape[1]).to(like.dtype)


def number(kind: str, name: str, value: Any, low: float, high: float) -> float:
    """A setting of a loss; raises TrainingError unless it is a number with low <= value <= high."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise TrainingError(f"loss {kind!r}: {name} is {value!r}; it must be a number from {low:g} to {high:g}")
    return float(value)
