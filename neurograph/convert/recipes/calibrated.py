"""Rate conversion, calibrated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from neurograph.convert.calibrate import CalibrateBias, CalibratePotential
from neurograph.convert.conversion import Recipe
from neurograph.convert.observe import Observe
from neurograph.convert.recipes.rate import rate


def calibrated(steps: int = 32, observe: Observe | None = None, *, potential: bool = False, **options: Any) -> Recipe:
    """Rate conversion whose biases are corrected by what `steps` steps show on calibration images; `potential`: v(0) too.

    `observe` and `options` are those of `rate`. `steps` should be the T of the runs to come: the corrections hold for it.
    Source: Li et al. 2021 (SNNC, light pipeline).
    """
    passes = (CalibrateBias(steps), *((CalibratePotential(steps),) if potential else ()))
    return replace(rate(observe, **options).after("place", *passes), name="calibrated", source="Li et al. 2021 (SNNC)")


RECIPES = {"calibrated": calibrated}
