"""Networks from elsewhere. Needs torch; importing neurograph alone does not load this room."""

from __future__ import annotations

from neurograph.io.torch_module import from_torch

__all__ = ["from_torch"]
