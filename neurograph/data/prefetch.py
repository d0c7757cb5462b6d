"""Fetching ahead: a thread makes the next items while the last one is used."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from queue import Empty, Queue
from typing import Any, Generic, TypeVar

__all__ = ["Prefetch"]

T = TypeVar("T")

_ITEM, _ERROR, _END = range(3)


class Prefetch(Generic[T]):
    """The items of `source` in their order, up to `depth` of them made in advance.

    At most depth + 1 items wait at any time, besides the one in use. What `source` raises comes out where its item was due.
    The thread ends with the source, with ``close()``, when nothing refers to this iterator any more, and with the program.
    """

    def __init__(self, source: Iterator[T], depth: int) -> None:
        self._queue: Queue[tuple[int, Any]] = Queue(depth)
        stop = threading.Event()
        # the thread must not refer to this object, or it would never be let go
        thread = threading.Thread(
            target=_work, args=(source, self._queue, stop), name="neurograph-prefetch", daemon=True
        )
        self._finish = weakref.finalize(self, _finish, self._queue, stop, thread)
        thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if not self._finish.alive:
            raise StopIteration
        kind, value = self._queue.get()
        if kind == _ITEM:
            return value  # type: ignore[no-any-return]
        self.close()
        if kind == _ERROR:
            raise value
        raise StopIteration

    def close(self) -> None:
        """Stop the thread and wait until it has ended."""
        self._finish()


def _work(source: Iterator[Any], queue: Queue[tuple[int, Any]], stop: threading.Event) -> None:
    try:
        for item in source:
            queue.put((_ITEM, item))
            del item  # the one who uses it decides how long it lives
            if stop.is_set():
                return
    except BaseException as error:
        queue.put((_ERROR, error))
    else:
        queue.put((_END, None))


def _finish(queue: Queue[tuple[int, Any]], stop: threading.Event, thread: threading.Thread) -> None:
    stop.set()
    # makes room for the one item that the thread may still have in its hands
    while True:
        try:
            queue.get_nowait()
        except Empty:
            break
    if thread is not threading.current_thread():  # the collector may run in any thread
        thread.join()
