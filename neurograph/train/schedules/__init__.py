"""Schedules of the learning rate. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

from neurograph.registry import found_below
from neurograph.train.schedules.schedule import Schedule

SCHEDULES: dict[str, type[Schedule]] = {kind.name: kind for kind in found_below(Schedule, __name__, __path__).values()}
