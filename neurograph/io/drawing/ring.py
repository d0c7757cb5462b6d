"""Populations that all project to each other, in a ring: their projections are curves inside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neurograph.io.drawing.layers import Box, Point

ROOM = 30.0  # between neighbours


@dataclass
class Ring:
    """Centres of members and of their satellites, around (0, 0)."""

    at: list[Point]
    satellites: list[Point]


def ring(boxes: Sequence[Box], satellites: Sequence[tuple[int, Box]], labelled: bool) -> Ring:
    """Members around a centre, from the upper left clockwise; a satellite stands outside, at its member."""
    count = len(boxes)
    wide = max(2 * b.left for b in boxes)
    tall = max(b.height for b in boxes)
    if count == 2:
        first, second = math.pi, 0.0
        angles = [first, second]
        rx, ry = wide / 2 + (110.0 if labelled else 60.0), 0.0
    else:
        begin = -math.pi / 2 - math.pi / count
        angles = [begin + 2 * math.pi * k / count for k in range(count)]
        rx, ry = wide * 1.1 + (50.0 if labelled else 0.0), tall * 2.2
        while not _free(angles, rx, ry, wide + ROOM, tall + ROOM):
            rx, ry = rx * 1.06, ry * 1.06
    points = [(rx * math.cos(a), ry * math.sin(a)) for a in angles]
    outside = []
    for k, box in satellites:
        x, y = points[k]
        if count == 2:
            outside.append((x, -boxes[k].height / 2 - box.height / 2 - 64.0))
            continue
        c, s = math.cos(angles[k]), math.sin(angles[k])
        outside.append((
            x + c * (boxes[k].left + box.left + 84.0),
            y + s * (boxes[k].height / 2 + box.height / 2 + 58.0),
        ))  # fmt: skip
    return Ring(points, outside)


def _free(angles: Sequence[float], rx: float, ry: float, wide: float, tall: float) -> bool:
    """Whether neighbours keep apart; where the ring is thin the others do so too."""
    points = [(rx * math.cos(a), ry * math.sin(a)) for a in angles]
    near = zip(points, [*points[1:], points[0]], strict=True)
    return all(abs(a[0] - b[0]) >= wide or abs(a[1] - b[1]) >= tall for a, b in near)


def curve(a: Point, box_a: Box, b: Point, box_b: Box, members: int) -> list[Point]:
    """A cubic curve between two boxes: bent to the right of its direction, and towards the centre of the ring."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy) or 1.0
    bend = min(0.16 * length, 46.0)
    nx, ny = -dy / length * bend, dx / length * bend

    pull = 0.82 if members < 4 else 0.66

    def control(t: float) -> Point:
        x, y = a[0] + dx * t + nx, a[1] + dy * t + ny
        return x * pull, y * pull

    one, two = control(0.3), control(0.7)
    return [border(a, box_a, one), one, two, border(b, box_b, two)]


def loop(at: Point, box: Box) -> list[Point]:
    """A loop at the side of a box that looks away from the centre."""
    x, y = at
    away = 1.0 if x > 1.0 else -1.0
    edge, h = x + away * box.left, box.height * 0.28
    far = edge + away * 46.0
    return [(edge, y - h), (far, y - h * 2.2), (far, y + h * 2.2), (edge, y + h)]


def border(centre: Point, box: Box, towards: Point) -> Point:
    """Where the line from a box's centre leaves it."""
    dx, dy = towards[0] - centre[0], towards[1] - centre[1]
    half = box.height / 2
    scale = min(box.left / abs(dx) if dx else math.inf, half / abs(dy) if dy else math.inf)
    scale = scale if math.isfinite(scale) else 0.0
    return centre[0] + dx * scale, centre[1] + dy * scale
