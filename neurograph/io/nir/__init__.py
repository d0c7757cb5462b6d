"""NIR, the format in which simulators and neuromorphic chips exchange spiking networks. See docs/nir.md."""

from __future__ import annotations

from neurograph.io.nir.losses import NotRepresentable
from neurograph.io.nir.read import NirImport, from_nir, read_nir
from neurograph.io.nir.write import to_nir

__all__ = ["NirImport", "NotRepresentable", "from_nir", "read_nir", "to_nir"]
