"""Batch statistics over several processes, whose gradient reaches all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# A plain name and no context variable: a backward pass that computes values again runs in other threads.
_group: list[Any] = []


@contextmanager
def joint_statistics(group: Any) -> Iterator[None]:
    """While this is open, batch normalisation in training takes its statistics over all processes of a torch group.

    All of them must run the same network, each on its own part of the batch.
    """
    _group.append(group)
    try:
        yield
    finally:
        _group.pop()


def joint_group() -> Any:
    """The group whose processes share statistics; None where each has its own."""
    return _group[-1] if _group else None


def joint_batch_norm(
    x: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None, eps: float, group: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """y = (x - mean) / sqrt(var + eps) * weight + bias with the mean and variance of all processes.

    ``x`` is [parts, B, C, ...] and each part has statistics of its own; B may differ between processes. Returns y, mean
    and biased variance [parts, C] and the number of values behind each. One exchange forward, one backward:
    mean = sum_r n_r m_r / n,  var = sum_r n_r (v_r + (m_r - mean)^2) / n.
    """
    return _function().apply(x, weight, bias, eps, group)  # type: ignore[no-any-return]


def _function() -> Any:
    """The autograd function, made on first use: this package is imported where torch is not."""
    global _made
    if _made is None:
        _made = _make()
    return _made


_made: Any = None


def _make() -> Any:
    import torch
    import torch.distributed as dist

    def along(a: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """[parts, C] or [C] shaped to meet x [parts, B, C, ...]."""
        rows = a if a.ndim == 2 else a[None]
        return rows.reshape(rows.shape[0], 1, rows.shape[1], *[1] * (x.ndim - 3))

    class JointBatchNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, weight: Any, bias: Any, eps: float, group: Any) -> Any:
            wide = x.float() if x.dtype.itemsize < 4 else x
            axes = [a for a in range(x.ndim) if a not in (0, 2)]
            var, mean = torch.var_mean(wide, axes, correction=0)
            own = torch.full((1,), x.numel() // (x.shape[0] * x.shape[2]), dtype=mean.dtype, device=x.device)
            packed = torch.cat([own, mean.reshape(-1), var.reshape(-1)])
            every = [torch.empty_like(packed) for _ in range(dist.get_world_size(group))]
            dist.all_gather(every, packed, group=group)
            table = torch.stack(every)
            counts = table[:, 0]
            means, variances = table[:, 1:].reshape(len(every), 2, *mean.shape).unbind(1)
            count = counts.sum()
            share = (counts / count).reshape(-1, 1, 1)
            mean = (share * means).sum(0)
            var = (share * (variances + (means - mean).square())).sum(0)
            scale = torch.rsqrt(var + eps)
            hat = (wide - along(mean, x)) * along(scale, x)
            y = hat if weight is None else hat * along(weight, x) + along(bias, x)
            ctx.save_for_backward(x, weight, mean, scale, count)
            ctx.group, ctx.axes = group, axes
            ctx.mark_non_differentiable(mean, var, count)
            ctx.set_materialize_grads(False)
            return y.to(x.dtype), mean, var, count

        @staticmethod
        def backward(ctx: Any, grad: Any, *_: Any) -> Any:
            x, weight, mean, scale, count = ctx.saved_tensors
            g = grad.float() if grad.dtype.itemsize < 4 else grad
            wide = x.float() if x.dtype.itemsize < 4 else x
            hat = (wide - along(mean, x)) * along(scale, x)
            totals = torch.stack([g.sum(ctx.axes), (g * hat).sum(ctx.axes)])  # [2, parts, C]
            own = totals.sum(1)
            dist.all_reduce(totals, group=ctx.group)
            first, second = totals / count
            factor = along(scale, x) if weight is None else along(scale, x) * along(weight, x)
            dx = factor * (g - along(first, x) - hat * along(second, x))
            affine = (None, None) if weight is None else (own[1].to(weight.dtype), own[0].to(weight.dtype))
            return dx.to(x.dtype), *affine, None, None

    return JointBatchNorm
