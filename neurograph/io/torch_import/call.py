"""One step of a torch module while it is put into a graph: its name, its arguments, and what every handler needs."""

from __future__ import annotations

import copy
from typing import Any, NoReturn

import numpy as np
import torch
from torch import fx

from neurograph.activations.relay import Relay
from neurograph.errors import GraphError
from neurograph.io.torch_import.flow import Builder, Flow
from neurograph.io.torch_import.trace import Held, Made, Traced, Unfit
from neurograph.projections.arrange import Broadcast, Reshape
from neurograph.projections.combine import Combine
from neurograph.projections.operator import Operator
from neurograph.projections.reshape import Flatten, OneToOne
from neurograph.projections.shift import Shift
from neurograph.spec import Neuron, Shape

MASKED = -1e30  # what stands for minus infinity: a softmax gives exactly 0 for both


class Call:
    """A step: `name` is the dotted name that what it makes wants to have."""

    def __init__(self, builder: Builder, traced: Traced, node: fx.Node):
        self.builder, self.traced, self.node = builder, traced, node
        owner, called = traced.owner(node), traced.called(node).strip("_")
        self.name = owner if node.op == "call_module" else f"{owner}.{called}" if owner else called

    @property
    def shape(self) -> Shape:
        """The shape of the result, without the batch."""
        made = self.traced.facts[self.node]
        if isinstance(made, Unfit):
            self.fail(made.reason, made.fix)
        if not isinstance(made, Made):
            self.fail("gives several values", "Use one that gives one tensor")
        return made.shape

    def fail(self, reason: str, fix: str) -> NoReturn:
        raise GraphError(f"{self.traced.named(self.node)}: {reason}. {fix}")

    def within(self, part: str) -> Call:
        """The same step where it makes a part of its own with weights or a population."""
        out = copy.copy(self)
        out.name = f"{self.name}.{part}"
        return out

    # what a handler makes

    def then(self, flow: Flow, operator: Operator) -> Flow:
        return self.builder.then(flow, operator, self.name)

    def activation(self, flow: Flow, neuron: Neuron) -> Flow:
        return self.builder.population(self.name, neuron, flow)

    def joined(self, how: Combine | str, *flows: Flow) -> Flow:
        return self.builder.population(self.name, Relay(), *flows, combine=how)

    def settled(self, flow: Flow) -> Flow:
        """An input that is read several times, as the output of a node."""
        return self.builder.settled(flow, f"{self.name}_in")

    def rearranged(self, flow: Flow, operator: Operator) -> Flow:
        """Through an operator without weights that may be applied to each part of a sum."""
        return self.builder.each(flow, operator, self.name)

    def reshaped(self, flow: Flow, shape: Shape) -> Flow:
        if shape == flow.shape:
            return flow
        return self.rearranged(flow, Flatten() if len(shape) == 1 else Reshape(shape))

    def spread(self, flow: Flow, shape: Shape) -> Flow:
        return flow if flow.shape == shape else self.rearranged(flow, Broadcast(shape))

    def scaled(self, flow: Flow, factor: float) -> Flow:
        return flow if factor == 1.0 else self.rearranged(flow, OneToOne(factor))

    def shifted(self, flow: Flow, by: Any, learnt: bool = False) -> Flow:
        if not np.any(np.asarray(by)) and not learnt:
            return flow
        return self.builder.shifted(flow, Shift(by, learnable=learnt), self.name)

    # what a handler reads

    def flow(self, value: Any, what: str = "its input") -> Flow:
        if not isinstance(value, Flow):
            self.fail(f"{what} does not depend on the input of the module", "Compute it beforehand")
        return value

    def array(self, value: Any, shape: Shape) -> np.ndarray[Any, Any]:
        """A constant as it meets values of `shape`: the same for each sample."""
        if not isinstance(value, Held | int | float):
            self.fail(f"computes with {value!r}", "Use the tensors that layers give, and constants")
        held = (
            (value.value if isinstance(value, Held) else torch.as_tensor(value, dtype=torch.float64))
            .double()
            .cpu()
            .numpy()
        )
        if held.ndim == len(shape) + 1:
            if not (held == held[:1]).all():
                self.fail("a constant differs from sample to sample of the batch", "Make it the same for each sample")
            held = held[0]
        if held.ndim == 0 or held.size == 1:
            held = held.reshape(())
        else:
            held = np.broadcast_to(held, shape)
        if np.isnan(held).any() or np.isposinf(held).any():
            self.fail("a constant holds NaN or infinity", "Only a mask may hold -inf")
        return np.where(np.isneginf(held), MASKED, held)

    def arrays(self, **tensors: Any) -> dict[str, np.ndarray[Any, Any]]:
        """Weights for Operator.started, those that are None left out."""
        out = {}
        for name, tensor in tensors.items():
            tensor = tensor.value if isinstance(tensor, Held) else tensor
            if isinstance(tensor, Flow):
                self.fail(f"{name!r} is computed from the input", "Only constant weights are imported")
            if tensor is not None:
                out[name] = tensor.detach().double().cpu().numpy()
        return out

    def axis(self, dim: Any, axes: int) -> int:
        """An axis of the sample from torch's number, where the first axis is the batch."""
        if not isinstance(dim, int):
            self.fail(f"dim={dim!r}", "Give one axis as a number")
        found = (dim + axes + 1 if dim < 0 else dim) - 1
        if found < 0:
            self.fail("works along the batch", "Each sample must be computed for itself: use dim=1 or more")
        return found
