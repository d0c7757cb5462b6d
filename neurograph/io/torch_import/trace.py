"""What a torch module computes, step by step: torch.fx for the steps, two runs of the example for what they give."""

from __future__ import annotations

import inspect
import operator
import os
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from neurograph.errors import GraphError
from neurograph.spec import Shape

_ASKS_SHAPE = frozenset(
    ["size", "dim", "ndimension", "numel", "nelement", "new_zeros", "new_ones", "new_full", "is_floating_point"]
)
_ATTRIBUTES = frozenset(["shape", "ndim", "dtype", "device", "is_cuda"])
_LIKE = frozenset({torch.zeros_like, torch.ones_like, torch.full_like, torch.numel, torch.is_floating_point})
_TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep


@dataclass(frozen=True)
class Held:
    """A constant array of the module; `learnt` where it follows from a parameter."""

    value: Tensor
    learnt: bool = False


@dataclass(frozen=True)
class Made:
    """A value that depends on the input, by its shape without the batch."""

    shape: Shape


@dataclass(frozen=True)
class Unfit:
    """A result that a graph cannot give, and why; raised where nothing better is known of the step."""

    reason: str
    fix: str


class Traced:
    """The steps of a module, what each gives for the example, and how an error names it."""

    def __init__(self, module: nn.Module, example: Tensor):
        if fx.Tracer().is_leaf_module(module, "layer"):  # a layer of torch itself is not looked into
            module = nn.Sequential(OrderedDict([(type(module).__name__.lower(), module)]))
        self.module = module
        self.graph = _steps(module)
        self.moving: set[fx.Node] = set()  # what depends on the input
        learnt: set[fx.Node] = set()
        inputs = 0
        for node in self.graph.nodes:
            if node.op == "placeholder":
                inputs += 1
                moves = inputs == 1
            else:
                moves = any(n in self.moving for n in node.all_input_nodes) and not _asks_shape(node)
            if moves:
                self.moving.add(node)
            elif node.op == "get_attr":
                if isinstance(self.attribute(node.target), nn.Parameter):
                    learnt.add(node)
            elif any(n in learnt for n in node.all_input_nodes):
                learnt.add(node)
        few = example[:2] if len(example) > 1 else torch.cat([example, example])
        first, other = self._run(few), self._run(torch.cat([few, few[:1]]))
        # numbers that follow from the size of the batch
        self.by_batch = {
            n for n in self.graph.nodes
            if n not in self.moving and isinstance(first[n], int | float | tuple) and first[n] != other[n]
        }  # fmt: skip
        self.facts = {n: self._fact(n, first[n], other[n], n in learnt, len(few)) for n in self.graph.nodes}

    def attribute(self, target: Any) -> Any:
        found: Any = self.module
        for part in str(target).split("."):
            found = getattr(found, part)
        return found

    def owner(self, node: fx.Node) -> str:
        """The dotted path of the module in whose forward the step stands."""
        if node.op == "call_module":
            return str(node.target)
        stack = node.meta.get("nn_module_stack") or {}
        return str(next(reversed(stack.values()))[0]) if stack else ""

    def called(self, node: fx.Node) -> str:
        """The name of the function or method."""
        if node.op == "call_module":
            return type(self.attribute(node.target)).__name__
        if node.op == "call_function":
            name = getattr(node.target, "__name__", str(node.target))
            return str(node.args[1]) if node.target is getattr else name
        return str(node.target)

    def named(self, node: fx.Node) -> str:
        """How an error names a step: features.3 (LSTM), model.py:12."""
        parent = self.owner(node)
        text = f"{parent or type(self.module).__name__} ({self.called(node)})"
        at = node.meta.get("at")
        return f"{text}, {at}" if at else text

    def uses(self, node: fx.Node) -> int:
        """How often the value is read, where reading its shape does not count."""
        count = 0

        def read(n: fx.Node) -> fx.Node:
            nonlocal count
            count += n is node
            return n

        for user in node.users:
            if not _asks_shape(user):
                fx.map_arg((user.args, user.kwargs), read)
        return count

    def _run(self, example: Tensor) -> dict[fx.Node, Any]:
        run = _Run(self, example)
        with torch.no_grad():
            try:
                run.run(example.clone())
            except GraphError as error:  # fx adds its own trace to the message
                raise GraphError(str(error).partition("\n\nWhile executing %")[0]) from error.__cause__
        return run.seen

    def _fact(self, node: fx.Node, a: Any, b: Any, learnt: bool, batch: int) -> Any:
        if node.op == "output":
            return None
        if node not in self.moving:
            if isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape == b.shape and not _same(a, b):
                raise GraphError(
                    f"{self.named(node)}: is not constant but random, or follows from the size of the batch. Remove it"
                )
            return Held(a, learnt) if isinstance(a, Tensor) else a
        if isinstance(a, tuple | list) and not isinstance(a, torch.Size):
            return tuple(self._fact(node, x, y, learnt, batch) for x, y in zip(a, b, strict=False))
        if a is None:
            return None
        if not isinstance(a, torch.Size):
            return Unfit("reads a value of the data as a number", "Compute with tensors only")
        if not a or a[0] != batch or b[0] != batch + 1 or a[1:] != b[1:]:
            return Unfit(
                f"gives {tuple(a)} for a batch of {batch} and {tuple(b)} for one of {batch + 1}",
                "The first axis must stay the batch, and each sample be computed for itself; let reshape, permute and "
                "reductions begin at axis 1",
            )
        return Made(tuple(a[1:]))


class _Run(fx.Interpreter):
    def __init__(self, traced: Traced, example: Tensor):
        super().__init__(fx.GraphModule(traced.module, traced.graph))
        self.traced, self.seen = traced, {}  # type: ignore[var-annotated]

    def run_node(self, n: fx.Node) -> Any:
        try:
            result = super().run_node(n)
        except Exception as error:
            raise GraphError(f"{self.traced.named(n)}: the example does not pass: {error}") from error
        # shapes of what depends on the input, copies of what does not
        self.seen[n] = _noted(result, n in self.traced.moving, self.traced, n)
        return result


def _noted(value: Any, moving: bool, traced: Traced, node: fx.Node) -> Any:
    if isinstance(value, torch.Size):
        return value if moving else tuple(value)
    if isinstance(value, tuple | list):
        return tuple(_noted(v, moving, traced, node) for v in value)
    if not isinstance(value, Tensor):
        return value if not moving or value is None else float("nan")
    if value.is_complex():
        raise GraphError(f"{traced.named(node)}: gives complex numbers; a graph computes with real ones")
    return value.shape if moving else value.detach().clone()


def _same(a: Tensor, b: Tensor) -> bool:
    return bool(torch.equal(torch.nan_to_num(a.double()), torch.nan_to_num(b.double())))


def _asks_shape(node: fx.Node) -> bool:
    if node.op == "call_method":
        return node.target in _ASKS_SHAPE
    if node.target is getattr:
        return node.args[1] in _ATTRIBUTES
    return node.op == "call_function" and node.target in _LIKE


class _Tracer(fx.Tracer):
    """Notes the line of forward() a step stands in. (fx can do so itself, by loading the whole compiler first.)"""

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(*args, **kwargs)
        frame = sys._getframe(1)
        while frame is not None:
            path = frame.f_code.co_filename
            if path.startswith(_OWN):
                break
            if not path.startswith((_TORCH, "<")):
                node.meta["at"] = f"{os.path.relpath(path)}:{frame.f_lineno}"
                break
            frame = frame.f_back  # type: ignore[assignment]
        return node


def _steps(module: nn.Module) -> fx.Graph:
    name = type(module).__name__
    try:
        arguments = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        arguments = []
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    inputs = [a for a in arguments if a.kind in plain]
    if not inputs:
        raise GraphError(f"{name}.forward takes no input; it must take one tensor")
    for a in arguments:
        if a is not inputs[0] and a.default is a.empty and a.kind not in (a.VAR_POSITIONAL, a.VAR_KEYWORD):
            raise GraphError(
                f"{name}.forward takes {inputs[0].name!r} and {a.name!r}; only modules of one input are imported. "
                f"Wrap it in a module that gives {a.name!r} itself"
            )
    fixed = {a.name: a.default for a in arguments if a is not inputs[0] and a.default is not a.empty}
    tracer = _Tracer()
    try:
        return tracer.trace(module, fixed or None)
    except Exception as error:
        raise GraphError(
            f"{name} cannot be traced: {type(error).__name__}: {error}. The way through forward() must not depend on "
            "values of the data; replace such an `if` or loop by torch functions"
            + (
                ", and torch.zeros, ones or arange of an input's size by x.new_zeros or a buffer"
                * (type(error) is TypeError)
            )
        ) from error


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """The module in evaluation, and afterwards each part in the mode it had."""
    modes = {m: m.training for m in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for m, mode in modes.items():
            m.training = mode


def in_place(traced: Traced, node: fx.Node) -> fx.Node | None:
    """The value that a step overwrites, where it does."""
    first = node.args[0] if node.args else None
    if not isinstance(first, fx.Node):
        return None
    if node.op == "call_module":
        written = getattr(traced.attribute(node.target), "inplace", False)
    elif node.kwargs.get("inplace") is True:
        written = True
    elif node.op == "call_method":
        written = str(node.target).endswith("_") and not str(node.target).endswith("__")
    else:
        target: Any = node.target
        written = target in (operator.iadd, operator.imul, operator.isub, operator.itruediv)
        written = written or getattr(target, "__name__", "").endswith("_")
    return first if written else None
