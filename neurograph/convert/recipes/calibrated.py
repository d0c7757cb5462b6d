"""Rate conversion, calibrated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from neurograph.convert.conversion import Recipe
from neurograph.convert.passes.calibrate import CalibrateBias, CalibratePotential
from neurograph.convert.passes.observe import Observe
from neurograph.convert.recipes.rate import rate


def calibrated(steps: int = 32, observe: Observe | None = None, *, potential: int | None = 2, **options: Any) -> Recipe:
    """Rate conversion, then v(0) is corrected by what the first `potential` steps show, and biases by what `steps` steps show.

    `observe` and `options` are those of `rate`. A correction of v(0) fades as 1/T, as does what it is for: sums of few steps are
    noisy, and a maximum over them is too large, so layers behind a max pool of spikes start too active. Few steps show that
    alone; many would let v(0) stand for what a bias should. `potential=None` leaves it out.
    Source: Li et al. 2021 (SNNC, light pipeline), which has the bias first and one number of steps.
    """
    first = () if potential is None else (CalibratePotential(potential),)
    passes = (*first, CalibrateBias(steps))
    return replace(rate(observe, **options).after("place", *passes), name="calibrated", source="Li et al. 2021 (SNNC)")


RECIPES = {"calibrated": calibrated}
