"""Where everything is drawn: each prefix is laid out by itself and is a box to what is around it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

from neurograph.io.drawing.layers import BOTTOM, TOP, Box, Link, Point, layered
from neurograph.io.drawing.ring import border, curve, loop, ring
from neurograph.io.drawing.text import width_of
from neurograph.io.drawing.tree import Group, cycles_of

SIDE, HEAD, FOOT = 20.0, 34.0, 22.0  # of a group, around what is in it
LANE = 9.0  # between lines that go around a ring
CROWDED = 10  # projections of a ring from which they bear no labels


@dataclass(frozen=True)
class Size:
    """Width and height."""

    width: float
    height: float


@dataclass(frozen=True)
class Line:
    """A projection to be drawn: its ends, and the size of what is written beside it."""

    source: str
    target: str
    label: Size


@dataclass
class Drawn:
    """Centres of nodes, boxes of groups (title, left, top, size, depth), and of each line its curves and its label."""

    nodes: dict[str, Point] = field(default_factory=dict)
    groups: list[tuple[str, float, float, Size, int]] = field(default_factory=list)
    ways: dict[int, list[list[Point]]] = field(default_factory=dict)
    labels: dict[int, Point] = field(default_factory=dict)
    rings: set[int] = field(default_factory=set)  # lines within a ring
    unlabelled: set[int] = field(default_factory=set)
    size: Size = Size(0.0, 0.0)


@dataclass
class _Placed:
    """A group as laid out: everything from its upper left corner."""

    group: Group
    width: float
    height: float
    at: list[Point] = field(default_factory=list)
    inner: dict[int, _Placed] = field(default_factory=dict)
    ways: dict[int, tuple[str, list[Point]]] = field(default_factory=dict)  # line -> way from its source's side
    curves: dict[int, list[Point]] = field(default_factory=dict)
    labels: dict[int, Point] = field(default_factory=dict)
    ports: dict[int, float] = field(default_factory=dict)  # line -> where it meets the border
    satellites: list[Point] = field(default_factory=list)


@dataclass(frozen=True)
class _Own:
    """A line between two children of a group, or a child and what is outside; flipped: its target is the upper one."""

    number: int
    up: int
    down: int
    flipped: bool

    @property
    def whole(self) -> bool:
        return self.up >= 0 and self.down >= 0


End = Union[str, int]  # the name of a node inside, or TOP or BOTTOM
_Crossing = tuple[int, End, End]


def layout(tree: Group, sizes: Mapping[str, Size], lines: Sequence[Line]) -> Drawn:
    """Places for the nodes of a tree, of these sizes by name, and ways for the lines between them."""
    made = _Layout(sizes, lines)
    placed = made.place(tree, [(k, line.source, line.target) for k, line in enumerate(lines)])
    out = Drawn(size=Size(placed.width, placed.height), unlabelled=made.unlabelled)
    pieces: dict[int, list[tuple[int, str, list[Point]]]] = defaultdict(list)
    _flatten(placed, 0.0, 0.0, 0, out, pieces)
    for k, found in pieces.items():
        way: list[Point] = []
        for _, _, points in sorted(found, key=lambda p: p[0]):
            way += points if not way else [p for p in points if p != way[-1]]
        out.ways[k] = [way] if len(found) == 1 and found[0][1] == "curve" else _smooth(way)
    return out


class _Layout:
    def __init__(self, sizes: Mapping[str, Size], lines: Sequence[Line]):
        self.sizes, self.lines = sizes, lines
        self.unlabelled: set[int] = set()

    def place(self, group: Group, crossing: list[_Crossing]) -> _Placed:
        """Lay out a group; `crossing` are the lines with an end in it: number, source and target, TOP or BOTTOM if outside."""
        if group.ring:
            return self._ring(group, crossing)
        own, inside = _sorted_out(group, crossing)
        out = _Placed(group, 0.0, 0.0)
        boxes, loops = [], {}
        for k, child in enumerate(group.children):
            if isinstance(child, str):
                loops[k] = [e for e, a, b in inside[k] if a == b]
                boxes.append(self._box(child, loops[k]))
            else:
                out.inner[k] = self.place(child, inside[k])
                half = out.inner[k].width / 2
                boxes.append(Box(half, half, out.inner[k].height))
        links = []
        for own_line in own:
            e, up, down = own_line.number, own_line.up, own_line.down
            label = self.lines[e].label if own_line.whole else Size(0.0, 0.0)
            links.append(Link(up, down, (label.width, label.height), self._port(out, up, e), self._port(out, down, e)))
        made = layered(boxes, links)
        pad = (SIDE, HEAD, FOOT) if group.title else (0.0, 0.0, 0.0)
        wide = max(made.width, width_of(group.title, 12.0, True))
        dx, dy = pad[0] + (wide - made.width) / 2, pad[1]
        out.width, out.height = wide + 2 * pad[0], made.height + pad[1] + pad[2]
        out.at = [(x + dx, y + dy) for x, y in made.at]
        for own_line, way, (label_x, label_y) in zip(own, made.ways, made.labels, strict=True):
            points = [(x + dx, y + dy) for x, y in way]
            for k, end, half in ((own_line.up, 0, 0.5), (own_line.down, -1, -0.5)):
                if loops.get(k):  # its box is as tall as the labels of its loops
                    points[end] = (points[end][0], out.at[k][1] + half * self.sizes[str(group.children[k])].height)
            self._take(out, own_line, points, (label_x + dx, label_y + dy))
        for k, numbers in loops.items():
            self._loops(out, k, str(group.children[k]), numbers)
        return out

    def _take(self, out: _Placed, line: _Own, points: list[Point], label: Point) -> None:
        """Keep the way of a line, led on to the border where an end lies outside."""
        e = line.number
        if line.up == TOP:
            out.ports[e] = points[0][0]
            points = [(points[0][0], 0.0), *points]
        if line.down == BOTTOM:
            out.ports[e] = points[-1][0]
            points = [*points, (points[-1][0], out.height)]
        source = line.down if line.flipped else line.up
        kind = "main" if line.whole else "in" if source < 0 else "out"
        out.ways[e] = (kind, points[::-1] if line.flipped else points)
        if line.whole and self.lines[e].label.height:
            out.labels[e] = label

    def _port(self, out: _Placed, k: int, e: int) -> float | None:
        return out.inner[k].ports[e] - out.inner[k].width / 2 if k in out.inner else None

    def _box(self, name: str, loops: list[int]) -> Box:
        half = self.sizes[name].width / 2
        more = max((self.lines[e].label.width for e in loops), default=0.0)
        return Box(half, half + (34.0 + 14.0 * (len(loops) - 1) + more if loops else 0.0), self._tall(name, loops))

    def _tall(self, name: str, loops: list[int]) -> float:
        return max(self.sizes[name].height, sum(self.lines[e].label.height + 4.0 for e in loops))

    def _loops(self, out: _Placed, k: int, name: str, numbers: list[int]) -> None:
        x, y = out.at[k]
        edge, half = x + self.sizes[name].width / 2, self.sizes[name].height / 2
        below = y - self._tall(name, numbers) / 2 if len(numbers) > 1 else 0.0
        for n, e in enumerate(numbers):
            far, h = edge + 34.0 + 14.0 * n, half * (0.45 + 0.4 * n / max(1, len(numbers)))
            out.curves[e] = [(edge, y + h), (far, y + h * 1.7), (far, y - h * 1.7), (edge, y - h)]
            size = self.lines[e].label
            middle = y if len(numbers) == 1 else below + size.height / 2 + n * (size.height + 4.0)
            out.labels[e] = (edge + 30.0 + 12.0 * (len(numbers) - 1) + size.width / 2, middle)

    def _ring(self, group: Group, crossing: list[_Crossing]) -> _Placed:
        members = [str(c) for c in group.children]
        names = [*members, *(s for _, s in group.satellites)]
        boxes = {n: Box(self.sizes[n].width / 2, self.sizes[n].width / 2, self.sizes[n].height) for n in names}
        within = [(e, a, b) for e, a, b in crossing if isinstance(a, str) and isinstance(b, str)]
        drawn = [e for e, a, b in within if a in members and b in members]
        labelled = len(drawn) <= CROWDED
        made = ring([boxes[m] for m in members], [(k, boxes[s]) for k, s in group.satellites], labelled)
        spot = dict(zip(names, [*made.at, *made.satellites], strict=True))
        curves, labels = {}, {}
        for e, a, b in within:
            if a == b:
                curves[e] = loop(spot[a], boxes[a])
            elif a in members and b in members:
                curves[e] = curve(spot[a], boxes[a], spot[b], boxes[b], len(members))
            else:
                curves[e] = _straight(spot[a], boxes[a], spot[b], boxes[b])
            size = self.lines[e].label
            if size.height and labelled:
                labels[e] = _beside(curves[e], size, a == b)
            elif a in members:
                self.unlabelled.add(e)
        shapes = [(spot[n], Size(2 * boxes[n].left, boxes[n].height)) for n in names]
        shapes += [(at, self.lines[e].label) for e, at in labels.items()]
        shapes += [(p, Size(0.0, 0.0)) for c in curves.values() for p in c]
        far = sum(not _is_near(*_ends(a, b), spot) for _, a, b in crossing)  # lines that go around at a side
        aside = 8.0 + LANE * far
        dx = aside - min(x - s.width / 2 for (x, _), s in shapes)
        dy = 2.0 - min(y - s.height / 2 for (_, y), s in shapes)

        def moved(points: Sequence[Point]) -> list[Point]:
            return [(x + dx, y + dy) for x, y in points]

        width = dx + aside + max(x + s.width / 2 for (x, _), s in shapes)
        height = dy + 2.0 + max(y + s.height / 2 for (_, y), s in shapes)
        out = _Placed(group, width, height, moved(made.at), satellites=moved(made.satellites))
        out.curves = {e: moved(c) for e, c in curves.items()}
        out.labels = {e: moved([at])[0] for e, at in labels.items()}
        centred, spot = spot, dict(zip(names, moved([*made.at, *made.satellites]), strict=True))
        lanes = {True: 0, False: 0}
        above = {members[k]: s for k, s in group.satellites}
        arrived: dict[tuple[str, int], int] = defaultdict(int)
        for e, first, last in crossing:
            member, side = _ends(first, last)
            if not side:
                continue
            number = arrived[member, side]
            arrived[member, side] += 1
            if _is_near(member, side, centred):
                points = _across(out, spot[member], boxes[member], side, number)
                satellite = above.get(member)
                if satellite is not None and side == TOP and spot[satellite][1] < spot[member][1]:
                    points = _past(points, spot[satellite], boxes[satellite], number)
            else:
                left = spot[member][0] < dx
                lane = 8.0 + LANE * lanes[left]
                lanes[left] += 1
                points = _around(out, spot[member], boxes[member], side, lane if left else out.width - lane)
            out.ports[e] = points[0][0]
            out.ways[e] = ("out", points[::-1]) if isinstance(first, str) else ("in", points)
        return out


def _sorted_out(group: Group, crossing: list[_Crossing]) -> tuple[list[_Own], dict[int, list[_Crossing]]]:
    """The lines between children of a group, each from above to below, and those that have an end in each child.

    What leads back in a cycle, to a child that stands earlier, is turned around.
    """
    where: dict[End, int] = {TOP: TOP, BOTTOM: BOTTOM}
    for k, child in enumerate(group.children):
        where.update({leaf: k for leaf in ([child] if isinstance(child, str) else child.leaves)})
    inside: dict[int, list[_Crossing]] = defaultdict(list)
    between = []
    for e, a, b in crossing:
        if where[a] == where[b]:
            inside[where[a]].append((e, a, b))
        else:
            between.append((e, a, b))
    pairs = [(where[a], where[b]) for _, a, b in between if where[a] >= 0 and where[b] >= 0]
    part = {k: n for n, cycle in enumerate(cycles_of(len(group.children), pairs)) for k in cycle}
    own = []
    for e, a, b in between:
        i, j = where[a], where[b]
        back = i > j >= 0 and i in part and part[i] == part.get(j)
        flipped = back or i == BOTTOM or j == TOP
        own.append(_Own(e, j if flipped else i, i if flipped else j, flipped))
        if i >= 0:
            inside[i].append((e, a, TOP if flipped else BOTTOM))
        if j >= 0:
            inside[j].append((e, BOTTOM if flipped else TOP, b))
    return own, inside


def _ends(a: End, b: End) -> tuple[str, int]:
    """The member of a ring at which a line ends, and at which side of the ring it goes on; 0 for one within."""
    if isinstance(a, str):
        return a, b if isinstance(b, int) else 0
    return str(b), a


def _is_near(member: str, side: int, spot: Mapping[str, Point]) -> bool:
    """Whether a member, placed around (0, 0), stands at that side of its ring."""
    y = spot[member][1]
    return not side or abs(y) < 1.0 or (y < 0.0) == (side == TOP)


def _across(out: _Placed, at: Point, box: Box, side: int, number: int) -> list[Point]:
    """The way from the border straight to a member of a ring."""
    aside = (0.0, -1.0, 1.0)[number % 3] * ((number + 2) // 3) * 16.0
    x = at[0] + max(-box.left * 0.8, min(box.left * 0.8, aside))
    return [(x, 0.0 if side == TOP else out.height), (x, at[1] + (-0.5 if side == TOP else 0.5) * box.height)]


def _around(out: _Placed, at: Point, box: Box, side: int, x: float) -> list[Point]:
    """The way from the border along the side of a ring, and level into a member."""
    y = at[1] + (-0.42 if side == TOP else 0.42) * box.height
    turn = (out.height if side == BOTTOM else 0.0) * 0.3 + y * 0.7
    return [
        (x, 0.0 if side == TOP else out.height),
        (x, turn),
        (x, y),
        (at[0] + (-box.left if x < at[0] else box.left), y),
    ]


def _past(points: list[Point], at: Point, box: Box, number: int) -> list[Point]:
    """The way around a satellite that stands between the border and its member."""
    end = points[-1]
    if abs(end[0] - at[0]) > box.left + 8.0:
        return points
    x = at[0] - box.left - 14.0 - 14.0 * number
    return [(x, points[0][1]), (x, at[1] + box.height / 2), (end[0] - 14.0, end[1])]


def _straight(a: Point, box_a: Box, b: Point, box_b: Box) -> list[Point]:
    first, last = border(a, box_a, b), border(b, box_b, a)
    return [first, _between(first, last, 1 / 3), _between(first, last, 2 / 3), last]


def _between(a: Point, b: Point, t: float) -> Point:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def _beside(points: list[Point], label: Size, is_loop: bool) -> Point:
    """The centre of a label at the outer side of a curve's middle."""
    p, q, r, s = points
    x, y = (p[0] + 3 * q[0] + 3 * r[0] + s[0]) / 8, (p[1] + 3 * q[1] + 3 * r[1] + s[1]) / 8
    if is_loop:
        return x + (1 if q[0] > p[0] else -1) * (label.width / 2 + 5.0), y
    if abs(p[1] - s[1]) < 1.0:
        return x, y + (1 if y > p[1] else -1) * (label.height / 2 + 4.0)
    return x + (1 if x >= (p[0] + s[0]) / 2 else -1) * (label.width / 2 + 5.0), y


def _smooth(way: list[Point]) -> list[list[Point]]:
    """Cubic curves through the points, upright at each; a level piece makes a corner, which is rounded."""
    out = []
    k = 0
    while k + 1 < len(way):
        (x0, y0), (x1, y1) = way[k], way[k + 1]
        if k + 2 < len(way) and (y0 == y1 or y1 == way[k + 2][1]):
            out.append([(x0, y0), (x1, y1), (x1, y1), way[k + 2]])
            k += 2
            continue
        half = (y1 - y0) / 2
        out.append([(x0, y0), (x0, y0 + half), (x1, y1 - half), (x1, y1)])
        k += 1
    return out


def _flatten(placed: _Placed, x: float, y: float, depth: int, out: Drawn, pieces: dict[int, Any]) -> None:
    def moved(points: list[Point]) -> list[Point]:
        return [(px + x, py + y) for px, py in points]

    for child, at in zip(placed.group.children, moved(placed.at), strict=True):
        if isinstance(child, str):
            out.nodes[child] = at
    for (_, name), at in zip(placed.group.satellites, moved(placed.satellites), strict=True):
        out.nodes[name] = at
    for k, inner in placed.inner.items():
        left, top = placed.at[k][0] + x - inner.width / 2, placed.at[k][1] + y - inner.height / 2
        if inner.group.title:
            out.groups.append((inner.group.title, left, top, Size(inner.width, inner.height), depth))
        _flatten(inner, left, top, depth + 1, out, pieces)
    for e, (kind, points) in placed.ways.items():
        pieces[e].append(({"out": -depth, "main": -depth, "in": depth}[kind], "way", moved(points)))
    for e, points in placed.curves.items():
        pieces[e].append((0, "curve", moved(points)))
        if placed.group.ring:
            out.rings.add(e)
    for e, (lx, ly) in placed.labels.items():
        out.labels[e] = (lx + x, ly + y)
