"""BrainCog's thresholds: a sorted value per calibration batch, the largest over batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neurograph.activations.rectifier import Clamp, ReLU
from neurograph.convert.conversion import Array, Conversion
from neurograph.convert.passes.observe import Observe, Statistic
from neurograph.errors import GraphError, SpecError, declared_at
from neurograph.graph import Graph, Population


class BatchQuantile(Statistic):
    """The largest over `batches` parts of the images of sorted(a)[k], k of the n values of a part; a row is a channel.

    k = int(n p) - 1 for a layer (one row), floor(p (n - 1)) for channels. What lies below sorted(a)[k] is not kept.
    images: how many there will be; total: how many values a row will have.
    """

    def __init__(self, p: float, images: int, total: int, batches: int, silent: float = 0.0):
        self.p, self.silent = p, silent
        self.sizes = [len(part) * (total // images) for part in np.array_split(np.arange(images), batches)]
        self.lacking = self.sizes[0]  # how many values the part that is being read still lacks
        self.top: Array | None = None
        self.found: Array | None = None

    def add(self, values: Array) -> None:
        while values.shape[1]:
            part, values = values[:, : self.lacking], values[:, self.lacking :]
            self.lacking -= part.shape[1]
            top = part if self.top is None else np.concatenate([self.top, part], axis=1)
            n = self.sizes[0]
            most = n - (max(0, int(n * self.p) - 1) if len(values) == 1 else int(self.p * (n - 1)))
            self.top = top if top.shape[1] <= most else np.partition(top, -most, axis=1)[:, -most:]
            if self.lacking == 0:
                value = self.top.min(1)
                self.found = value if self.found is None else np.maximum(self.found, value)
                self.sizes, self.top = self.sizes[1:], None
                self.lacking = self.sizes[0] if self.sizes else 0

    def threshold(self) -> Array:
        assert self.found is not None
        return self.found + (self.silent if len(self.found) > 1 else 0.0)


class DividedAboveOne(BatchQuantile):
    """Of a where a <= 1 and a / gamma above."""

    gamma = 1.0

    def add(self, values: Array) -> None:
        super().add(np.where(values > 1.0, values / self.gamma, values))


class HookScale(Observe):
    """Thresholds as BrainCog finds them: sorted(a)[int(n p) - 1] of a layer, sorted(a)[floor(p (n - 1))] of a channel.

    The images are taken in `batches` parts, and the largest of their values counts. Two rules of upstream, both costly:
    `clamp`: activations become min(a, clamp), for the later layers too, so no threshold exceeds it though activations do; a
    silent channel has the threshold 1e-10. `divide_above_one`: a[a > 1] is divided by that (Conversion_Burst, for bursts).
    Raises SpecError. Source: BrainCog's HookScale; Li & Zeng 2022.
    """

    def __init__(
        self,
        p: float = 0.9995,
        per: str = "layer",
        *,
        batches: int = 1,
        clamp: float | None = None,
        divide_above_one: float | None = None,
    ):
        if not 0.0 < p <= 1.0:
            raise SpecError(f"HookScale(p={p}) at {declared_at()}: a part of the activations, above 0 and at most 1")
        if isinstance(batches, bool) or not isinstance(batches, int) or batches < 1:
            raise SpecError(f"HookScale(batches={batches!r}) at {declared_at()}: a whole number, 1 or more")
        for name, value in (("clamp", clamp), ("divide_above_one", divide_above_one)):
            if value is not None and not value > 0:
                raise SpecError(f"HookScale({name}={value!r}) at {declared_at()}: above 0")
        super().__init__(self._statistic, f"{100 * p:g} % of the activations at or below", per)
        self.p, self.batches, self.clamp, self.divide_above_one = p, batches, clamp, divide_above_one

    def __repr__(self) -> str:
        text = super().__repr__() + (f", the largest of {self.batches} batches" if self.batches > 1 else "")
        text += "" if self.clamp is None else f", clamped at {self.clamp:g}"
        return text + ("" if self.divide_above_one is None else f", divided by {self.divide_above_one:g} above 1")

    def apply(self, conversion: Conversion) -> None:
        conversion.before_place(self)
        whole = conversion.graph
        if self.clamp is not None:
            conversion.graph = self._clamped(conversion)
        try:
            super().apply(conversion)
        finally:
            conversion.graph = whole

    def _statistic(self, conversion: Conversion, total: int) -> Statistic:
        images = len(conversion.images)
        if self.batches > images:
            raise SpecError(f"HookScale(batches={self.batches}): there are {images} calibration images")
        silent = 1e-10 if self.clamp is not None else 0.0
        kind = BatchQuantile if self.divide_above_one is None else DividedAboveOne
        made = kind(self.p, images, total, self.batches, silent)
        if isinstance(made, DividedAboveOne):
            made.gamma = self.divide_above_one or 1.0
        return made

    def _clamped(self, conversion: Conversion) -> Graph:
        """The ANN with min(a, clamp) in the place of each activation."""
        assert self.clamp is not None
        graph = conversion.graph.copied()
        for site in conversion.sites.values():
            if not isinstance(site.activation, ReLU | Clamp):
                raise GraphError(
                    f"activation {site.population!r} ({site.at}): the clamp of HookScale knows ReLU and Clamp from 0, not "
                    f"{site.activation!r}; leave out clamp="
                )
            ceiling = site.activation.ceiling
            high = self.clamp if ceiling is None else min(self.clamp, ceiling)
            node = graph.nodes[site.population]
            assert isinstance(node, Population)
            graph.nodes[site.population] = replace(node, neuron=Clamp(high=high))
        return graph
