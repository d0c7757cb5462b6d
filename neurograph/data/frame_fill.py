"""Filling a cache of frames, in this process or in several."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from tqdm import tqdm

from neurograph.errors import DataError

if TYPE_CHECKING:
    from neurograph.data.frame_cache import FrameCache

__all__ = ["fill"]


def fill(cache: FrameCache, workers: int, progress: bool) -> None:
    """Make every shard that is missing; several programs that fill one cache share the work.

    Raises DataError for a recording that cannot be read, named; what was made before stays. A worker that was killed
    (by the system, where memory ran out) is a DataError too.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise DataError(f"frames: workers is {workers!r}; give a whole number, 0 for no other process")
    missing = cache.missing()
    if not missing:
        return
    cache.prepare()
    title = f"frames of {cache.data.name} {cache.data.split}"
    total = sum(_rows(cache, number) for number in missing)
    with tqdm(total=total, desc=title, unit=" recordings", disable=not progress, leave=False) as bar:
        if workers and len(missing) > 1:
            _fill_by_workers(cache, missing, min(workers, len(missing)), bar)
        else:
            # first those that no other process is at, then wait for the rest, or make what those left undone
            left = [number for number in missing if not _made(cache, number, bar, wait=False)]
            for number in left:
                _made(cache, number, bar, wait=True)
    if again := cache.missing():
        raise DataError(f"{cache.folder}: {len(again)} files vanished while frames were made; is it being removed?")


def _rows(cache: FrameCache, number: int) -> int:
    part = cache.part(number)
    return int(part.stop - part.start)


def _made(cache: FrameCache, number: int, bar: tqdm[None], *, wait: bool) -> bool:
    made = cache.make(number, wait)
    if made:
        bar.update(_rows(cache, number))
    return made


def _fill_by_workers(cache: FrameCache, missing: list[int], workers: int, bar: tqdm[None]) -> None:
    try:
        pickle.dumps(cache.data.read)
        pickle.dumps(cache.data.version)
    except Exception as error:
        raise DataError(
            f"data set {cache.data.name!r}: how it is read cannot be handed to another process ({error}); use functions of "
            "a module, or workers=0"
        ) from error
    # spawned, not forked: a fork of a process whose threads hold locks may hang
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(cache,))
    try:
        waiting: dict[Future[bool], int] = {pool.submit(_make, number, False): number for number in missing}
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                number = waiting.pop(future)
                if future.result():
                    bar.update(_rows(cache, number))
                else:  # another program is at it
                    waiting[pool.submit(_make, number, True)] = number
    except BrokenProcessPool as error:
        raise DataError(
            f"frames of {cache.data.name} {cache.data.split}: a worker was killed, perhaps for want of memory; call again with fewer workers: what was made "
            "stays"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_cache: FrameCache | None = None


def _begin(cache: FrameCache) -> None:
    """What a worker does first: keep the cache, leave Ctrl-C to the program that asked, and end when that has ended."""
    global _cache
    import torch

    _cache = cache
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _make(number: int, wait: bool) -> bool:
    assert _cache is not None
    return _cache.make(number, wait)
