"""Being the only process to do something in a folder, by a lock that goes when its process does."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: two processes may do the same twice; what they make is whole all the same
    fcntl = None  # type: ignore[assignment]

__all__ = ["Claim", "claim"]


class Claim(Enum):
    """What came of asking for a lock."""

    HELD = "this process is the only one"
    BUSY = "another process holds it"
    FREE = "there are no locks here: others may be at it too"


@contextlib.contextmanager
def claim(lock: Path, wait: bool = True) -> Iterator[Claim]:
    """Hold the file `lock`, made for it and removed afterwards; BUSY where another has it and `wait` is not set.

    The system lets go of the lock of a process that dies, however it dies. Raises OSError where the file cannot be made.
    """
    if fcntl is None:
        yield Claim.FREE
        return
    while True:
        found, handle = Claim.HELD, os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(handle)
            yield Claim.BUSY
            return
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                os.close(handle)
                raise
            found = Claim.FREE  # a file system without locks
            break
        except BaseException:
            os.close(handle)
            raise
        with contextlib.suppress(FileNotFoundError):
            if os.stat(lock).st_ino == os.fstat(handle).st_ino:
                break
        os.close(handle)  # the one who held it has cleared it away
    try:
        yield found
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)
