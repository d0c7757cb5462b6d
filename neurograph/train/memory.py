"""What to do when memory runs out in a training step."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import nn

from neurograph.train.failures import OutOfMemoryError

__all__ = ["out_of_memory"]


def out_of_memory(
    error: BaseException, where: str, model: nn.Module, images: Any, device: torch.device
) -> OutOfMemoryError | None:
    """What to tell a user about an allocation that failed, saying what to change; None for other errors."""
    if not _is_memory(error):
        return None
    message = _message(where, model, images, device, str(error))
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return OutOfMemoryError(message)


def _is_memory(error: BaseException) -> bool:
    # On the CPU torch raises a plain RuntimeError, known by its text alone.
    texts = ("DefaultCPUAllocator", "not enough memory", "out of memory", "can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(text in str(error) for text in texts)


def _message(where: str, model: nn.Module, images: Any, device: torch.device, reason: str) -> str:
    shape = tuple(images.shape) if isinstance(images, torch.Tensor) else "unknown"
    steps = getattr(model, "steps", None) or (images.shape[0] if getattr(images, "ndim", 0) == 5 else None)
    weights = sum(p.numel() for p in model.parameters())
    first = reason.splitlines()[0] if reason else "no reason given"
    return (
        f"{where}: memory ran out on {device} with a batch of {shape}, T={steps or 'unknown'}, {weights:,} weights; the "
        f"most in use was {_peak(device)} ({first}). Take a smaller batch with Update(accumulate=...) for the same "
        "update, amp=True, memory options of compile, fewer steps T, or a smaller width"
    )


def _peak(device: torch.device) -> str:
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        return f"{torch.cuda.max_memory_allocated(device) / 2**30:.2f} GiB of {total / 2**30:.2f} GiB"
    try:
        import resource
    except ImportError:  # Windows has no such count
        return "not known"
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{most * (1 if sys.platform == 'darwin' else 1024) / 2**30:.2f} GiB by this process"
