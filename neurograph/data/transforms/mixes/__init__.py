"""Changes that blend two samples of a batch and their labels: one a file."""

from __future__ import annotations

from neurograph.data.transforms.mixes.cut_mix import CutMix
from neurograph.data.transforms.mixes.event_mix import EventMix
from neurograph.data.transforms.mixes.mix import Mix
from neurograph.data.transforms.mixes.mix_up import MixUp
from neurograph.data.transforms.mixes.one_of import OneOf

__all__ = ["CutMix", "EventMix", "Mix", "MixUp", "OneOf"]
