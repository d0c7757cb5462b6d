"""The step as torch code: runs on any device and differentiates with autograd. The fallback that always works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from math import copysign
from typing import Any

import torch
from torch import Tensor

from neurograph.errors import BackendError
from neurograph.expr.emit import lines
from neurograph.expr.expand import expand
from neurograph.expr.value import Trace, Value
from neurograph.kernels.scan import Scan

_NAMES = {torch.float32: "float32", torch.float64: "float64"}


def refuse_second_derivative() -> None:
    """Raise where autograd wants a gradient of the gradient: surrogate slopes have none."""
    if torch.is_grad_enabled():  # in a backward pass only with create_graph=True
        raise BackendError(
            "create_graph=True asks for second derivatives, which surrogate gradients do not have. "
            "Leave it out, or put the penalty on something that is not behind a spiking population"
        )


class _CustomGradient(torch.autograd.Function):
    """y, with the slopes given by hand: pairs (u, dy/du) follow it."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, *pairs: Tensor) -> Tensor:
        ctx.shapes = [u.shape for u in pairs[::2]]
        ctx.save_for_backward(*pairs[1::2])
        return y.clone()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        refuse_second_derivative()
        out: list[Tensor | None] = [None]
        for slope, shape in zip(ctx.saved_tensors, ctx.shapes, strict=True):
            out += [(g * slope).sum_to_size(shape), None]
        return tuple(out)


def _custom_gradient(y: Tensor, *pairs: Tensor) -> Tensor:
    if not pairs or not torch.is_grad_enabled():
        return y.detach() if not pairs else y
    return _CustomGradient.apply(y.detach(), *(p if k % 2 == 0 else p.detach() for k, p in enumerate(pairs)))


def _pow2(shifted: Tensor) -> Tensor:
    if shifted.dtype == torch.float32:
        return ((shifted.view(torch.int32) + 127) << 23).view(torch.float32)
    return ((shifted.view(torch.int64) + 1023) << 52).view(torch.float64)


@cache
def _constant(number: float, sign: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """A constant of a step; `sign` tells 0.0 and -0.0 apart, which are equal as keys."""
    with torch.inference_mode(False):  # kept for later calls, which may train
        return torch.tensor(number, dtype=dtype, device=device)


_SLOPES: dict[str, Callable[[Tensor], Tensor]] = {
    "exp": lambda y: y,
    "sigmoid": lambda y: y * (1.0 - y),
    "tanh": lambda y: 1.0 - y * y,
}


class _Composite(torch.autograd.Function):
    """exp, sigmoid or tanh by NeuroGraph's own arithmetic, with the textbook gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, name: str) -> Tensor:
        y = _composite_code(name, _NAMES[x.dtype])(x)
        ctx.name = name
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (y,) = ctx.saved_tensors
        return g * _SLOPES[ctx.name](y), None


@cache
def _composite_code(name: str, dtype: str) -> Callable[[Tensor], Tensor]:
    trace = Trace()
    code = step_code({"y": trace.add(name, trace.leaf("x"))}, dtype)
    return lambda x: code({"x": x}, x.dtype, x.device)["y"]


def step_code(results: Mapping[str, Value], dtype: str | None = None) -> Callable[..., dict[str, Tensor]]:
    """Compile `results` to a torch function of a dict of leaves; composites stay calls unless dtype is given."""
    source = source_of(results, dtype)
    space: dict[str, Any] = {
        "torch": torch,
        "pow2": _pow2,
        "custom_gradient": _custom_gradient,
        **{name: (lambda x, name=name: _Composite.apply(x, name)) for name in _SLOPES},
    }
    exec(compile(source, "<neurograph step>", "exec"), space)
    run = space["step"]

    def call(leaves: Mapping[str, Tensor], dtype: torch.dtype, device: torch.device) -> dict[str, Tensor]:
        return run(leaves, lambda x: _constant(x, copysign(1.0, x), dtype, device))  # type: ignore[no-any-return]

    return call


def source_of(results: Mapping[str, Value], dtype: str | None = None) -> str:
    """The torch text of a step."""
    keep_rules = dtype is None
    expanded = dict(results) if dtype is None else expand(dict(results), dtype)
    trace = next(iter(expanded.values())).trace
    names = {str(v.attr): f"leaf[{str(v.attr)!r}]" for v in trace.values if v.op == "leaf"}
    text, value = lines(expanded, "torch", names, with_gradient_rules=keep_rules)
    body = "".join(f"    {line}\n" for line in text)
    pairs = ", ".join(f"{n!r}: {t}" for n, t in value.items())
    return f"def step(leaf, const):\n{body}    return {{{pairs}}}\n"


class EagerScan:
    """Steps a scan through time with torch operators."""

    def __init__(self, scan: Scan):
        self.scan = scan
        results = {f"next_{n}": v for n, v in scan.next_states.items()}
        results |= {f"out_{n}": v for n, v in scan.results.items()}
        self.source = source_of(results)
        self._step = step_code(results)

    def __call__(
        self,
        steps: int,
        inputs: Mapping[str, Tensor],
        uniforms: Mapping[str, Tensor],
        states: Mapping[str, Tensor],
        record: tuple[str, ...] = (),
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
        """Outputs [T, N, ...], final states, and recorded values [T, N, ...]; static inputs are [1, N, ...]."""
        scan = self.scan
        some = next(iter((*states.values(), *inputs.values())))
        device, dtype, shape = some.device, some.dtype, some.shape if states else some.shape[1:]
        if not scan.states:  # the same function of each step
            result = self._step({**uniforms, **inputs}, dtype, device)
            made = {n: result[f"out_{n}"].expand(steps, *shape) for n in (*scan.outputs, *record)}
            return {n: made[n] for n in scan.outputs}, {}, {n: made[n].detach() for n in record}
        held = dict(states)
        kept: dict[str, list[Tensor]] = {n: [] for n in (*scan.outputs, *(f"rec_{r}" for r in record))}
        parted = {n: x.unbind() for n, x in inputs.items()}  # once: the gradient of each x[t] would be as large as x
        for t in range(steps):
            now = {n: xs[t if len(xs) > 1 else 0] for n, xs in parted.items()}
            result = self._step({**uniforms, **held, **now}, dtype, device)
            held = {n: result[f"next_{n}"] for n in scan.states}
            for n in scan.outputs:
                kept[n].append(result[f"out_{n}"])
            for n in record:
                kept[f"rec_{n}"].append((held[n] if n in held else result[f"out_{n}"]).detach())
        stacked = {n: torch.stack([x.expand(shape) for x in xs]) for n, xs in kept.items()}
        outputs = {n: stacked[n] for n in scan.outputs}
        return outputs, held, {n: stacked[f"rec_{n}"] for n in record}


def prologue_code(scan: Scan) -> Callable[[Mapping[str, Tensor]], dict[str, Tensor]]:
    """The uniforms of a scan from its parameters, differentiable."""
    if not scan.prologue:
        return lambda params: {}
    plain = {n for n, v in scan.prologue.items() if v.op == "leaf"}
    computed = {n: v for n, v in scan.prologue.items() if n not in plain}
    code = step_code(computed) if computed else None

    def run(params: Mapping[str, Tensor]) -> dict[str, Tensor]:
        uniforms = {n: params[str(scan.prologue[n].attr)] for n in plain}
        if code is not None:
            some = next(iter(params.values()))
            uniforms |= code(params, some.dtype, some.device)
        return {n: uniforms[n] for n in scan.uniforms}

    return run
