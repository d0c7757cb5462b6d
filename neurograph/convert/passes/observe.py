"""Find the threshold of each activation: the value that a neuron firing at every step stands for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from neurograph.convert.activity import activity
from neurograph.convert.conversion import Array, Conversion, Pass, Site
from neurograph.errors import DataError, SpecError, declared_at


class Statistic:
    """What is kept of the activations of one site; values come as [channels, count], batch after batch.

    The statistic is of all calibration images together, not a running mean over batches.
    """

    def add(self, values: Array) -> None:
        raise NotImplementedError

    def threshold(self) -> Array:
        """One value per channel; 0 where a channel was never active."""
        raise NotImplementedError


class _Largest(Statistic):
    def __init__(self) -> None:
        self.largest: Any = 0.0

    def add(self, values: Array) -> None:
        self.largest = np.maximum(self.largest, values.max(1))

    def threshold(self) -> Array:
        return np.asarray(self.largest)


class _Percentile(Statistic):
    """Exact, with only the values above the percentile in memory: how many there will be is known beforehand.

    A channel that is active less often than the percentile cuts off has its largest value: of 1,000 images the 99.9th
    percentile of a neuron that is active for one would be a thousandth of that activity.
    """

    def __init__(self, q: float, total: int):
        self.place = (total - 1) * q / 100.0  # as numpy.percentile: linear between two values
        self.below = total - 1 - math.floor(self.place)  # how many are larger than the lower of the two
        self.kept: Array | None = None

    def add(self, values: Array) -> None:
        joined = values if self.kept is None else np.concatenate([self.kept, values], axis=1)
        most = self.below + 1
        self.kept = joined if joined.shape[1] <= most else -np.partition(-joined, most - 1, axis=1)[:, :most]

    def threshold(self) -> Array:
        assert self.kept is not None
        ordered = -np.sort(-self.kept, axis=1)
        low, high = ordered[:, self.below], ordered[:, max(0, self.below - 1)]
        between = low + (high - low) * (self.place - math.floor(self.place))
        return np.asarray(np.where(low > 0, between, ordered[:, 0]))


class _SquaredError(Statistic):
    """The theta among `grid` parts of the largest that quantises best: argmin E (theta Q(a / theta) - a)^2 with T levels."""

    def __init__(self, steps: int, seed: int, total: int, sample: int = 20_000, grid: int = 64):
        self.steps, self.grid = steps, grid
        self.share = min(1.0, sample / total)  # of each batch, so that every image counts alike
        self.rng = np.random.default_rng(seed)
        self.parts: list[Array] = []
        self.largest: Any = 0.0

    def add(self, values: Array) -> None:
        self.largest = np.maximum(self.largest, values.max(1))
        count = math.ceil(self.share * values.shape[1])
        some = self.rng.choice(values.shape[1], count, replace=False, shuffle=False)
        self.parts.append(values[:, some])

    def threshold(self) -> Array:
        a = np.concatenate(self.parts, axis=1)
        best, out = np.full(len(a), np.inf), np.asarray(self.largest, np.float64).copy()
        for part in np.arange(1, self.grid + 1) / self.grid:
            theta = np.maximum(self.largest * part, 1e-30)[:, None]
            level = np.clip(np.floor(a / theta * self.steps + 0.5), 0, self.steps) / self.steps
            error = ((theta * level - a) ** 2).mean(1)
            better = error < best
            best, out = np.where(better, error, best), np.where(better, theta[:, 0], out)
        return np.where(self.largest > 0, out, 0.0)


class Observe(Pass):
    """Run the ANN on the calibration images and set each site's threshold from its activations.

    `per`: "layer", one threshold a site, or "channel", one per channel of a map or neuron of a dense layer. A channel
    that was never active gets the mean of the others. The ceiling of an activation (6 of ReLU6) is an upper bound.
    """

    name = "observe"

    def __init__(self, statistic: Callable[[Conversion, int], Statistic], text: str, per: str = "channel"):
        self.declare(text, per)
        self.statistic = statistic

    def declare(self, text: str, per: str) -> None:
        """What every way of finding thresholds has: its text, and whether they are per layer or per channel."""
        if per not in ("layer", "channel"):
            raise SpecError(f"{text} per={per!r} at {declared_at()}: choose 'layer' or 'channel'")
        self.text, self.per = text, per

    def __repr__(self) -> str:
        return f"{self.text} per {self.per}"

    def apply(self, conversion: Conversion) -> None:
        conversion.before_place(self)
        sites = list(conversion.sites.values())
        kept: dict[str, Statistic] = {}
        wanted = [(s.population, s.activation.outputs[0]) for s in sites]
        for recorded, _ in activity(conversion.graph, conversion.images, wanted):
            for (population, _variable), values in recorded.items():
                by_channel = channels_first(values[0], self.per, conversion.sites[population])
                if not np.all(np.isfinite(by_channel)):
                    raise DataError(
                        f"activation {population!r} is NaN or infinite on the calibration images: look at the weights, and at "
                        "the range of the images"
                    )
                if population not in kept:
                    total = by_channel.shape[1] // len(values[0]) * len(conversion.images)
                    kept[population] = self.statistic(conversion, total)
                kept[population].add(by_channel)
        for site in sites:
            site.threshold = usable(kept[site.population].threshold(), site)


def channels_first(values: Array, per: str, site: Site) -> Array:
    """[N, C, ...] as [channels, values], or [1, values] for one threshold a layer."""
    if per == "layer":
        return values.reshape(1, -1).astype(np.float64)
    return np.moveaxis(values, 1, 0).reshape(site.shape[0], -1).astype(np.float64)


def usable(threshold: Array, site: Site) -> Array:
    """Thresholds above 0: silent channels take the layer's mean, and an activation's ceiling bounds all."""
    out = np.asarray(threshold, np.float64).reshape(-1)
    alive = out > 0
    if not alive.any():
        raise DataError(
            f"activation {site.population!r} ({site.at}) is 0 for all calibration images, so it has no scale. Is the network "
            "trained, and are the images those it was trained on?"
        )
    out = np.where(alive, out, out[alive].mean())
    ceiling = site.activation.ceiling
    return out if ceiling is None else np.minimum(out, ceiling)


def percentile(q: float = 99.9, per: str = "channel") -> Observe:
    """The q-th percentile of the activations. Source: Rueckauer et al. 2017."""
    if not 0 < q <= 100:
        raise SpecError(f"percentile(q={q}) at {declared_at()}: above 0, at most 100")
    return Observe(lambda c, total: _Percentile(q, total), f"{q:g}th percentile", per)


def largest(per: str = "layer") -> Observe:
    """The largest activation. Source: Diehl et al. 2015."""
    return Observe(lambda c, total: _Largest(), "largest", per)


def squared_error(steps: int, per: str = "channel") -> Observe:
    """The threshold that quantises the activations best in `steps` steps. Source: Li et al. 2021 (SNNC)."""
    if steps < 1:
        raise SpecError(f"squared_error(steps={steps}) at {declared_at()}: at least 1")
    return Observe(lambda c, total: _SquaredError(steps, c.seed, total), f"least squared error at T={steps}", per)


def trained() -> Observe:
    """The threshold that a QCFS activation was trained with."""
    return _Trained()


class _Trained(Observe):
    def __init__(self) -> None:
        self.declare("trained thresholds", "layer")

    def apply(self, conversion: Conversion) -> None:
        conversion.before_place(self)
        for site in conversion.sites.values():
            theta = site.activation.params.get("threshold")
            if theta is None:
                raise SpecError(
                    f"activation {site.population!r} ({site.at}) is {site.activation!r}, which has no trained threshold; use "
                    "QCFS, or a recipe that observes"
                )
            site.threshold = np.asarray(getattr(theta, "value", theta), np.float64).reshape(-1)
            if len(site.threshold) not in (1, site.shape[0]):
                raise SpecError(
                    f"activation {site.population!r} ({site.at}) has a threshold for each neuron; train one for the population "
                    'or one per channel, learnable(..., per="channel")'
                )
