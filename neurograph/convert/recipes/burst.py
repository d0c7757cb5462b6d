"""Burst spikes as a recipe."""

from __future__ import annotations

from dataclasses import replace

from neurograph.convert.conversion import Recipe
from neurograph.convert.passes.observe import Observe
from neurograph.convert.recipes.rate import rate


def burst(max_spikes: int = 5, observe: Observe | None = None, *, start: float = 0.5) -> Recipe:
    """Rate conversion whose neurons fire up to `max_spikes` times a step, so that a late current is still sent in full.

    Options as in `rate`. Source: Li & Zeng 2022, "Efficient and accurate conversion of SNN with burst spikes".
    """
    return replace(rate(observe, start=start, max_spikes=max_spikes), name="burst", source="Li & Zeng 2022")


RECIPES = {"burst": burst}
