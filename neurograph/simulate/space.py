"""Room on the disk, claimed before HDF5 writes: it does not survive a write that fails."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

SLACK = 1 << 18  # bytes for what HDF5 keeps besides the data


def claim(path: str | Path, begin: int, upto: int) -> None:
    """Let the file at `path` have the bytes from `begin` up to `upto`; raises OSError where it cannot."""
    if upto <= begin:
        return
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        if limit != resource.RLIM_INFINITY and upto > limit:
            raise OSError(errno.EFBIG, f"{os.strerror(errno.EFBIG)}: {upto:,} bytes, a file may have {limit:,}")
    except ImportError:  # Windows has no such limit
        pass
    if hasattr(os, "posix_fallocate"):
        handle = os.open(path, os.O_RDWR)
        try:
            os.posix_fallocate(handle, begin, upto - begin)
        finally:
            os.close(handle)
        return
    free = shutil.disk_usage(Path(path).parent).free
    if free < upto - begin:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {free:,} bytes are free")
