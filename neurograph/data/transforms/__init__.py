"""Random changes of whole batches of pictures or frames, on the device the batch lies on.

Every transform is called as ``transform(images, generator)`` with float pictures [N, C, H, W] or frames [N, T, C, H, W]
and a torch.Generator of the same device, and returns new ones. Each sample of the batch gets its own random numbers,
which change all T frames of a sample alike where the change is one of space; there is no Python loop over samples.
A mix is called as ``mix(images, labels, generator)`` and returns the labels as weights [N, K] too.
"""

from __future__ import annotations

from neurograph.data.transforms.compose import Compose
from neurograph.data.transforms.drop_event import DropEvent
from neurograph.data.transforms.drop_event_by_area import DropEventByArea
from neurograph.data.transforms.drop_event_by_time import DropEventByTime
from neurograph.data.transforms.elastic_deform import ElasticDeform
from neurograph.data.transforms.event_drop import EventDrop
from neurograph.data.transforms.event_operations.cutout_abs import CutoutAbs
from neurograph.data.transforms.event_operations.cutout_temporal import CutoutTemporal
from neurograph.data.transforms.event_operations.gaussian_blur import GaussianBlur
from neurograph.data.transforms.event_operations.salt_and_pepper import SaltAndPepper
from neurograph.data.transforms.event_rand_augment import EventRandAugment
from neurograph.data.transforms.horizontal_flip import HorizontalFlip
from neurograph.data.transforms.mixes import CutMix, EventMix, Mix, MixUp, OneOf
from neurograph.data.transforms.normalize import Normalize
from neurograph.data.transforms.rand_augment import RandAugment
from neurograph.data.transforms.random_affine import RandomAffine
from neurograph.data.transforms.random_crop import RandomCrop
from neurograph.data.transforms.random_erasing import RandomErasing
from neurograph.data.transforms.random_resized_crop import RandomResizedCrop
from neurograph.data.transforms.temporal_jitter import TemporalJitter
from neurograph.data.transforms.transform import Transform

__all__ = [
    "Compose",
    "CutMix",
    "CutoutAbs",
    "CutoutTemporal",
    "DropEvent",
    "DropEventByArea",
    "DropEventByTime",
    "ElasticDeform",
    "EventDrop",
    "EventMix",
    "EventRandAugment",
    "GaussianBlur",
    "HorizontalFlip",
    "Mix",
    "MixUp",
    "Normalize",
    "OneOf",
    "RandAugment",
    "RandomAffine",
    "RandomCrop",
    "RandomErasing",
    "RandomResizedCrop",
    "SaltAndPepper",
    "TemporalJitter",
    "Transform",
]
