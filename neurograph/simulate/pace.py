"""How a run is cut into windows, and how many threads each runs on: as many as pay. The results are the same."""

from __future__ import annotations

_WINDOW = 0.05  # seconds that a window should take
_WARM = 2  # windows that are not timed: they touch their memory for the first time
_TRIALS = 4  # windows that then take both numbers of threads in turn
_TRY_AGAIN = 16  # windows between two later looks at the number of threads that was slower


class Pace:
    """Below `share_above` neurons and arriving spikes per meeting one thread works; above, what proves faster.

    Threads that wait for each other many thousand times a second lose when another process takes one of their
    cores, so both numbers of threads are timed in turn, per unit of work, and the faster one is kept.
    """

    def __init__(self, most: int, neurons: int, period: int, share_above: float):
        self.most, self.neurons, self.period, self.share_above = most, neurons, period, share_above
        self.arrivals = 0.0  # per step, of the last window
        self.cost: dict[int, float] = {}  # threads -> seconds per unit of work
        self.last: float | None = None  # the same, of the last window
        self.windows = 0  # in which threads could share
        self.now = 1

    def next(self) -> tuple[int, int]:
        """Threads and steps of the next window."""
        work = self.neurons + self.arrivals
        self.now = self._workers() if self.most > 1 and work * self.period >= self.share_above else 1
        expected = self.cost.get(self.now, self.last)
        steps = 64 if expected is None else int(_WINDOW / (expected * work))
        return self.now, max(self.period, steps)

    def _workers(self) -> int:
        self.windows += 1
        timed = self.windows - _WARM
        if self.share_above <= 0 or timed <= 0:  # 0: always share
            return self.most
        if timed <= _TRIALS or len(self.cost) < 2:
            return self.most if timed % 2 else 1
        best = min(self.cost, key=lambda n: self.cost[n])
        other = self.most if best == 1 else 1
        return other if timed % _TRY_AGAIN == 0 else best

    def took(self, seconds: float, steps: int, arrivals: float) -> None:
        """Learn from a window: its time, its steps, and the arriving spikes of each step."""
        self.arrivals = arrivals
        self.last = seconds / (steps * (self.neurons + arrivals))
        if self.windows > _WARM:
            known = self.cost.get(self.now)
            self.cost[self.now] = self.last if known is None else 0.5 * (known + self.last)
