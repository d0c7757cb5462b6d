"""Losses. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

from neurograph.registry import found_below
from neurograph.train.losses.loss import Loss

LOSSES: dict[str, type[Loss]] = {
    name: kind for kind in found_below(Loss, __name__, __path__).values() for name in (kind.name, *kind.aliases)
}
