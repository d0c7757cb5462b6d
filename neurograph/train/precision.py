"""Mixed precision: which number type autocast uses, and the gradient scaler float16 needs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from neurograph.train.failures import TrainingError

__all__ = ["Precision"]


class Precision:
    """How a device computes: ``amp`` is False, True (best choice of the device), 'bf16' or 'fp16'.

    True means bfloat16 on the CPU and on CUDA devices that have it, float16 on others. Raises
    TrainingError for anything else, and for float16 on the CPU, where small gradients would be
    lost with nothing gained.
    """

    def __init__(self, amp: bool | str, device: torch.device) -> None:
        self.device = device
        self.dtype = self._choose(amp, device)
        self.scaler = torch.amp.GradScaler("cuda") if self.dtype == torch.float16 else None

    @staticmethod
    def _choose(amp: bool | str, device: torch.device) -> torch.dtype | None:
        if amp is False:
            return None
        if amp is True:
            cuda = device.type == "cuda"
            amp = "fp16" if cuda and not torch.cuda.is_bf16_supported() else "bf16"
        if amp not in ("bf16", "fp16"):
            raise TrainingError(f"amp is {amp!r}; it must be False, True, 'bf16' or 'fp16'")
        if amp == "fp16" and device.type != "cuda":
            raise TrainingError(f"amp 'fp16' on {device}: it needs a CUDA device; use 'bf16'")
        return torch.bfloat16 if amp == "bf16" else torch.float16

    def autocast(self) -> AbstractContextManager[object]:
        """Context for the forward pass."""
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)
