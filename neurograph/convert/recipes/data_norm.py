"""Data-based normalisation with spiking max pools: the scheme BrainCog's conversion began with."""

from __future__ import annotations

from typing import Any

from neurograph.convert.conversion import Pass, Recipe
from neurograph.convert.passes.braincog_scale import HookScale
from neurograph.convert.passes.fold import Fold
from neurograph.convert.passes.normalise import Normalise
from neurograph.convert.passes.place import Place
from neurograph.convert.passes.pools import LowerPools
from neurograph.convert.passes.spiking_output import SpikingOutput
from neurograph.convert.recipes.braincog import lateral_inhibition
from neurograph.projections.spike_pool import SMaxPool2d


def data_norm(
    p: float = 0.99,
    gamma: int = 1,
    smode: bool = True,
    lateral_inhi: bool = False,
    *,
    spiking_output: bool = False,
    upstream: bool = False,
) -> Recipe:
    """W_l *= lambda_{l-1} / lambda_l, b_l /= lambda_l with lambda_l = sorted(a_l)[int(n p) - 1]; soft reset, v(0) = 0.

    (Here the neurons have the threshold lambda_l, and the weights behind them are multiplied by it: the same spikes.)
    gamma: spikes a step at most. smode: max pools are SMaxPool2d, with lateral_inhi LIPool2d; without smode they stay as they
    are, the maximum of each step. spiking_output: the logits spike too, in the place of a softmax.
    upstream=True: activations above 1 are divided by gamma before they are sorted, and SMaxPool by a factor of 1000.
    Source: Diehl et al. 2015, Rueckauer et al. 2017; Conversion_Burst (Li & Zeng 2022), a port of LeNet5 to BrainCog.
    """
    passes: list[Pass] = [Normalise()]
    passes += [SpikingOutput()] if spiking_output else []
    passes += [Fold(), HookScale(p, divide_above_one=gamma if upstream else None)]
    if smode:
        options: dict[str, Any] = {"rule": "braincog"} if upstream and not lateral_inhi else {}
        passes += [LowerPools(lateral_inhibition if lateral_inhi else SMaxPool2d, **options)]
    passes += [Place(start=0.0, max_spikes=gamma)]
    return Recipe("data_norm", tuple(passes), "Diehl et al. 2015; Rueckauer et al. 2017; Li & Zeng 2022")


RECIPES = {"data_norm": data_norm}
