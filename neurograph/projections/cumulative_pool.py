"""CumulativeMaxPool2d: a max pool that is right over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.projections.operator import Array, Run
from neurograph.projections.pool import MaxPool2d

if TYPE_CHECKING:
    import torch


class CumulativeMaxPool2d(MaxPool2d):
    """c_t = c_{t-1} + x_t;  y_t = max(c_t) - max(c_{t-1}): over time, y has the mean of the largest mean.

    The maximum of each step, taken alone, is biased: mean_t max_i x_i(t) >= max_i mean_t x_i(t), by half the value in
    practice and for any T. Pools on currents and on spikes alike. Where the input does not change it is the plain maximum.
    Source: the increments of a maximum, as in Incremental(f) of SpikeZIP-TF; on spikes it equals LIPool (Li & Zeng 2022).
    """

    key = "cumulative_max_pool"

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        import torch

        memory = run.memory
        if constant_so_far(memory, x, run, torch.equal):
            return super().torch(x, w, run)
        x = x.view(run.steps, run.batch, *x.shape[1:])
        if x.shape[0] == 1 and run.repeats > 1:
            x = x.expand(run.repeats, *x.shape[1:])
        if torch.is_grad_enabled() and x.requires_grad:
            total = torch.cat([memory.get("total", torch.zeros_like(x[0]))[None], x]).cumsum(0)
            peak = super().torch(total.flatten(0, 1), w, run)
            memory["total"] = total[-1]
            return peak.view(len(total), -1, *peak.shape[1:]).diff(dim=0).flatten(0, 1)
        # step by step the sums stay in cache, which is several times faster than a sum over all steps
        total = memory["total"].clone() if "total" in memory else torch.zeros_like(x[0])
        last = super().torch(total, w, run)
        out = last.new_empty((len(x), *last.shape))
        alone = self.kernel == (1, 1)  # the maximum is a view of the sums
        for t, now in enumerate(x):
            total = total + now if alone else total.add_(now)
            peak = super().torch(total, w, run)
            torch.sub(peak, last, out=out[t])
            last = peak
        memory["total"] = total
        return out.flatten(0, 1)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        memory = run.memory
        if constant_so_far(memory, x, run, np.array_equal):
            return super().numpy(x, w, run)
        x = x.reshape(run.steps, run.batch, *x.shape[1:])
        if x.shape[0] == 1 and run.repeats > 1:
            x = np.broadcast_to(x, (run.repeats, *x.shape[1:]))
        total = memory["total"].copy() if "total" in memory else np.zeros_like(x[0])
        last = super().numpy(total, w, run)
        out = []
        for now in x:
            total += now
            peak = super().numpy(total, w, run)
            out.append(peak - last)
            last = peak
        memory["total"] = total
        return np.concatenate(out)

    def macs(self, source: tuple[int, ...], target: tuple[int, ...]) -> int:
        return int(np.prod(source))  # one addition each


def constant_so_far(memory: dict[str, Any], x: Any, run: Run, equal: Any) -> bool:
    """Whether all steps up to now had the same input: then so have all maxima, and no sums are needed."""
    if "total" in memory:
        return False
    known = memory.get("input")
    if run.steps == 1 and run.repeats > 1 and (known is None or equal(known, x)):
        if known is None:  # a copy, as x may be the caller's own array, or room that is used again
            memory["input"] = x.clone() if hasattr(x, "clone") else x.copy()
        memory["steps"] = memory.get("steps", 0) + run.repeats
        return True
    if known is not None:  # it changes now: the sum of the steps before, which were all alike
        memory["total"] = memory.pop("input") * memory.pop("steps")
    return False
