"""How a tape runs. A backend is imported when it is first asked for."""

from __future__ import annotations

import importlib
from typing import Any

from neurograph.errors import BackendError

# name -> (module, class, default dtype)
BACKENDS = {
    "torch": ("neurograph.backends.torch", "TorchProgram", "float32"),
    "numba": ("neurograph.backends.numba", "NumbaProgram", "float32"),
    "reference": ("neurograph.backends.reference", "ReferenceProgram", "float64"),
}


def backend_named(name: str) -> tuple[Any, str]:
    """The program class of a backend and its default dtype."""
    if name not in BACKENDS:
        raise BackendError(f"unknown backend {name!r}; choose one of {', '.join(BACKENDS)}")
    module, cls, dtype = BACKENDS[name]
    return getattr(importlib.import_module(module), cls), dtype
