"""Local threshold balancing as a recipe."""

from __future__ import annotations

from neurograph.convert.conversion import Recipe
from neurograph.convert.passes.fold import Fold
from neurograph.convert.passes.local_balance import DelayAnswer, LocalBalance
from neurograph.convert.passes.normalise import Normalise
from neurograph.convert.passes.place import Place
from neurograph.convert.passes.pools import CommutePools, LowerPools
from neurograph.projections.cumulative_pool import CumulativeMaxPool2d
from neurograph.projections.pool import MaxPool2d


def local_threshold_balancing(
    eta: float = 0.5,
    *,
    passes: int = 20,
    batch: int = 50,
    per: str = "channel",
    start: float = 0.5,
    pool: type[MaxPool2d] = CumulativeMaxPool2d,
    delay: bool = True,
) -> Recipe:
    """Thresholds by local balancing, v(0) = theta / 2, and the answer read from when spikes come through (`delay`).

    The paper's pool, `pool=MaxPool2d`, is the maximum of the currents of each step, which stays too large at any T; the
    default is right over time (see CumulativeMaxPool2d). Source: Bu et al. 2025.
    """
    passes_ = (
        Normalise(),
        Fold(),
        CommutePools(),
        LocalBalance(eta, passes=passes, batch=batch, per=per),
        LowerPools(pool),
        Place(start=start),
    )
    return Recipe("local_threshold_balancing", (*passes_, *((DelayAnswer(),) if delay else ())), "Bu et al. 2025")


RECIPES = {"local_threshold_balancing": local_threshold_balancing}
