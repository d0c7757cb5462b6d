"""What a data set must tell the registry; a subclass with a name registers itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from neurograph.errors import DataError

if TYPE_CHECKING:
    from neurograph.data.event_data import EventData
    from neurograph.data.image_data import ImageData
    from neurograph.data.transforms import Transform

__all__ = ["DataSet"]


class DataSet(ABC):
    """A data set: its constants, where its files usually lie, how to fetch and open them.

    To add one, put a module with a subclass of ImageSet or EventSet into ``neurograph/data/sets``; nothing else changes.
    """

    known: ClassVar[dict[str, type[DataSet]]] = {}

    #: Name for ``load``; a subclass without one is a shared reader and is not registered.
    name: ClassVar[str] = ""
    #: Other names it is called by, in papers and other programs.
    aliases: ClassVar[tuple[str, ...]] = ()
    classes: ClassVar[tuple[str, ...]]
    #: Where the data were published, for the data's `source`.
    origin: ClassVar[str]
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    #: Sub-folders to look into, the first being where a download goes; empty: no files needed.
    folders: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.name:
            return
        holder = DataSet.known.get(cls.name)
        if holder is not None and holder.__module__ != cls.__module__:
            raise DataError(
                f"data set name {cls.name!r} is used by {holder.__module__} and {cls.__module__}; "
                "a name may be taken once; rename one of the two"
            )
        DataSet.known[cls.name] = cls

    def locate(self, roots: Sequence[Path], split: str) -> Path | None:
        """First folder that holds at least one file of the split, or None.

        Sub-folders come before the root itself: two sets can share file names (MNIST and
        Fashion-MNIST), and a sub-folder says which of them it is.
        """
        for root in roots:
            for folder in (*(root / sub for sub in self.folders), root):
                if self.present(folder, split):
                    return folder
        return None

    def hint(self, roots: Sequence[Path]) -> str:
        """Extra sentence for the message that the files were not found."""
        return ""

    @abstractmethod
    def present(self, folder: Path, split: str) -> bool:
        """Whether the folder holds at least one file of the split."""

    @abstractmethod
    def fetch(self, folder: Path, *, verify: bool, progress: bool) -> None:
        """Download the official files into the folder; raises DownloadError or DataError.

        Where the licence or the host allows no download, the DownloadError names the page to fetch from and where
        to put what.
        """

    @abstractmethod
    def open(self, folder: Path, split: str, limit: int | None, source: str) -> ImageData | EventData:
        """The split in that folder; raises DataError for a bad file."""

    def augmentation(self, size: tuple[int, int]) -> Transform | None:
        """The changes of training batches that are usual for this set at that height and width; None: none."""
        return None

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        """Write made-up data in the published layout, `count` samples a split, each class where there is room.

        What is written is opened by `open` like the real files: for trying a network out, and for tests.
        """
        raise DataError(f"data set {self.name!r}: no example of its layout can be written")
