"""Where to train, from what a user types."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from neurograph.errors import BackendError


def device_of(text: str) -> torch.device:
    """The device of "auto" (CUDA where there is one), "cpu", "cuda", "cuda:1" or a GPU's number."""
    if text == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(f"cuda:{text}" if text.isdigit() else text)
    except RuntimeError:
        raise BackendError(f"device {text!r}: give auto, cpu, cuda, or a GPU's number") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise BackendError(f"device {text!r}: torch sees {found} CUDA devices here. Use 'cpu' or 'auto'")
    return device


def device_of_model(model: nn.Module) -> torch.device:
    """Where the model's weights are; the CPU where it has none."""
    held = next(itertools.chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if held is None else held.device
