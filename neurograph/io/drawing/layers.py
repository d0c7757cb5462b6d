"""Boxes in layers: each below what leads to it, few crossings, and a way for every link around what is between.

The steps are those of Sugiyama, Tagawa and Toda 1981: ranks by the longest way, points where a link passes a layer, an
order within each layer by barycentres, and places that bring linked boxes together as far as the order allows.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass, field

TOP, BOTTOM = -1, -2  # ends of a link that lie above or below everything here
GAP, BESIDE = 20.0, 24.0  # between layers, of which every second holds only labels; between neighbours
THIN = 12.0  # between links that pass each other
PORT = 1e-5  # places within a layer are whole numbers; where at a box a link begins decides among equals
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A size around a centre; left and right differ where a loop is drawn at one side."""

    left: float
    right: float
    height: float


@dataclass(frozen=True)
class Link:
    """From a box, or TOP, down to a box, or BOTTOM. `leave` and `enter`: where at the box, from its centre, if that is fixed."""

    source: int
    target: int
    label: tuple[float, float] = (0.0, 0.0)
    leave: float | None = None
    enter: float | None = None


@dataclass
class Layered:
    """Centres of boxes, the way of each link from above to below, centres of labels; all from the upper left corner."""

    at: list[Point]
    ways: list[list[Point]]
    labels: list[Point]
    width: float
    height: float


@dataclass(frozen=True)
class _Bond:
    """A neighbour in the next layer, and where the link meets this spot and that one, from their centres."""

    to: int
    here: float
    there: float


@dataclass
class _Spot:
    """A box, or a point at which a link passes a layer."""

    rank: int
    box: Box
    up: list[_Bond] = field(default_factory=list)
    down: list[_Bond] = field(default_factory=list)
    x: float = 0.0
    weight: float = 1.0


def layered(boxes: list[Box], links: list[Link]) -> Layered:
    """Places of boxes and ways of links; the links must make no cycle."""
    ranks, last = _ranks(len(boxes), links)
    spots = [_Spot(r, b) for r, b in zip(ranks, boxes, strict=True)]
    chains = [_chain(spots, link, ranks, last) for link in links]
    layers = _layers(spots)
    _order(layers, spots)
    _place(layers, spots)
    tops, bottoms, height = _heights(layers, spots)
    low = min((s.x - s.box.left for s in spots), default=0.0)
    width = max((s.x + s.box.right for s in spots), default=0.0) - low
    at = [(s.x - low, (tops[s.rank] + bottoms[s.rank]) / 2) for s in spots[: len(boxes)]]
    ports = _ports(links, chains, spots, at, boxes)
    ways, labels = [], []
    for link, chain, (leave, enter) in zip(links, chains, ports, strict=True):
        way: list[Point] = []
        for k in chain:
            spot = spots[k]
            x = spot.x - low
            if k < len(boxes):
                y, half = at[k][1], boxes[k].height / 2
                if k == link.source:
                    way += [(leave, y + half), (leave, bottoms[spot.rank])]
                else:
                    way += [(enter, tops[spot.rank]), (enter, y - half)]
            else:
                way += [(x, tops[spot.rank]), (x, bottoms[spot.rank])]
        middle = next((spots[k] for k in chain if spots[k].box.height == link.label[1] > 0.0 and k >= len(boxes)), None)
        labels.append((0.0, 0.0) if middle is None else _centre(middle, low, tops, bottoms))
        ways.append(_without_repeats(way))
    return Layered(at, ways, labels, width, height)


def _centre(spot: _Spot, low: float, tops: dict[int, float], bottoms: dict[int, float]) -> Point:
    # a label lies at the right of its link
    return spot.x - low + spot.box.right / 2 + 3.0, (tops[spot.rank] + bottoms[spot.rank]) / 2


def _ranks(count: int, links: list[Link]) -> tuple[list[int], int]:
    """Even numbers: the longest way from a source; sources stand right above what they lead to."""
    after: dict[int, list[int]] = defaultdict(list)
    missing = [0] * count
    for link in links:
        if link.source >= 0 and link.target >= 0:
            after[link.source].append(link.target)
            missing[link.target] += 1
    first = [m == 0 for m in missing]
    ranks = [0] * count
    ready = [k for k in range(count) if first[k]]
    for k in ready:
        for n in after[k]:
            ranks[n] = max(ranks[n], ranks[k] + 2)
            missing[n] -= 1
            if not missing[n]:
                ready.append(n)
    from_above = {link.target for link in links if link.source == TOP}
    for k in range(count):
        if first[k] and after[k] and k not in from_above:
            ranks[k] = min(ranks[n] for n in after[k]) - 2
    return ranks, max(ranks, default=0)


def _chain(spots: list[_Spot], link: Link, ranks: list[int], last: int) -> list[int]:
    """The spots of a link from above to below: its boxes and a point in each layer between."""
    begin = 0 if link.source == TOP else ranks[link.source] + 1
    end = last if link.target == BOTTOM else ranks[link.target] - 1
    inner = list(range(begin, end + 1))
    odd = [r for r in inner if r % 2]
    labelled = odd[(len(odd) - 1) // 2] if odd and link.label[1] else None
    chain = [link.source] if link.source >= 0 else []
    for r in inner:
        w, h = link.label if r == labelled else (0.0, 0.0)
        spots.append(_Spot(r, Box(THIN / 2, w + 6.0 if w else THIN / 2, h), weight=2.0))
        chain.append(len(spots) - 1)
    if link.target >= 0:
        chain.append(link.target)
    for a, b in zip(chain, chain[1:], strict=False):
        leave = (link.leave or 0.0) if a == link.source else 0.0
        enter = (link.enter or 0.0) if b == link.target else 0.0
        spots[a].down.append(_Bond(b, leave, enter))
        spots[b].up.append(_Bond(a, enter, leave))
    return chain


def _layers(spots: list[_Spot]) -> dict[int, list[int]]:
    layers: dict[int, list[int]] = defaultdict(list)
    for k in _depth_first(spots):
        layers[spots[k].rank].append(k)
    return dict(sorted(layers.items()))


def _depth_first(spots: list[_Spot]) -> list[int]:
    """An order in which what hangs together stands together, without crossings in a tree."""
    seen: set[int] = set()
    out = []
    for start in sorted(range(len(spots)), key=lambda k: spots[k].rank):
        stack = [start]
        while stack:
            k = stack.pop()
            if k not in seen:
                seen.add(k)
                out.append(k)
                stack += [bond.to for bond in reversed(spots[k].down)]
    return out


def _order(layers: dict[int, list[int]], spots: list[_Spot]) -> None:
    """Sort each layer by where its neighbours are, down and up, and keep the order with the fewest crossings."""
    place = {k: float(i) for layer in layers.values() for i, k in enumerate(layer)}
    best, fewest = {r: list(layer) for r, layer in layers.items()}, _crossings(layers, spots, place)
    for turn in range(12 if len(spots) < 3000 else 4):
        if not fewest:
            break
        upward = turn % 2 == 1
        for rank in sorted(layers, reverse=upward):

            def wish(k: int) -> float:
                near = spots[k].down if upward else spots[k].up  # noqa: B023
                return sum(place[n.to] + n.there * PORT for n in near) / len(near) if near else place[k]

            layers[rank].sort(key=wish)
            place.update({k: float(i) for i, k in enumerate(layers[rank])})
        found = _crossings(layers, spots, place)
        if found < fewest:
            best, fewest = {r: list(layer) for r, layer in layers.items()}, found
    layers.update(best)


def _crossings(layers: dict[int, list[int]], spots: list[_Spot], place: dict[int, float]) -> int:
    total = 0
    for layer in layers.values():
        links = [(place[k] + n.here * PORT, place[n.to] + n.there * PORT) for k in layer for n in spots[k].down]
        ends: list[float] = []
        begun = 0  # how many of them leave further left than this one
        links.sort()
        for start, end in links:
            while links[begun][0] < start:
                insort(ends, links[begun][1])
                begun += 1
            total += len(ends) - bisect_right(ends, end)
    return total


def _place(layers: dict[int, list[int]], spots: list[_Spot]) -> None:
    """Each layer as near to its neighbours as its order and the sizes allow, layer by layer, several times."""
    for layer in layers.values():
        x = 0.0
        for k in layer:
            x += spots[k].box.left
            spots[k].x = x
            x += spots[k].box.right + BESIDE
    for turn in range(14):
        upward, both = turn % 2 == 1, turn >= 10
        for rank in sorted(layers, reverse=upward):
            layer = layers[rank]
            wishes, weights = [], []
            for k in layer:
                spot = spots[k]
                near = [*(spot.up if both or not upward else ()), *(spot.down if both or upward else ())]
                pulls = [(spots[n.to].x + n.there - n.here, _pull(spot, spots[n.to])) for n in near]
                strength = sum(p for _, p in pulls)
                wishes.append(sum(x * p for x, p in pulls) / strength if pulls else spot.x)
                weights.append(strength or 0.1)
            for k, x in zip(layer, _apart(layer, spots, wishes, weights), strict=True):
                spots[k].x = x


def _pull(a: _Spot, b: _Spot) -> float:
    """Links that pass layers are kept straight before boxes are moved together."""
    passing = (a.weight > 1.0) + (b.weight > 1.0)
    return (1.0, 2.0, 8.0)[passing]


def _apart(layer: list[int], spots: list[_Spot], wishes: list[float], weights: list[float]) -> list[float]:
    """The places nearest to the wishes, in least squares, at which no two boxes meet: pooled neighbours."""
    offsets = [0.0]
    for a, b in zip(layer, layer[1:], strict=False):
        one, two = spots[a], spots[b]
        gap = THIN / 2 if one.weight > 1.0 and two.weight > 1.0 else BESIDE
        offsets.append(offsets[-1] + one.box.right + two.box.left + gap)
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for wish, weight, offset in zip(wishes, weights, offsets, strict=True):
        mean, total, count = wish - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, strength, more = pools.pop()
            mean = (mean * total + other * strength) / (total + strength)
            total, count = total + strength, count + more
        pools.append((mean, total, count))
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [x + offset for x, offset in zip(flat, offsets, strict=True)]


def _heights(layers: dict[int, list[int]], spots: list[_Spot]) -> tuple[dict[int, float], dict[int, float], float]:
    tops, bottoms, y = {}, {}, 0.0
    if not layers:
        return {}, {}, 0.0
    for rank in range(min(layers), max(layers) + 1):
        tops[rank] = y
        y += max((spots[k].box.height for k in layers.get(rank, [])), default=0.0)
        bottoms[rank] = y
        y += GAP
    return tops, bottoms, y - GAP


def _ports(
    links: list[Link], chains: list[list[int]], spots: list[_Spot], at: list[Point], boxes: list[Box]
) -> list[tuple[float, float]]:
    """Where each link leaves its upper box and enters its lower one: side by side, in the order in which they part."""
    leaving: dict[int, list[tuple[float, int]]] = defaultdict(list)
    entering: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for j, (link, chain) in enumerate(zip(links, chains, strict=True)):
        if link.source >= 0 and link.leave is None:
            leaving[link.source].append((spots[chain[1 % len(chain)]].x, j))
        if link.target >= 0 and link.enter is None:
            entering[link.target].append((spots[chain[-2 % len(chain)]].x, j))
    leave = {j: at[link.source][0] + (link.leave or 0.0) for j, link in enumerate(links) if link.source >= 0}
    enter = {j: at[link.target][0] + (link.enter or 0.0) for j, link in enumerate(links) if link.target >= 0}
    for ends, found in ((leaving, leave), (entering, enter)):
        for k, ways in ends.items():
            step = min(20.0, 2 * boxes[k].left * 0.8 / len(ways))
            for i, (_, j) in enumerate(sorted(ways)):
                found[j] += (i - (len(ways) - 1) / 2) * step
    return [(leave.get(j, 0.0), enter.get(j, 0.0)) for j in range(len(links))]


def _without_repeats(way: list[Point]) -> list[Point]:
    out = way[:1]
    for point in way[1:]:
        if abs(point[0] - out[-1][0]) > 0.01 or abs(point[1] - out[-1][1]) > 0.01:
            out.append(point)
    return out
