"""from_torch: an artificial network written in torch as a graph."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import torch
from torch import Tensor, fx, nn

from neurograph.compiler import compile
from neurograph.errors import GraphError, NeuroGraphError, ShapeError
from neurograph.graph import Graph
from neurograph.io.torch_import import arithmetic, layers, layout, modules
from neurograph.io.torch_import.call import Call
from neurograph.io.torch_import.flow import OUTPUT, Builder, Flow
from neurograph.io.torch_import.trace import Held, Traced, evaluating, in_place

_CLOSE = {torch.float64: 1e-9, torch.float32: 1e-3}  # of the largest answer; sums are taken in another order


def from_torch(module: nn.Module, example: Tensor, *, name: str | None = None) -> Graph:
    """The network of a torch module as a graph with the input "input" and the output "logits".

    `example` is a batch [N, ...] the module accepts; one sample's shape becomes the input's. Run with steps=1 the
    graph gives what the module gives in evaluation, which is checked on the example. Activations become populations
    named after their modules, convolutions, linear layers and what else is linear the operators between them, sums
    the arrivals at a population. The module is traced by torch.fx and left as it is; weights are copied.

    Imported are, as modules and as functions: linear layers, convolutions (1d, 2d), batch and layer norm; ReLU, ReLU6,
    clamp, leaky ReLU, PReLU, sigmoid, tanh, SiLU, GELU, hard sigmoid and swish; average and maximum pools; softmax and
    log_softmax; attention (by hand, scaled_dot_product_attention, nn.MultiheadAttention, nn.TransformerEncoder); sums,
    products, concatenation, constants; whatever rearranges each sample. Dropout vanishes. All else raises a GraphError
    that names the module and the line.
    """
    module = getattr(module, "_orig_mod", module)  # of torch.compile
    _check(module, example)
    kind = next((p for p in module.parameters() if p.is_floating_point()), example)
    example = example.detach().to(kind.device, kind.dtype)
    with evaluating(module):
        traced = Traced(module, example)
        builder = Builder(name or type(module).__name__, tuple(example.shape[1:]))
        _Import(traced, builder).run()
        _verify(builder.graph, module, example[:4])
    return builder.graph


class _Import:
    """Walks the steps; `values` are flows, constants, or tuples of them."""

    def __init__(self, traced: Traced, builder: Builder):
        self.traced, self.builder = traced, builder
        self.values: dict[fx.Node, Any] = {}
        self.used: dict[int, str] = {}  # weights that are in the graph already

    def run(self) -> None:
        for node in self.traced.graph.nodes:
            if node.op == "output":
                self._output(node)
            elif node not in self.traced.moving:
                self.values[node] = self.traced.facts[node]
            elif node.op == "placeholder":
                self.values[node] = self.builder.start
            else:
                self._step(node)

    def _step(self, node: fx.Node) -> None:
        call = Call(self.builder, self.traced, node)
        args = fx.map_arg(node.args, self.values.__getitem__)
        kwargs = fx.map_arg(node.kwargs, self.values.__getitem__)
        try:
            made = self._made(call, node, tuple(args), dict(kwargs))
        except GraphError:
            raise
        except NeuroGraphError as error:
            call.fail(str(error), "Change the layer so that it fits")
        written = in_place(self.traced, node)
        if isinstance(made, Flow):
            if made.shape != call.shape:
                call.fail(f"the graph gives {made.shape}, the module {call.shape}", "Report this, please")
            if self.traced.uses(node) > 1 or (written is not None and self.traced.uses(written) > 1):
                made = self.builder.settled(made, call.name)
        self.values[node] = made
        if written is not None:  # who reads the overwritten value later reads the new one
            self.values[written] = made

    def _made(self, call: Call, node: fx.Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if any(self.values[n] is None for n in node.all_input_nodes if n in self.traced.moving):
            call.fail("uses a result that is not imported, such as the weights of an attention", "Use the first result")
        if node.op == "call_module":
            m = self.traced.attribute(node.target)
            self._once(call, *m.parameters())
            return modules.module(call, m, args, kwargs)
        self._once(call, *(self.traced.attribute(n.target) for n in node.all_input_nodes if n.op == "get_attr"))
        called = self.traced.called(node) if node.target is not getattr else "getattr"
        handler = layers.FUNCTIONS.get(called.strip("_"))
        if handler is None:
            call.fail(f"{called} has no counterpart in a graph", "Write it with functions that are imported")
        if handler not in layout.VIEWS and any(n in self.traced.by_batch for n in node.all_input_nodes):
            call.fail("computes with the size of the batch", "Each sample must be computed for itself")
        try:
            inspect.signature(handler).bind(call, *args, **kwargs)
        except TypeError as error:
            call.fail(f"its arguments are not understood ({error})", "Use the common form of the function")
        if isinstance(args[0] if args else None, Held) and handler not in arithmetic.EITHER:
            call.fail("a constant takes the place of its input", "Only arguments after the first may be constants")
        return handler(call, *args, **kwargs)

    def _once(self, call: Call, *held: Any) -> None:
        parameters = [p for p in held if isinstance(p, nn.Parameter)]
        before = next((self.used[id(p)] for p in parameters if id(p) in self.used), None)
        if before is not None:
            warnings.warn(
                f"{self.traced.named(call.node)}: its weights were used before, by {before!r}. The graph holds a copy for "
                "each use, and training would change them apart",
                stacklevel=6,
            )
        self.used.update((id(p), call.name) for p in parameters)

    def _output(self, node: fx.Node) -> None:
        given = node.args[0]
        if not isinstance(given, fx.Node) or not isinstance(self.values[given], Flow):
            kind = (
                "a constant" if isinstance(given, fx.Node) else f"a {type(given).__name__.removeprefix('immutable_')}"
            )
            if isinstance(given, fx.Node) and isinstance(self.values[given], tuple):
                kind = "a tuple"
            raise GraphError(
                f"{type(self.traced.module).__name__} returns {kind}; a graph has one output. Wrap it in a module that "
                "returns one tensor, such as the logits"
            )
        self.builder.output(self.values[given])


def _check(module: Any, example: Any) -> None:
    if not isinstance(module, nn.Module):
        raise GraphError(f"from_torch takes an nn.Module, got {type(module).__name__}")
    if not isinstance(example, Tensor) or example.dim() < 2 or not len(example):
        shape = f" of shape {tuple(example.shape)}" if isinstance(example, Tensor) else ""
        raise ShapeError(
            f"example: {type(example).__name__}{shape}; give a batch of inputs as the module takes it, "
            "such as torch.zeros(2, 3, 32, 32)"
        )
    if not example.is_floating_point():
        raise GraphError(
            f"example has dtype {example.dtype}; a graph's inputs are real numbers. Convert it: x.float() / 255"
        )
    for path, part in module.named_modules():
        for key, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
            where = f"weights of {path or type(module).__name__!r} ({type(part).__name__}.{key})"
            if nn.parameter.is_lazy(tensor):
                raise GraphError(f"{where} do not exist yet; call the module once")
            if tensor.is_complex():
                raise GraphError(f"{where} are complex; a graph computes with real numbers")
            if tensor.is_floating_point() and tensor.isnan().any():
                raise GraphError(f"{where} hold NaN. Look at the training that made them")
            if isinstance(tensor, nn.Parameter) and tensor.is_floating_point() and tensor.isinf().any():
                raise GraphError(f"{where} hold infinity. Look at the training that made them")


def _verify(graph: Graph, module: nn.Module, example: Tensor) -> None:
    """The graph against the module, on the example: nothing is imported that computes something else."""
    dtype = "float64" if example.dtype == torch.float64 else "float32"
    program = compile(graph, "torch", steps=1, dtype=dtype).eval()
    with torch.no_grad():
        found = program.run(example.cpu())[0][OUTPUT].double()
        expected = module(example.clone()).cpu().double()
    apart = float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-30)) if expected.numel() else 0.0
    if not apart <= _CLOSE.get(example.dtype, 5e-2):
        raise GraphError(
            f"{type(module).__name__}: the graph gives other answers than the module on the example (relative error "
            f"{apart:.2g}). Random numbers, a value that is overwritten in place while another name reads it, and hooks "
            "can be the reason; write it without"
        )
