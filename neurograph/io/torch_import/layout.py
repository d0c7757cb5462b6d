"""What a torch module only rearranges or averages: views, permutations, parts, pools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurograph.io.torch_import.call import Call
from neurograph.io.torch_import.flow import Flow
from neurograph.io.torch_import.trace import Made
from neurograph.projections.arrange import Pad, Permute, Select
from neurograph.projections.mean_over import MeanOver
from neurograph.projections.operator import Operator
from neurograph.projections.pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d


def same(call: Call, input: Flow, *args: Any, **kwargs: Any) -> Flow:
    return input


def view(call: Call, input: Flow, *args: Any, **kwargs: Any) -> Flow:
    return call.reshaped(input, call.shape)


def expand(call: Call, input: Flow, *args: Any, **kwargs: Any) -> Flow:
    return call.spread(input, call.shape)


def permute(call: Call, input: Flow, *dims: Any) -> Flow:
    given = dims[0] if len(dims) == 1 and isinstance(dims[0], tuple | list) else dims
    axes = len(input.shape)
    order = [d + axes + 1 if d < 0 else d for d in given]
    if order[0] != 0:
        call.fail("moves the batch away from the first axis", "Keep the batch first")
    return _ordered(call, input, [d - 1 for d in order[1:]])


def transpose(call: Call, input: Flow, dim0: int, dim1: int) -> Flow:
    a, b = call.axis(dim0, len(input.shape)), call.axis(dim1, len(input.shape))
    order = list(range(len(input.shape)))
    order[a], order[b] = b, a
    return _ordered(call, input, order)


def _ordered(call: Call, input: Flow, order: list[int]) -> Flow:
    return input if order == sorted(order) else call.rearranged(input, Permute(*order))


def attribute(call: Call, input: Flow, name: str) -> Flow:
    if name == "mT":
        return transpose(call, input, -2, -1)
    if name == "data":
        return input
    call.fail(f"reads the attribute {name!r}", "Use transpose or permute")


def getitem(call: Call, input: Any, index: Any) -> Any:
    if isinstance(input, tuple):
        return input[index]
    wanted = list(index) if isinstance(index, tuple) else [index]
    known = sum(1 for i in wanted if i is not None and i is not Ellipsis)
    if Ellipsis in wanted:
        k = wanted.index(Ellipsis)
        wanted[k : k + 1] = [slice(None)] * (len(input.shape) + 1 - known)
    if not wanted or wanted[0] != slice(None):
        call.fail(f"[{index!r}] chooses among the samples of the batch", "Begin with a colon: x[:, ...]")
    flow, axis = input, 0
    for i in wanted[1:]:
        if i is None:
            continue
        if not isinstance(i, int | slice) or (isinstance(i, slice) and (i.step or 1) < 1):
            call.fail("chooses by an array or a list", "Only numbers and slices that go forward are imported")
        if i != slice(None):
            flow = call.rearranged(flow, Select(axis, i))
        axis += isinstance(i, slice)
    return call.reshaped(flow, call.shape)  # axes put in by None


def chunks(call: Call, input: Flow, *args: Any, dim: int | None = None, **kwargs: Any) -> tuple[Flow, ...]:
    """chunk, split and tensor_split: slices one after the other, as long as they are for the example."""
    found = dim if dim is not None else args[1] if len(args) > 1 else 0
    axis, at, out = call.axis(found, len(input.shape)), 0, []
    input = call.settled(input)
    for made in _several(call):
        out.append(call.rearranged(input, Select(axis, slice(at, at + made.shape[axis]))))
        at += made.shape[axis]
    return tuple(out)


def unbind(call: Call, input: Flow, dim: int = 0) -> tuple[Flow, ...]:
    axis = call.axis(dim, len(input.shape))
    input = call.settled(input)
    return tuple(call.rearranged(input, Select(axis, k)) for k in range(len(_several(call))))


def _several(call: Call) -> tuple[Made, ...]:
    return call.traced.facts[call.node]  # type: ignore[no-any-return]


def select(call: Call, input: Flow, dim: int, index: int) -> Flow:
    return call.rearranged(input, Select(call.axis(dim, len(input.shape)), index))


def narrow(call: Call, input: Flow, dim: int, start: int, length: int) -> Flow:
    return call.rearranged(input, Select(call.axis(dim, len(input.shape)), slice(start, start + length)))


def mean(call: Call, input: Flow, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Flow:
    if dim is None:
        call.fail("takes the mean over the batch, too", "Give the axes: mean((2, 3))")
    axes = sorted(call.axis(d, len(input.shape)) for d in ([dim] if isinstance(dim, int) else dim))
    if len(axes) == len(input.shape):
        input, axes = call.reshaped(input, (1, *input.shape)), [a + 1 for a in axes]
        if not call.shape:
            call.fail("leaves one number per sample without an axis", "Give keepdim=True")
    return call.reshaped(call.then(input, MeanOver(axes)), call.shape)


def total(call: Call, input: Flow, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Flow:
    averaged = mean(call, input, dim, keepdim)
    return call.scaled(averaged, _size(input.shape) / _size(averaged.shape))


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size


def pad(call: Call, input: Flow, pad: Any, mode: str = "constant", value: float | None = None) -> Flow:
    if mode != "constant" or value or min(pad) < 0:
        call.fail(
            f"pads with mode={mode!r}, value={value!r}, {pad}", "Pad with zeros, or by a Conv2d(padding_mode=...)"
        )
    sides = [(pad[k], pad[k + 1]) for k in range(0, len(pad), 2)][::-1]
    if len(sides) > len(input.shape):
        call.fail("pads the batch", "Leave it as it is")
    return call.rearranged(input, Pad(*[(0, 0)] * (len(input.shape) - len(sides)), *sides))


def avg_pool(
    call: Call, input: Flow, kernel_size: Any, stride: Any = None, padding: Any = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
) -> Flow:  # fmt: skip
    if divisor_override is not None:
        call.fail("has a divisor_override", "Use the mean of the window, and multiply what it gives")
    operator = AvgPool2d(
        _pair(call, kernel_size, 1), _pair(call, stride, 1) if stride else None, padding=_pair(call, padding, 0),
        ceil=ceil_mode, count_padding=count_include_pad,
    )  # fmt: skip
    return _pooled(call, input, operator)


def max_pool(
    call: Call, input: Flow, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Flow:  # fmt: skip
    if return_indices:
        call.fail("gives the places of the maxima, too", "Give return_indices=False")
    operator = MaxPool2d(
        _pair(call, kernel_size, 1), _pair(call, stride, 1) if stride else None, padding=_pair(call, padding, 0),
        dilation=_pair(call, dilation, 1), ceil=ceil_mode,
    )  # fmt: skip
    return _pooled(call, input, operator)


def adaptive_avg_pool(call: Call, input: Flow, output_size: Any) -> Flow:
    return _pooled(call, input, AdaptiveAvgPool2d(_sizes(call)))


def adaptive_max_pool(call: Call, input: Flow, output_size: Any, return_indices: bool = False) -> Flow:
    if return_indices or set(_sizes(call)) != {1}:
        call.fail(f"has the output size {output_size}", "Only one maximum per channel is imported: output size 1")
    height, width = (1, *input.shape[1:])[-2:]
    return _pooled(call, input, MaxPool2d((height, width)))


def _sizes(call: Call) -> tuple[int, int]:
    height, width = (1, *call.shape[1:])[-2:]
    return height, width


def _pair(call: Call, value: Any, other: int) -> tuple[int, int]:
    """Two sizes; of a pool in one dimension the first is that of an axis of length 1."""
    sizes = tuple(value) if isinstance(value, tuple | list) else (value,)
    if "1d" in call.traced.called(call.node).lower():
        return (other, sizes[0])
    return (sizes[0], sizes[-1])


def _pooled(call: Call, input: Flow, operator: Operator) -> Flow:
    if len(input.shape) == 2:  # one dimension: an image of height 1
        channels, length = input.shape
        done = call.then(call.reshaped(input, (channels, 1, length)), operator)
        return call.reshaped(done, (done.shape[0], done.shape[2]))
    return call.then(input, operator)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "view": view, "reshape": view, "flatten": view, "unflatten": view, "squeeze": view, "unsqueeze": view,
    "view_as": view, "reshape_as": view, "ravel": view,
    "contiguous": same, "clone": same, "detach": same, "float": same, "double": same, "to": same, "type_as": same,
    "type": same, "cpu": same, "cuda": same, "identity": same, "requires_grad": same,
    "expand": expand, "expand_as": expand, "broadcast_to": expand, "permute": permute, "transpose": transpose,
    "swapaxes": transpose, "swapdims": transpose, "getattr": attribute, "getitem": getitem,
    "chunk": chunks, "split": chunks, "tensor_split": chunks, "unbind": unbind, "select": select, "narrow": narrow,
    "mean": mean, "sum": total, "pad": pad,
    "avg_pool1d": avg_pool, "avg_pool2d": avg_pool, "max_pool1d": max_pool, "max_pool2d": max_pool,
    "adaptive_avg_pool1d": adaptive_avg_pool, "adaptive_avg_pool2d": adaptive_avg_pool,
    "adaptive_max_pool1d": adaptive_max_pool, "adaptive_max_pool2d": adaptive_max_pool,
}  # fmt: skip

VIEWS = frozenset({view, expand})  # what may be told the size of the batch
