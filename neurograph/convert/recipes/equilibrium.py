"""Equilibrium conversion as a recipe."""

from __future__ import annotations

from neurograph.activations.quantised import QCFS
from neurograph.convert.conversion import Conversion, Recipe
from neurograph.convert.passes.equilibrium import PlaceBounded, Quantise
from neurograph.convert.passes.fold import Fold
from neurograph.convert.passes.normalise import Normalise
from neurograph.convert.passes.observe import Observe, percentile, trained
from neurograph.convert.passes.pools import CommutePools


class _Either(Observe):
    """Trained thresholds where activations have them, else observed ones."""

    def __init__(self, observe: Observe):
        self.declare(f"trained, else {observe.text}", observe.per)
        self.observe = observe

    def apply(self, conversion: Conversion) -> None:
        whole = dict(conversion.sites)
        for trained_ones, one in ((True, trained()), (False, self.observe)):
            conversion.sites = {n: s for n, s in whole.items() if isinstance(s.activation, QCFS) is trained_ones}
            if conversion.sites:
                one.apply(conversion)
        conversion.sites = whole


def equilibrium(levels: int = 15, observe: Observe | None = None) -> Recipe:
    """Signed bounded IF neurons that come to rest at the quantised network, to float tolerance; any function passes.

    `levels`: steps up to the threshold of activations that are not quantised yet; `observe`: their thresholds (default
    the 99.9th percentile per channel). The steps needed are some more than levels times layers at worst; the answer is
    that of the last step. Source: ST-BIF and SpikeZIP-TF, You et al. 2024; SNM, Wang et al. 2022.
    """
    return Recipe(
        "equilibrium",
        (
            Normalise(graded=True),
            Fold(),
            _Either(observe or percentile(99.9)),
            CommutePools(),
            Quantise(levels),
            PlaceBounded(),
        ),
        "You et al. 2024 (SpikeZIP-TF); Wang et al. 2022 (SNM)",
    )


RECIPES = {"equilibrium": equilibrium}
