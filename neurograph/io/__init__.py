"""Networks from elsewhere and in files. Importing this room does not load torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurograph.io.formats.networkx import from_networkx, to_networkx
    from neurograph.io.nir import NirImport, NotRepresentable, from_nir, read_nir, to_nir
    from neurograph.io.torch_import import from_torch

_NIR = ("NirImport", "NotRepresentable", "from_nir", "read_nir", "to_nir")
_NETWORKX = ("from_networkx", "to_networkx")
__all__ = [
    "NirImport", "NotRepresentable", "from_networkx", "from_nir", "from_torch", "read_nir", "to_networkx", "to_nir",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "from_torch":
        from neurograph.io.torch_import import from_torch

        return from_torch
    if name in _NETWORKX:
        from neurograph.io.formats import networkx

        return getattr(networkx, name)
    if name in _NIR:
        from neurograph.io import nir

        return getattr(nir, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
