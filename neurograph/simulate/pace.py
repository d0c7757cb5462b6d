"""How a run is cut into windows, and how many threads each runs on: as many as pay. The results are the same."""

from __future__ import annotations

_TRY_AGAIN = 16  # windows between two looks at the number of threads that was slower
_WINDOW = 0.1  # seconds that a window should take


class Pace:
    """Below `share_above` neurons and arriving spikes per meeting one thread works; above, what proves faster.

    Threads that wait for each other many thousand times a second lose when another process takes one of their
    cores, so both numbers of threads are timed in turn, per unit of work, and the faster one is kept.
    """

    def __init__(self, most: int, neurons: int, period: int, share_above: int):
        self.most, self.neurons, self.period, self.share_above = most, neurons, period, share_above
        self.arrivals = 0.0  # per step, of the last window
        self.cost: dict[int, float] = {}  # threads -> seconds per unit of work
        self.windows = 0
        self.now = 1

    def next(self) -> tuple[int, int]:
        """Threads and steps of the next window."""
        self.now = 1
        work = self.neurons + self.arrivals
        if self.most > 1 and work * self.period >= self.share_above:
            if self.share_above <= 0 or self.most not in self.cost:  # 0: always share
                self.now = self.most
            elif 1 in self.cost:
                best = min(self.cost, key=lambda n: self.cost[n])
                other = self.most if best == 1 else 1
                self.now = other if self.windows % _TRY_AGAIN == 0 else best
        expected = self.cost.get(self.now) or next(iter(self.cost.values()), None)
        steps = 64 if expected is None else int(_WINDOW / (expected * work))
        return self.now, max(self.period, steps)

    def took(self, seconds: float, steps: int, arrivals: float) -> None:
        """Learn from a window: its time, its steps, and the arriving spikes of each step."""
        self.windows += 1
        self.arrivals = arrivals
        cost = seconds / (steps * (self.neurons + arrivals))
        if self.windows > 2:  # the first windows touch their memory for the first time
            self.cost[self.now] = cost if self.now not in self.cost else 0.5 * (self.cost[self.now] + cost)
