"""Batch normalisation over time: which values share one mean is part of the declaration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.errors import SpecError, declared_at
from neurograph.projections.joint_statistics import joint_batch_norm, joint_group
from neurograph.projections.operator import Array, Operator, Remake, Run, Weight, filled
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class BatchNorm(Operator):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, per channel (the first axis).

    In training the statistics are those of the batch: over all T*N samples at once (`stats="sequence"`) or
    of each step on its own (`stats="step"`). Running statistics follow with `momentum`, once per sequence or
    once per step, and are used in evaluation. A static input stands for T equal steps, with the same result.
    `weight` and `bias` are what those of all channels begin with. Where several processes train one network (`joint_statistics`), the batch is that of all of them.
    """

    key = "batch_norm"
    linear = True

    def __init__(
        self,
        *,
        stats: str = "sequence",
        eps: float = 1e-5,
        momentum: float = 0.1,
        weight: float = 1.0,
        bias: float = 0.0,
        affine: bool = True,
    ):
        if stats not in ("sequence", "step"):
            raise SpecError(f"BatchNorm(stats={stats!r}) at {declared_at()}: choose 'sequence' (over T*N) or 'step'")
        if not eps > 0 or not 0 <= momentum <= 1:
            raise SpecError(
                f"BatchNorm(eps={eps}, momentum={momentum}) at {declared_at()}: eps > 0, 0 <= momentum <= 1"
            )
        self.stats, self.eps, self.momentum = stats, eps, momentum
        self.weight, self.bias, self.affine = weight, bias, affine

    @property
    def pointwise_in_time(self) -> bool:  # type: ignore[override]
        return self.stats == "step"

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        return source

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        shape = (source[0],)
        out: dict[str, Weight] = {}
        if self.affine:
            out |= {"weight": Weight(shape, filled(self.weight)), "bias": Weight(shape, filled(self.bias))}
        out["running_mean"] = Weight(shape, filled(0.0), buffer=True)
        out["running_var"] = Weight(shape, filled(1.0), buffer=True)
        return out

    def _parts(self, run: Run) -> int:
        return run.steps if self.stats == "step" and run.training else 1

    def _follow(self, run: Run, count: int) -> tuple[float, float]:
        """Momentum and the factor on the biased variance, with a static input counted `repeats` times."""
        if self.stats == "step":
            return 1.0 - (1.0 - self.momentum) ** run.repeats, count / max(1, count - 1)
        total = count * run.repeats
        return self.momentum, total / max(1, total - 1)

    def remake(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> Remake | None:
        """The output again from the input, which the gradient of the normalisation keeps anyway."""
        from torch.nn.functional import batch_norm

        if not run.training or self._parts(run) > 1 or joint_group() is not None:
            return None  # with joint statistics: computing again would mean exchanging again
        affine = (w["weight"].detach(), w["bias"].detach()) if self.affine else ()

        def again(held: torch.Tensor, *affine: torch.Tensor) -> torch.Tensor:
            weight, bias = affine or (None, None)
            return batch_norm(held, None, None, weight, bias, True, 0.0, self.eps)

        return (x.detach(), *affine), again

    def _joint(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        """As `torch` in training, with the statistics of all processes; steps have one exchange together."""
        parts = x.unflatten(0, (self._parts(run), -1))
        y, means, variances, values = joint_batch_norm(parts, w.get("weight"), w.get("bias"), self.eps, joint_group())
        total = values if self.stats == "step" else values * run.repeats  # a tensor: reading it would wait for a GPU
        momentum, unbiased = self._follow(run, 2)[0], total / (total - 1).clamp(min=1)
        mean, var = w["running_mean"], w["running_var"]
        for m, v in zip(means, variances, strict=True):
            mean.lerp_(m.to(mean.dtype), momentum)
            var.lerp_(v.to(var.dtype) * unbiased, momentum)
        return y.flatten(0, 1)

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        import torch
        from torch.nn.functional import batch_norm

        mean, var = w["running_mean"], w["running_var"]
        if not run.training:
            return batch_norm(x, mean, var, w.get("weight"), w.get("bias"), False, 0.0, self.eps)
        if joint_group() is not None:
            return self._joint(x, w, run)
        self._check(x.numel() // x.shape[1])
        if run.repeats == 1:
            parts = x.chunk(self._parts(run)) if self._parts(run) > 1 else (x,)
            done = [
                batch_norm(p, mean, var, w.get("weight"), w.get("bias"), True, self.momentum, self.eps) for p in parts
            ]
            return done[0] if len(done) == 1 else torch.cat(done)
        y = batch_norm(x, None, None, w.get("weight"), w.get("bias"), True, 0.0, self.eps)
        with torch.no_grad():
            axes = [a for a in range(x.dim()) if a != 1]
            momentum, unbiased = self._follow(run, x.numel() // x.shape[1])
            v, m = torch.var_mean(x.float() if x.dtype.itemsize < 4 else x, axes, correction=0)
            mean.lerp_(m.to(mean.dtype), momentum)
            var.lerp_(v.to(var.dtype) * unbiased, momentum)
        return y

    def _check(self, values: int) -> None:
        if values < 2:
            raise SpecError("BatchNorm in training needs more than one value per channel; use a larger batch")

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        if not run.training:
            return self._normalise(x, w["running_mean"], w["running_var"], w)
        axes = tuple(a for a in range(x.ndim) if a != 1)
        done = []
        for part in np.split(x, self._parts(run)):
            count = part.size // part.shape[1]
            self._check(count)
            mean, var = part.mean(axes), part.var(axes)
            momentum, unbiased = self._follow(run, count)
            w["running_mean"][...] += momentum * (mean - w["running_mean"])
            w["running_var"][...] += momentum * (var * unbiased - w["running_var"])
            done.append(self._normalise(part, mean, var, w))
        return np.concatenate(done)

    def _normalise(self, x: Array, mean: Array, var: Array, w: Mapping[str, Array]) -> Array:
        def along(a: Any) -> Array:
            return np.asarray(a, x.dtype).reshape((1, -1) + (1,) * (x.ndim - 2))

        y = (x - along(mean)) / np.sqrt(along(var) + x.dtype.type(self.eps))
        return y * along(w["weight"]) + along(w["bias"]) if self.affine else y

    def macs(self, source: Shape, target: Shape) -> int:
        return int(np.prod(source))

    def settings(self) -> str:
        return f'stats="{self.stats}"'
