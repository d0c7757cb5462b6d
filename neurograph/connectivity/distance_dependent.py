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
    from neurograph.connectivity.native.common import bits, float64s, int32s, mixed

PROFILES = ("gaussian", "exponential", "disc")
NEVER = 2.0**-60  # a probability below what random bits resolve
IN_LEAF = 128  # targets that are never split further; also in the code below


def fading(squared: Any, numbers: Any) -> Any:
    """The probability at a distance given by its square; without branches, for many at once."""
    power = squared * numbers[1] + np.sqrt(squared) * numbers[2]
    return numbers[3] * exponential(max(power, -50.0)) * np.float64(squared <= numbers[4])


def keep(
    unit: Any, key: Any, held: Any, seen: Any, count: Any, numbers: Any, here: Any, places: Any, listed: Any, period: Any,
    index: Any, most: Any, apart: Any, pre: Any, post: Any,
) -> Any:  # fmt: skip
    """Of the targets held, those that are kept at their own distance; returns how many there are now."""
    n_post = listed.size
    apart[:held] = 0.0
    for x in range(here.size):
        column = places[x * n_post : (x + 1) * n_post]
        for j in range(held):
            along = abs(column[index[j]] - here[x])
            along = min(along, abs(period[x] - along))
            apart[j] += along * along
    for j in range(held):
        apart[j] = fading(apart[j], numbers)
    for j in range(held):
        most[j] *= np.float64(np.int64(bits(key, seen + j) >> np.uint64(11))) * 2.0**-53
    for j in range(held):
        pre[count] = unit
        post[count] = listed[index[j]]
        count += (most[j] < apart[j]) & ((numbers[0] == 0.0) | (listed[index[j]] != unit))
    return count


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
    scratch = marks.view(np.float64)
    gaps, most, apart, index = scratch[:16], scratch[16:528], scratch[528:1040], marks[1040:1552]
    count, held, seen, drawn, node = 0, 0, 0, 0, 0
    while node < nodes:
        nearest = 0.0
        for x in range(axes):
            low, high = box[(node * axes + x) * 2], box[(node * axes + x) * 2 + 1]
            along = max(low - here[x], here[x] - high, 0.0)
            if along > 0.0:
                along = min(along, max(0.0, min(abs(low + period[x] - here[x]), abs(here[x] + period[x] - high))))
            nearest += along * along
        m, last, after = int(tree[3 * node]), int(tree[3 * node + 1]), int(tree[3 * node + 2])
        chance = fading(nearest, numbers)
        if chance * (last - m) >= 4.0 and last - m > 128:
            node += 1
            continue
        node = after
        if chance > 0.0:
            between = 1.0 / logarithm((1.0 - chance) * 9007199254740992.0)
            if chance < 1e-4:
                between = -1.0 / (chance * (1.0 + chance * (0.5 + chance * (1 / 3))))
            m -= 1
            while m < last:
                for j in range(16):
                    raw = np.float64(np.int64(bits(own, drawn + j) >> np.uint64(11)) + 1)
                    gaps[j] = min(logarithm(raw) * between, 2.0**30)
                drawn += 16
                for j in range(16):
                    m += 1 + int(gaps[j])
                    if m >= last:
                        break
                    index[held] = m
                    most[held] = chance
                    held += 1
                if held > 480:
                    count = keep(
                        unit, mixed(own), held, seen, count, numbers, here, places, listed, period,
                        index, most, apart, pre, post,
                    )  # fmt: skip
                    seen, held = seen + held, 0
        if held > 480 or node >= nodes:
            count = keep(
                unit, mixed(own), held, seen, count, numbers, here, places, listed, period,
                index, most, apart, pre, post,
            )  # fmt: skip
            seen, held = seen + held, 0
    return count


class DistanceDependent(Rule):
    """Each pair is connected with a probability that depends on its distance d, at most once.

    gaussian: p_max exp(-d^2 / (2 scale^2)); exponential: p_max exp(-d / scale); disc: p_max for d <= scale.
    Positions are the populations' own axes, a step apart, or `positions`: an array [neurons, axes] for both, or
    (of the sources, of the targets). `periodic` closes every axis to a ring: True for the populations' axes,
    or the length of each axis. `autapses=False` leaves out a neuron's synapse onto itself.
    """

    native = (logarithm, exponential, fading, keep, pairs)

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
            np.ascontiguousarray(tos[order].T),
            order.astype(np.int32),
            tree,
            box,
            np.where(period > 0, period, 1e300),
        ]
        return Plan(n_pre, 1, n_post + 1, numbers, arrays, marks=1552, by_source=True)

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
    [node, axis, low/high] each. Leaves have up to IN_LEAF targets.
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
