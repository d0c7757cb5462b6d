"""Image data sets, downloads, batches and batch transforms."""

from __future__ import annotations

from neurograph.data.batches import Batches
from neurograph.data.fetch import DownloadError, download
from neurograph.data.image_data import ImageData
from neurograph.data.image_set import ImageSet
from neurograph.data.registry import cache_folder, dataset, load, load_both, names
from neurograph.data.transforms import (
    Compose,
    ElasticDeform,
    HorizontalFlip,
    Normalize,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    Transform,
)

__all__ = [
    "Batches",
    "Compose",
    "DownloadError",
    "ElasticDeform",
    "HorizontalFlip",
    "ImageData",
    "ImageSet",
    "Normalize",
    "RandomAffine",
    "RandomCrop",
    "RandomErasing",
    "Transform",
    "cache_folder",
    "dataset",
    "download",
    "load",
    "load_both",
    "names",
]
