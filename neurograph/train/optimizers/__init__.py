"""Optimizers. A file placed in this folder that declares a function of its own name is found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import torch


def _found(name: str) -> Callable[..., torch.optim.Optimizer]:
    return getattr(importlib.import_module(f"{__name__}.{name}"), name)  # type: ignore[no-any-return]


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    module.name: _found(module.name) for module in pkgutil.iter_modules(__path__)
}
