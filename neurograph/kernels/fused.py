"""A fused scan as one differentiable torch operation, over any dense layout with T outermost."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from neurograph.kernels import workspace
from neurograph.kernels.cpu import CpuKernel
from neurograph.kernels.eager import refuse_second_derivative
from neurograph.kernels.scan import Scan


class Engine(Protocol):
    """Runs a scan's kernels on flat tensors [T, M] of one memory order (CPU here, Triton on a GPU)."""

    def source(self) -> str: ...

    def forward(
        self,
        steps: int,
        inputs: Mapping[str, Tensor],
        uniforms: Mapping[str, Tensor],
        states: Mapping[str, Tensor | float],
        outputs: Mapping[str, Tensor],
        final: Mapping[str, Tensor],
        recorded: Mapping[str, Tensor],
    ) -> None: ...

    def backward(
        self,
        steps: int,
        inputs: Mapping[str, Tensor],
        uniforms: Mapping[str, Tensor],
        states: Mapping[str, Tensor | float],
        output_gradients: Mapping[str, Tensor],
        final_gradients: Mapping[str, Tensor],
        input_gradients: Mapping[str, Tensor],
        state_gradients: Mapping[str, Tensor],
        learned: frozenset[str],
    ) -> dict[str, Tensor]: ...


class CpuEngine:
    """The Numba kernels on the tensors' own memory; 16-bit storage is computed in float32."""

    def __init__(self, scan: Scan, dtype: str, rows: frozenset[str], static: frozenset[str], record: tuple[str, ...]):
        self.kernel = CpuKernel(scan, dtype, rows, static, frozenset(), record)
        self._learning: dict[frozenset[str], CpuKernel] = {}

    def source(self) -> str:
        """The Numba text: the forward kernel's module and that of the backward kernel."""
        return f"{self.kernel.forward_source.text}\n\n{self.kernel.backward_source.text}"

    def learning(self, learned: frozenset[str]) -> CpuKernel:
        if learned not in self._learning:
            self._learning[learned] = replace(self.kernel, learned=learned)
        return self._learning[learned]

    def forward(
        self,
        steps: int,
        inputs: Mapping[str, Tensor],
        uniforms: Mapping[str, Tensor],
        states: Mapping[str, Tensor | float],
        outputs: Mapping[str, Tensor],
        final: Mapping[str, Tensor],
        recorded: Mapping[str, Tensor],
    ) -> None:
        self.kernel.forward(steps, inputs, uniforms, states, outputs, final=final, recorded=recorded)

    def backward(
        self,
        steps: int,
        inputs: Mapping[str, Tensor],
        uniforms: Mapping[str, Tensor],
        states: Mapping[str, Tensor | float],
        output_gradients: Mapping[str, Tensor],
        final_gradients: Mapping[str, Tensor],
        input_gradients: Mapping[str, Tensor],
        state_gradients: Mapping[str, Tensor],
        learned: frozenset[str],
    ) -> dict[str, Tensor]:
        sums = self.learning(learned).backward(
            steps,
            inputs,
            uniforms,
            states,
            output_gradients,
            final_gradients,
            input_gradients,
            state_gradients=state_gradients,
        )
        return {n: torch.from_numpy(a) if a.ndim else torch.tensor(a[()]) for n, a in sums.items()}


class Call(NamedTuple):
    """One use of a fused scan: what varies from call to call besides the tensors."""

    engine: Engine
    scan: Scan
    steps: int
    rows: frozenset[str]
    static: frozenset[str]
    shape: torch.Size  # of a state: [N, *population]
    strides: tuple[int, ...]  # the memory order all tensors share
    contiguous: bool  # whether that order is the plain one
    numbers: dict[str, float]  # states that start from one number
    keep_states: bool
    record: tuple[str, ...]
    # inputs that the backward pass computes again: from which tensors, and how
    remake: dict[str, tuple[tuple[Any, ...], Callable[..., Tensor]]]
    names: tuple[str, ...]  # of the tensors, in order: see tensor_names
    only_saves: bool = False  # nobody reads what it computes: it runs for what it keeps


class FusedScan(torch.autograd.Function):
    """outputs, final states and recordings = scan(inputs, uniforms, states); saves only its inputs."""

    @staticmethod
    def forward(ctx: Any, call: Call, *tensors: Tensor) -> tuple[Tensor, ...]:
        made, final, kept = _results(call, tensors)
        again = {f"in_{n}": sources for n, (sources, _) in call.remake.items()}
        saved = [None if n in again else t for n, t in zip(call.names, tensors, strict=True)]
        ctx.save_for_backward(*saved, *(t for sources in again.values() for t in sources))
        ctx.call = call._replace(remake={n: ((None,) * len(s), f) for n, (s, f) in call.remake.items()})
        ctx.like = tensors[0].dtype
        ctx.mark_non_differentiable(*kept)
        ctx.set_materialize_grads(False)
        return (*made, *final, *kept)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        refuse_second_derivative()
        call: Call = ctx.call
        scan = call.scan
        tensors = _remade(call, ctx.saved_tensors, ctx.like)
        inputs, uniforms, states = _split(call, tensors)
        like, count = tensors[0], len(scan.outputs)
        output_gradients = {
            n: _flat(call, _empty(call, call.steps, like).zero_() if g is None else g)
            for n, g in zip(scan.outputs, grads[:count], strict=True)
        }
        final_gradients = {}
        if call.keep_states:
            pairs = zip(scan.states, grads[count : count + len(scan.states)], strict=True)
            final_gradients = {n: _flat(call, g[None])[0] for n, g in pairs if g is not None}
        wanted = dict(zip(("", *call.names), ctx.needs_input_grad, strict=True))
        # made in their final shape: a gradient that is a view of something would be copied once more
        into_inputs = {n: _empty(call, 1 if n in call.static else call.steps, like) for n in scan.inputs}
        started = [n for n in scan.states if n not in call.numbers]
        into_states = {n: _empty(call, None, like) for n in started if wanted[f"start_{n}"]}
        learned = frozenset(n for n in scan.uniforms if wanted[f"par_{n}"] and n in scan.backward)
        sums = call.engine.backward(
            call.steps, inputs, uniforms, states, output_gradients, final_gradients,
            {n: _flat(call, t) for n, t in into_inputs.items()},
            {n: _flat(call, t[None])[0] for n, t in into_states.items()},
            learned,
        )  # fmt: skip
        result: list[Tensor | None] = [None, *(into_inputs[n] for n in scan.inputs)]
        for n in scan.uniforms:
            g = sums.get(n)
            result.append(g.as_strided(call.shape, call.strides) if g is not None and n in call.rows else g)
        return (*result, *(into_states.get(n) for n in started))


def _results(call: Call, tensors: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Outputs, final states where they are kept, and what is recorded."""
    like, states = tensors[0], [n for n in call.scan.states if call.keep_states]
    if call.only_saves:
        return [like.new_zeros(()) for _ in call.scan.outputs], [like.new_zeros(()) for _ in states], []
    inputs, uniforms, starts = _split(call, tensors)
    made = [_empty(call, call.steps, like) for _ in call.scan.outputs]
    final = [_empty(call, None, like) for _ in states]
    kept = [_empty(call, call.steps, like) for _ in call.record]
    call.engine.forward(
        call.steps, inputs, uniforms, starts,
        {n: _flat(call, t) for n, t in zip(call.scan.outputs, made, strict=True)},
        {n: _flat(call, t[None])[0] for n, t in zip(states, final, strict=True)},
        {n: _flat(call, t) for n, t in zip(call.record, kept, strict=True)},
    )  # fmt: skip
    return made, final, kept


def _empty(call: Call, steps: int | None, like: Tensor) -> Tensor:
    """Room for [T, N, ...], or for one state [N, ...], which is never kept in 16 bits, in the call's memory order."""
    if steps is None:
        dtype = torch.float32 if like.dtype.itemsize < 4 else like.dtype
        return workspace.empty(tuple(call.shape), call.strides, dtype, like.device)
    return workspace.empty((steps, *call.shape), (call.shape.numel(), *call.strides), like.dtype, like.device)


def _remade(call: Call, saved: tuple[Tensor, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """The tensors of a call, those that were not kept computed again from their sources."""
    tensors, sources = list(saved[: len(call.names)]), iter(saved[len(call.names) :])
    for name, (places, function) in call.remake.items():
        made = function(*(next(sources) for _ in places))
        tensors[call.names.index(f"in_{name}")] = made.to(dtype)
    return tuple(tensors)


def tensor_names(scan: Scan, numbers: Container[str]) -> tuple[str, ...]:
    """What the tensors of a call are: inputs, uniforms, and the states that do not start from one number."""
    starts = [f"start_{n}" for n in scan.states if n not in numbers]
    return (*(f"in_{n}" for n in scan.inputs), *(f"par_{n}" for n in scan.uniforms), *starts)


def _split(
    call: Call, tensors: tuple[Tensor, ...]
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor | float]]:
    by_name = dict(zip(call.names, tensors, strict=True))
    inputs = {n: _flat(call, by_name[f"in_{n}"]) for n in call.scan.inputs}
    uniforms = {
        n: _flat(call, by_name[f"par_{n}"][None])[0] if n in call.rows else by_name[f"par_{n}"]
        for n in call.scan.uniforms
    }
    states: dict[str, Tensor | float] = dict(call.numbers)
    for n in call.scan.states:
        if n not in call.numbers:
            states[n] = _flat(call, by_name[f"start_{n}"][None])[0]
    return inputs, uniforms, states


def dense_strides(tensor: Tensor) -> tuple[int, ...]:
    """The memory order of x[0] if it is dense (channels_last is), else that of a contiguous tensor."""
    inner = tensor[0] if tensor.shape[0] else tensor.new_empty(tensor.shape[1:])
    return inner.stride() if workspace.dense(inner) else inner.new_empty(inner.shape).stride()


def _flat(call: Call, x: Tensor) -> Tensor:
    """[T, N, ...] as [T, M] in the call's memory order; copied only where it lies otherwise."""
    size = call.shape.numel()
    if call.contiguous and x.is_contiguous():  # the usual case, and the quickest to see
        return x.view(x.shape[0], size)
    if _lies(x, call.strides, size):
        return x.as_strided((x.shape[0], size), (size, 1))
    copy = torch.empty_strided((x.shape[0], *call.shape), (size, *call.strides), dtype=x.dtype, device=x.device)
    copy.copy_(x)
    return copy.as_strided((x.shape[0], size), (size, 1))


def _lies(x: Tensor, strides: tuple[int, ...], size: int) -> bool:
    if x.shape[0] != 1 and x.stride(0) != size:
        return False
    return all(a == b or n == 1 for a, b, n in zip(x.stride()[1:], strides, x.shape[1:], strict=True))
