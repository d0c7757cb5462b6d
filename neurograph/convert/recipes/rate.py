"""Rate conversion: the default."""

from __future__ import annotations

from neurograph.convert.conversion import Recipe
from neurograph.convert.passes.fold import Fold
from neurograph.convert.passes.normalise import Normalise
from neurograph.convert.passes.observe import Observe, percentile
from neurograph.convert.passes.place import Place
from neurograph.convert.passes.pools import CommutePools, LowerPools
from neurograph.projections.cumulative_pool import CumulativeMaxPool2d
from neurograph.projections.pool import MaxPool2d


def rate(
    observe: Observe | None = None,
    *,
    start: float = 0.5,
    reset: str = "soft",
    max_spikes: int = 1,
    pool: type[MaxPool2d] = CumulativeMaxPool2d,
) -> Recipe:
    """Rate coding: thresholds from `observe` (default the 99.9th percentile per channel), soft reset, v(0) = theta / 2.

    Max pools become cumulative maxima on the currents. `max_spikes` above 1 gives burst spikes. Source: Rueckauer et al.
    2017; v(0): Bu et al. 2022; the pools: increments of a maximum (see CumulativeMaxPool2d).
    """
    return Recipe(
        "rate",
        (
            Normalise(),
            Fold(),
            observe or percentile(99.9),  # of what is not pooled yet: of maxima it would be too high by half
            CommutePools(),
            LowerPools(pool),
            Place(start=start, reset=reset, max_spikes=max_spikes),
        ),
        "Rueckauer et al. 2017; Bu et al. 2022",
    )


RECIPES = {"rate": rate}
