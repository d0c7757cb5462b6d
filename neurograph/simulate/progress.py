"""How far a long run is, and how fast it goes."""

from __future__ import annotations

import sys
import time
from typing import Any

_LONG = 3.0  # seconds after which a run shows it


class Progress:
    """A bar with rate, time left and real-time factor, once a run turns out to be long."""

    def __init__(self, steps: int, dt: float, wanted: bool | None):
        self.steps, self.dt = steps, dt
        self.wanted = sys.stderr.isatty() if wanted is None else wanted
        self.after = _LONG if wanted is None else 0.0
        self.begin = time.perf_counter()
        self.bar: Any = None

    def show(self, done: int) -> None:
        passed = time.perf_counter() - self.begin
        if not self.wanted or passed < self.after:
            return
        if self.bar is None:
            from tqdm import tqdm

            form = "{l_bar}{bar}| {n:.0f}/{total:.0f} ms [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
            self.bar = tqdm(total=self.steps * self.dt, unit="ms", bar_format=form, file=sys.stderr)
        self.bar.set_postfix_str(f"{passed / (done * self.dt / 1000):.2f} x real time", refresh=False)
        self.bar.update(done * self.dt - self.bar.n)  # a sum of parts would run past the end by a rounding

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
