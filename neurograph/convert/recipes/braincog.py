"""Conversion as in BrainCog: burst spikes, lateral-inhibition pools, spike calibration."""

from __future__ import annotations

from typing import Any

from neurograph.convert.conversion import Pass, Recipe
from neurograph.convert.passes.braincog_scale import HookScale
from neurograph.convert.passes.calibrate_spikes import CalibrateSpikes
from neurograph.convert.passes.fold import Fold
from neurograph.convert.passes.normalise import Normalise
from neurograph.convert.passes.place import Place
from neurograph.convert.passes.pools import LowerPools
from neurograph.projections.cumulative_pool import CumulativeMaxPool2d
from neurograph.projections.pool import MaxPool2d
from neurograph.projections.spike_pool import LIPool2d, SMaxPool2d


def braincog(
    p: float = 0.9995,
    channelnorm: bool = False,
    lipool: bool = True,
    gamma: int = 1,
    soft_mode: bool = True,
    merge: bool = True,
    batch_num: int = 1,
    spicalib: float = 0,
    *,
    upstream: bool = False,
) -> Recipe:
    """The conversion of BrainCog's Convertor, under its names: thresholds of the activations, v(0) = 0, pools on spikes.

    p: the part of a layer's activations (channelnorm: of a channel's) below its threshold. lipool: LIPool2d, else SMaxPool2d.
    gamma: spikes a step at most. soft_mode: subtract the threshold on a spike, else reset to 0. merge: fold batch
    normalisation. batch_num: the calibration images are that many batches, and the largest threshold of a batch counts.
    spicalib: the allowance of SpikeCalibration behind all neurons; 0: none.
    upstream=True computes what Convertor does, to compare with it: calibration on activations clamped at gamma (thresholds
    never exceed it; LeNet5 lost 13 and 34 points), no reset at all without soft_mode, SMaxPool by a factor of 1000, and
    corrections that are owed. Source: Li & Zeng 2022 (bursts, LIPooling), Li et al. 2022 (calibration), BrainCog.
    """
    pool: Any = (LIPool2d if upstream else lateral_inhibition) if lipool else SMaxPool2d
    options = {"rule": "braincog"} if upstream and not lipool else {}
    reset = "soft" if soft_mode else "none" if upstream else "hard"
    per = "channel" if channelnorm else "layer"
    passes: list[Pass] = [Normalise(), HookScale(p, per, batches=batch_num, clamp=gamma if upstream else None)]
    passes += [Fold()] if merge else []
    passes += [LowerPools(pool, **options), Place(start=0.0, reset=reset, max_spikes=gamma)]
    passes += [CalibrateSpikes(spicalib, debt=upstream)] if spicalib else []
    return Recipe("braincog", tuple(passes), "BrainCog's Convertor; Li & Zeng 2022; Li et al. 2022")


def lateral_inhibition(kernel: Any, stride: Any, **window: Any) -> MaxPool2d:
    """LIPool2d, or where windows overlap or are padded the pool that it equals."""
    disjoint = all(s >= k for s, k in zip(stride, kernel, strict=True))
    plain = not any(window["padding"]) and window["dilation"] == (1, 1)
    return (LIPool2d if disjoint and plain else CumulativeMaxPool2d)(kernel, stride, **window)


RECIPES = {"braincog": braincog}
