"""DistanceDependent: the probability of a connection falls off with distance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.connectivity.rule import Array, Plan, Rule, flag, probability, sizes
from neurograph.distributions import exponential, logarithm
from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.spec import Shape

if TYPE_CHECKING:
    from neurograph.connectivity.native.common import bits, float64s, int32s

PROFILES = ("gaussian", "exponential", "disc")
NEVER = 2.0**-60  # a probability below what random bits resolve
IN_LEAF = 32  # targets


def fading(squared: Any, numbers: Any) -> Any:
    """The probability at a distance given by its square; without branches, for many at once."""
    power = squared * numbers[1] + np.sqrt(squared) * numbers[2]
    return numbers[3] * exponential(max(power, -50.0)) * np.float64(squared <= numbers[4])


def pairs(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    # a node of the tree is a run of neighbouring targets. Gaps are drawn for its nearest corner, and what is found
    # is kept in proportion to the probability at its own distance; a node where that finds much is opened instead
    own = bits(key, unit)
    axes, nodes = np.int64(numbers[5]), np.int64(numbers[6])
    here = float64s(arrays[0] + 8 * axes * unit, axes)
    places = float64s(arrays[1], n_post * axes)
    listed, tree = int32s(arrays[2], n_post), int32s(arrays[3], 3 * nodes)
    box, period = float64s(arrays[4], nodes * axes * 2), float64s(arrays[5], axes)
    count, drawn = 0, 0
    node = 0
    scratch = marks.view(np.float64)
    chance, level = scratch[:32], scratch[32:]
    while node < nodes:
        nearest = 0.0
        for x in range(axes):
            low, high = box[(node * axes + x) * 2], box[(node * axes + x) * 2 + 1]
            apart = max(low - here[x], here[x] - high, 0.0)
            if period[x] > 0.0 and apart > 0.0:
                apart = min(apart, max(0.0, min(abs(low + period[x] - here[x]), abs(here[x] + period[x] - high))))
            nearest += apart * apart
        m, last = int(tree[3 * node]), int(tree[3 * node + 1])
        most = fading(nearest, numbers)
        few = most * (last - m) < 1.0
        node = tree[3 * node + 2] if few or last - m <= 32 else node + 1
        if most <= 0.0 or not (few or last - m <= 32):
            continue
        if most > 0.1:
            for j in range(last - m):
                squared = 0.0
                for x in range(axes):
                    apart = abs(places[(m + j) * axes + x] - here[x])
                    apart = min(apart, abs(period[x] - apart))
                    squared += apart * apart
                chance[j] = fading(squared, numbers)
                level[j] = np.float64(np.int64(bits(own, drawn + j) >> np.uint64(11))) * 2.0**-53
            for j in range(last - m):
                pre[count] = unit
                post[count] = listed[m + j]
                count += (level[j] < chance[j]) & ((numbers[0] == 0.0) | (listed[m + j] != unit))
            drawn += last - m
            continue
        between = 1.0 / logarithm((1.0 - most) * 9007199254740992.0)
        if most < 1e-4:
            between = -1.0 / (most * (1.0 + most * (0.5 + most * (1 / 3))))
        m -= 1
        while True:
            gap = logarithm(np.float64(np.int64(bits(own, drawn) >> np.uint64(11)) + 1)) * between
            m += 1 + np.int64(min(gap, 2.0**30))
            if m >= last:
                drawn += 1
                break
            squared = 0.0
            for x in range(axes):
                apart = abs(places[m * axes + x] - here[x])
                apart = min(apart, abs(period[x] - apart))
                squared += apart * apart
            part = np.float64(np.int64(bits(own, drawn + 1) >> np.uint64(11))) * 2.0**-53 * most
            drawn += 2
            if part < fading(squared, numbers) and (numbers[0] == 0.0 or listed[m] != unit):
                pre[count] = unit
                post[count] = listed[m]
                count += 1
    return count


class DistanceDependent(Rule):
    """Each pair is connected with a probability that depends on its distance d, at most once.

    gaussian: p_max exp(-d^2 / (2 scale^2)); exponential: p_max exp(-d / scale); disc: p_max for d <= scale.
    Positions are the populations' own axes, a step apart, or `positions`: an array [neurons, axes] for both, or
    (of the sources, of the targets). `periodic` closes every axis to a ring: True for the populations' axes,
    or the length of each axis. `autapses=False` leaves out a neuron's synapse onto itself.
    """

    native = (logarithm, exponential, fading, pairs)

    def __init__(
        self,
        profile: str,
        scale: float,
        p_max: float = 1.0,
        *,
        positions: Any = None,
        periodic: Any = False,
        autapses: bool = True,
    ):
        where = f"DistanceDependent({profile!r}, ...) at {declared_at()}"
        if profile not in PROFILES:
            raise SpecError(f"{where}: profile is one of {', '.join(PROFILES)}")
        if isinstance(scale, bool) or not isinstance(scale, int | float | np.number) or not 0 < scale < math.inf:
            raise SpecError(f"{where}: scale={scale!r}; a scale is a finite number above 0")
        self.profile, self.scale = profile, float(scale)
        self.p_max = probability("DistanceDependent", "p_max", p_max)
        self.autapses = flag("DistanceDependent", "autapses", autapses)
        both = positions if isinstance(positions, tuple) else (positions, positions)
        if len(both) != 2:
            raise SpecError(f"{where}: positions is one array, or a tuple of two: of the sources and of the targets")
        self.positions = None if positions is None else (_places(both[0], where), _places(both[1], where))
        self.periodic = periodic if isinstance(periodic, bool) else _lengths(periodic, where)
        if self.periodic is True and self.positions is not None:
            raise SpecError(f"{where}: periodic=True with positions; give the length of each axis instead of True")

    def plan(self, source: Shape, target: Shape, recurrent: bool) -> Plan:
        n_pre, n_post = sizes(source, target)
        froms, tos, period = self._geometry(source, target)
        squared = self._reach() ** 2
        if self.p_max == 0.0 or not n_pre or not n_post:
            return Plan(0, 1, 1)
        order, tree, box = _tree(tos)
        alone = float(recurrent and not self.autapses)
        powers = {"gaussian": (-0.5 / self.scale**2, 0.0), "exponential": (0.0, -1.0 / self.scale), "disc": (0.0, 0.0)}
        numbers = [alone, *powers[self.profile], self.p_max, squared, froms.shape[1], len(tree)]
        arrays = [
            froms,
            np.ascontiguousarray(tos[order]),
            order.astype(np.int32),
            tree,
            box,
            np.where(period > 0, period, 1e300),
        ]
        return Plan(n_pre, 1, n_post + 1, numbers, arrays, marks=2 * IN_LEAF, by_source=True)

    def _reach(self) -> float:
        """The distance beyond which nothing is ever connected."""
        far = math.log(max(self.p_max, NEVER) / NEVER)
        return self.scale * {"gaussian": math.sqrt(2.0 * far), "exponential": far, "disc": 1.0}[self.profile]

    def _geometry(self, source: Shape, target: Shape) -> tuple[Array, Array, Array]:
        """Positions of sources and targets, and the length of each axis (0: it does not close)."""
        n_pre, n_post = sizes(source, target)
        if self.positions is None:
            if len(source) != len(target) or (self.periodic is True and source != target):
                raise ShapeError(
                    f"{self!r}: populations of shape {source} and {target} do not lie on one grid; give positions="
                )
            froms, tos = _grid(source), _grid(target)
        else:
            froms, tos = self.positions
            for name, places, n in (("sources", froms, n_pre), ("targets", tos, n_post)):
                if len(places) != n:
                    raise ShapeError(f"{self!r}: {len(places)} positions for {n} {name}; give one for each neuron")
        axes = froms.shape[1]
        if tos.shape[1] != axes:
            raise ShapeError(f"{self!r}: positions of sources have {axes} axes, those of targets {tos.shape[1]}")
        if self.periodic is False:
            return froms, tos, np.zeros(axes)
        period = np.array(target if self.periodic is True else self.periodic, np.float64)
        if len(period) != axes:
            raise ShapeError(f"{self!r}: periodic gives {len(period)} lengths for {axes} axes")
        return froms % period, tos % period, period

    def settings(self) -> str:
        shown = f"{self.profile!r}, {self.scale:g}, {self.p_max:g}"
        if self.positions is not None:
            shown += ", positions=..."
        if self.periodic is not False:
            shown += f", periodic={self.periodic}"
        return shown + self.options(self.autapses, True)


def _grid(shape: Shape) -> Array:
    return np.stack([axis.ravel() for axis in np.indices(shape, np.float64)], axis=1)


def _places(positions: Any, where: str) -> Array:
    array = np.array(positions, np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.shape[1] or not np.all(np.isfinite(array)):
        raise SpecError(f"{where}: positions are finite numbers [neurons, axes], got shape {array.shape}")
    return array


def _lengths(periodic: Any, where: str) -> tuple[float, ...]:
    lengths = np.atleast_1d(np.asarray(periodic))
    if (
        lengths.ndim != 1
        or lengths.dtype.kind not in "fiu"
        or not np.all(lengths > 0)
        or not np.all(np.isfinite(lengths))
    ):
        raise SpecError(f"{where}: periodic={periodic!r}; give True, False or the length of each axis, above 0")
    return tuple(float(length) for length in lengths)


def _tree(places: Array) -> tuple[Array, Array, Array]:
    """Targets in an order where neighbours are close, and a tree over runs of them: halves along the longer axis.

    Nodes are in the order of a walk: [first, last, the next node when this one is done with], and a box
    [node, axis, low/high] each. Leaves have up to 32 targets.
    """
    order = np.arange(len(places))
    tree: list[tuple[int, int, int]] = []
    boxes: list[Array] = []

    def grow(first: int, last: int) -> None:
        mine = places[order[first:last]]
        low, high = mine.min(0), mine.max(0)
        node = len(tree)
        tree.append((first, last, 0))
        boxes.append(np.stack([low, high], axis=1))
        if last - first > IN_LEAF:
            along = np.argsort(mine[:, np.argmax(high - low)], kind="stable")
            order[first:last] = order[first:last][along]
            half = first + (IN_LEAF << ((last - first - 1) // IN_LEAF).bit_length() - 1)
            grow(first, half)
            grow(half, last)
        tree[node] = first, last, len(tree)

    grow(0, len(places))
    return order, np.array(tree, np.int32), np.ascontiguousarray(boxes)
