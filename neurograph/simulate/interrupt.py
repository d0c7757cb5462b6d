"""Ctrl-C as a request, so that a run ends between two windows and never inside one."""

from __future__ import annotations

import signal
import threading
from typing import Any, Self


class Interrupt:
    """While entered, SIGINT sets `asked` instead of raising. A handler that the caller has chosen stays.

    `patient` False lets a second Ctrl-C raise at once: for code that is not ours and may take any time.
    """

    def __init__(self) -> None:
        self.asked, self.patient = False, True
        self._before: Any = None

    def __enter__(self) -> Self:
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if usual and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *details: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: Any) -> None:
        if self.asked and not self.patient:
            raise KeyboardInterrupt
        self.asked = True
