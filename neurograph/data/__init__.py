"""Data sets of pictures and of events, downloads, batches and batch transforms."""

from __future__ import annotations

from neurograph.data.batches import Batches
from neurograph.data.data_set import DataSet
from neurograph.data.event_data import EventData
from neurograph.data.event_set import EventSet
from neurograph.data.events.events import Events
from neurograph.data.events.read import read_events
from neurograph.data.fetch import DownloadError, download
from neurograph.data.frame_cache import CachedFrames, cached_frames
from neurograph.data.frame_data import FrameData
from neurograph.data.frames import (
    ByCount,
    ByDuration,
    ByNumber,
    ByTime,
    FrameMaker,
    TimeSurface,
    VoxelGrid,
    frame_maker,
    frame_makers,
)
from neurograph.data.image_data import ImageData
from neurograph.data.image_set import ImageSet
from neurograph.data.registry import cache_folder, dataset, load, load_both, load_images, names
from neurograph.data.transforms import (
    Compose,
    CutMix,
    CutoutAbs,
    CutoutTemporal,
    DropEvent,
    DropEventByArea,
    DropEventByTime,
    ElasticDeform,
    EventDrop,
    EventMix,
    EventRandAugment,
    GaussianBlur,
    HorizontalFlip,
    Mix,
    MixUp,
    Normalize,
    OneOf,
    RandAugment,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    SaltAndPepper,
    TemporalJitter,
    Transform,
)

__all__ = [
    "Batches",
    "ByCount",
    "ByDuration",
    "ByNumber",
    "ByTime",
    "CachedFrames",
    "Compose",
    "CutMix",
    "CutoutAbs",
    "CutoutTemporal",
    "DataSet",
    "DownloadError",
    "DropEvent",
    "DropEventByArea",
    "DropEventByTime",
    "ElasticDeform",
    "EventData",
    "EventDrop",
    "EventMix",
    "EventRandAugment",
    "EventSet",
    "Events",
    "FrameData",
    "FrameMaker",
    "GaussianBlur",
    "HorizontalFlip",
    "ImageData",
    "ImageSet",
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
    "TimeSurface",
    "Transform",
    "VoxelGrid",
    "cache_folder",
    "cached_frames",
    "dataset",
    "download",
    "frame_maker",
    "frame_makers",
    "load",
    "load_both",
    "load_images",
    "names",
    "read_events",
]
