"""NIR: the format in which simulators and neuromorphic chips exchange spiking networks."""

from __future__ import annotations

from pathlib import Path

from neurograph.errors import FormatError
from neurograph.graph import Graph
from neurograph.io.formats.format import LIMIT, Format


class Nir(Format):
    """A .nir file. NIR counts in seconds: `dt` is the length of a step. See neurograph.io.from_nir and to_nir."""

    name = "nir"
    endings = (".nir",)
    about = "for other libraries and chips: Norse, snnTorch, SpikingJelly and more; refuses what NIR cannot say"
    reads = True

    def recognises(self, head: bytes) -> bool:
        return head.startswith(b"\x89HDF\r\n\x1a\n")

    def read(
        self, path: Path, *, limit: int = LIMIT, dt: float | None = None, scheme: str | None = None, unit: str = "step",
        start: str | None = None, bias_at_start: bool = False,
    ) -> Graph:  # fmt: skip
        from neurograph.io.nir import from_nir

        return from_nir(path, dt=dt, scheme=scheme, unit=unit, start=start, bias_at_start=bias_at_start, limit=limit)

    def write(
        self, graph: Graph, path: Path, *, dt: float | None = None, unit: str = "step", convention: str = "continuous",
        lossy: bool = False, nested: bool = False, fold_batch_norm: bool = False, dtype: str = "float32",
    ) -> None:  # fmt: skip
        from neurograph.io.nir import to_nir

        if dt is None:
            raise FormatError(f"{path}: NIR counts in seconds; give dt=, the length of a step, such as dt=1e-3")
        to_nir(
            graph, path, dt=dt, unit=unit, convention=convention, lossy=lossy, nested=nested,
            fold_batch_norm=fold_batch_norm, dtype=dtype,
        )  # fmt: skip
