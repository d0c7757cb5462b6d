"""A torch module becomes a graph, through torch.fx. Needs torch."""

from __future__ import annotations

from neurograph.io.torch_import.torch_module import from_torch

__all__ = ["from_torch"]
