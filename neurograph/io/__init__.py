"""Networks from elsewhere and in files. Importing this room does not load torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurograph.io.nir import NirImport, from_nir, read_nir
    from neurograph.io.torch_import import from_torch

_NIR = ("NirImport", "from_nir", "read_nir")
__all__ = ["NirImport", "from_nir", "from_torch", "read_nir"]


def __getattr__(name: str) -> Any:
    if name == "from_torch":
        from neurograph.io.torch_import import from_torch

        return from_torch
    if name in _NIR:
        from neurograph.io import nir

        return getattr(nir, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
