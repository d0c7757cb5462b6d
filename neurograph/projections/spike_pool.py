"""Max pools on spikes: the units of a window compete by what they have sent up to now."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.errors import SpecError, declared_at
from neurograph.projections.cumulative_pool import CumulativeMaxPool2d, constant_so_far
from neurograph.projections.operator import Array, Run
from neurograph.projections.pool import MaxPool2d

if TYPE_CHECKING:
    import torch


class SMaxPool2d(MaxPool2d):
    """c_t = c_{t-1} + x_t;  y_t = x_t of the unit of the window with the largest c_t: what the unit in the lead sends.

    Of units with the same c the largest x passes, so their order does not matter. Until one unit leads for good, spikes of
    several pass and y is too large; LIPool2d and CumulativeMaxPool2d are right at any T.
    `rule="braincog"`: y = max(x + 1000 c) - max(1000 c), the same while 1000 c is exact: for whole numbers up to c = 16 777 in
    float32, for spikes that were multiplied by a scale never (1 % and more of an output of 32 steps).
    Source: the gate of Rueckauer et al. 2017; BrainCog's SMaxPool.
    """

    key = "smax_pool"
    moves_only = False

    def __init__(
        self,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        *,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        ceil: bool = False,
        rule: str = "leader",
    ):
        if rule not in ("leader", "braincog"):
            raise SpecError(f"SMaxPool2d(rule={rule!r}) at {declared_at()}: choose 'leader' or 'braincog'")
        self.rule = rule
        super().__init__(kernel, stride, padding=padding, dilation=dilation, ceil=ceil)

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        import torch
        from torch.nn.functional import pad

        if constant_so_far(run.memory, x, run, torch.equal):
            return super().torch(x, w, run)  # the largest c is that of the largest x
        rows, columns = self._borders(x.shape[2:])
        sides = (*columns, *rows)  # torch names the last axis first
        steps = x.view(run.steps, run.batch, *x.shape[1:])
        if len(steps) == 1 and run.repeats > 1:
            steps = steps.expand(run.repeats, *steps.shape[1:])
        total = run.memory["total"].clone() if "total" in run.memory else torch.zeros_like(steps[0])
        total, out = total.detach(), []  # which unit leads is not differentiated
        for now in steps:
            total += now.detach()
            if self.rule == "braincog":
                out.append(super().torch(now + 1000.0 * total, w, run) - super().torch(1000.0 * total, w, run))
            else:
                sums = pad(total, sides, value=-float("inf")) if any(sides) else total
                out.append(self._leading(torch, sums, pad(now, sides) if any(sides) else now))
        run.memory["total"] = total
        return torch.cat(out)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        if constant_so_far(run.memory, x, run, np.array_equal):
            return super().numpy(x, w, run)
        sides = [(0, 0), (0, 0), *self._borders(x.shape[2:])]
        steps = x.reshape(run.steps, run.batch, *x.shape[1:])
        if len(steps) == 1 and run.repeats > 1:
            steps = np.broadcast_to(steps, (run.repeats, *steps.shape[1:]))
        total = run.memory["total"].copy() if "total" in run.memory else np.zeros_like(steps[0])
        out, many = [], x.dtype.type(1000.0)
        for now in steps:
            total += now
            if self.rule == "braincog":
                out.append(super().numpy(now + many * total, w, run) - super().numpy(many * total, w, run))
            else:
                sums = np.pad(total, sides, constant_values=-np.inf)
                out.append(self._leading(np, sums, np.pad(now, sides)))
        run.memory["total"] = total
        return np.concatenate(out)

    def _borders(self, size: Any) -> list[tuple[int, int]]:
        """What is added before and behind each axis so that every window is whole."""
        return [(p, max(0, (length - 1) * s + reach - n - p)) for n, length, reach, s, p, _ in self._axes(size)]

    def _leading(self, xp: Any, sums: Any, spikes: Any) -> Any:
        """The spikes of the leading unit of each window; a border of -inf never leads."""
        (h, w), (sh, sw), (dh, dw) = self._lengths(sums.shape[2:]), self.stride, self.dilation
        best = y = None
        for i, j in itertools.product(range(self.kernel[0]), range(self.kernel[1])):
            # the unit at (i, j) of all windows at once
            at = (..., slice(i * dh, i * dh + (h - 1) * sh + 1, sh), slice(j * dw, j * dw + (w - 1) * sw + 1, sw))
            c, x = sums[at], spikes[at]
            if best is None:
                best, y = c, x
                continue
            leads = (c > best) | ((c == best) & (x > y))
            best, y = xp.where(leads, c, best), xp.where(leads, x, y)
        return y

    def _lengths(self, padded: Any) -> list[int]:
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]
        return [(n - r) // s + 1 for n, r, s in zip(padded, reach, self.stride, strict=True)]

    def macs(self, source: tuple[int, ...], target: tuple[int, ...]) -> int:
        return int(np.prod(source))  # one addition each

    def settings(self) -> str:
        return super().settings() + ("" if self.rule == "leader" else f", rule={self.rule!r}")


class LIPool2d(CumulativeMaxPool2d):
    """c = c + x;  y = max of the window's c;  c = c - y for all its units (lateral inhibition): max pooling exact at any T.

    All units of a window lose the same, so c is their sum of x less that of y, and y is the increment of the largest sum: it
    is computed as such, and equals CumulativeMaxPool2d. Units at the border that no window covers keep their c and are never
    read. A unit of two windows would be inhibited twice, so windows may not overlap; nor be padded or dilated.
    Raises SpecError. Source: Li & Zeng 2022, LIPooling; BrainCog's works for windows of 2 x 2 on even sizes alone.
    """

    key = "li_pool"

    def __init__(
        self,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        *,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        ceil: bool = False,
    ):
        super().__init__(kernel, stride, padding=padding, dilation=dilation, ceil=ceil)
        if any(s < k for s, k in zip(self.stride, self.kernel, strict=True)):
            raise SpecError(
                f"{self!r} at {declared_at()}: lateral inhibition needs windows that do not overlap, stride >= kernel. "
                "CumulativeMaxPool2d gives the same values for any window"
            )
        if any(self.padding) or self.dilation != (1, 1):
            raise SpecError(
                f"{self!r} at {declared_at()}: lateral inhibition is defined without padding and dilation. "
                "CumulativeMaxPool2d takes both"
            )
