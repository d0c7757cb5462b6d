"""NIR, the format in which simulators and neuromorphic chips exchange spiking networks. See docs/nir.md."""

from __future__ import annotations

from neurograph.io.nir.read import NirImport, from_nir, read_nir

__all__ = ["NirImport", "from_nir", "read_nir"]
