"""What a data set must tell the registry; a subclass with a name registers itself."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurograph.data.archives import Archive, alone, unpack
from neurograph.data.fetch import DownloadError, check_md5, download
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
    #: Terms of use as their authors state them.
    licence: ClassVar[str] = ""
    #: The page a person gets the files from.
    page: ClassVar[str] = ""
    #: What to put into the folder where no program may fetch it, after "get": "x.zip, ...".
    by_hand: ClassVar[str] = ""
    #: The published archives, fetched and unpacked into the folder one by one.
    archives: ClassVar[tuple[Archive, ...]] = ()
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    #: What a sample is, in one word.
    holds: ClassVar[str] = "samples"
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

    def summary(self) -> dict[str, Any]:
        """What there is to know of the set without its files, and the folder where they are: None where they are not."""
        from neurograph.data.registry import roots

        here = self.locate(roots(None), self.splits[0]) if self.folders else None
        return {
            "name": self.name,
            "about": (sys.modules[type(self).__module__].__doc__ or "").strip().splitlines()[0],
            "aliases": list(self.aliases),
            "holds": self.holds,
            "classes": len(self.classes),
            "splits": list(self.splits),
            "origin": self.origin,
            "licence": self.licence,
            "page": self.page,
            "fetched": not self.by_hand,
            "here": "comes with a package" if not self.folders else str(here) if here else None,
        }

    def hint(self, roots: Sequence[Path]) -> str:
        """Extra sentence for the message that the files were not found."""
        return ""

    @abstractmethod
    def present(self, folder: Path, split: str) -> bool:
        """Whether the folder holds at least one file of the split."""

    def packed(self, roots: Sequence[Path]) -> Path | None:
        """First folder that holds a published archive of this set, still to be unpacked, or None."""
        for root in roots:
            for folder in (*(root / sub for sub in self.folders), root):
                for archive in self.archives:
                    if archive.put(folder) and not archive.unpacked(folder):
                        return folder
        return None

    def begun(self, folder: Path, split: str) -> bool:
        """Whether the split comes in several archives and some of them are not unpacked there: a download broke off."""
        needed = [archive for archive in self.archives if archive.split in (None, split)]
        return len(needed) > 1 and not all(archive.unpacked(folder) for archive in needed)

    def fetch(self, folder: Path, *, verify: bool, progress: bool) -> None:
        """Download the official archives into the folder and unpack them; raises DownloadError or DataError.

        An archive that a person put there is checked and unpacked. Where the licence or the host lets no program
        fetch them, the DownloadError names the page to fetch from and where to put what. Of several processes one does
        it, and the others wait for it.
        """
        if not self.archives or any(not a.url and not a.unpacked(folder) and not a.put(folder) for a in self.archives):
            raise self.refusal(folder)
        with alone(folder):
            for archive in self.archives:
                if not archive.unpacked(folder):  # another process may just have done it
                    self._fetch(archive, folder, verify, progress)

    def _fetch(self, archive: Archive, folder: Path, verify: bool, progress: bool) -> None:
        theirs = archive.put(folder)
        path = theirs or folder / archive.name
        md5 = archive.md5 if verify and path.name == archive.name else None
        if theirs:
            check_md5(path, md5)
        else:
            download(archive.url, path, md5=md5, progress=progress)
        unpack(path, folder)
        if not archive.unpacked(folder):
            raise DataError(f"{path}: it holds no {archive.makes}; it is another archive; get it again")
        if not theirs:
            path.unlink()

    def refusal(self, folder: Path) -> DownloadError:
        """Says what a person has to fetch, from where, and where it goes."""
        return DownloadError(
            f"no program may fetch it: get {self.by_hand} from {self.page} and put it into {folder} "
            "(or name another folder with data_dir=... or NEUROGRAPH_DATA); archives that lie there are unpacked"
        )

    @abstractmethod
    def open(self, folder: Path, split: str, limit: int | None, source: str) -> ImageData | EventData:
        """The split in that folder; raises DataError for a bad file."""

    def augmentation(self, size: tuple[int, int]) -> Transform | None:
        """The changes of training batches that are usual for this set at that height and width; None: none."""
        return None

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        """Write made-up data in the published layout, at least `count` samples a split, of as many classes as fit.

        What is written is opened by `open` like the real files: for trying a network out, and for tests.
        """
        raise DataError(f"data set {self.name!r}: no example of its layout can be written")
