"""Conversion of a network trained with quantised activations."""

from __future__ import annotations

from neurograph.convert.conversion import Recipe
from neurograph.convert.passes.calibrate import CalibratePotential
from neurograph.convert.passes.fold import Fold
from neurograph.convert.passes.normalise import Normalise
from neurograph.convert.passes.observe import trained
from neurograph.convert.passes.place import Place
from neurograph.convert.passes.pools import CommutePools, LowerPools
from neurograph.projections.cumulative_pool import CumulativeMaxPool2d
from neurograph.projections.pool import MaxPool2d


def qcfs(*, start: float = 0.5, pool: type[MaxPool2d] = CumulativeMaxPool2d, potential: int | None = 4) -> Recipe:
    """Thresholds are those that QCFS activations were trained with, v(0) = theta / 2: the expected error is 0 for any T and L.

    That holds for currents that do not change. Where they do, v(0) is corrected by what the first `potential` steps show on
    calibration images; None leaves it out. Every activation is a QCFS (see `quantised`). Source: Bu et al. 2022.
    """
    passes = (Normalise(), Fold(), CommutePools(), trained(), LowerPools(pool), Place(start=start))
    more = () if potential is None else (CalibratePotential(potential),)
    return Recipe("qcfs", (*passes, *more), "Bu et al. 2022")


RECIPES = {"qcfs": qcfs}
