"""The shape of what every node gives, inferred from the inputs and from nothing that a file says about shapes elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from neurograph.errors import FormatError
from neurograph.io.nir.flat import Flat
from neurograph.io.nir.layers import OPERATORS, operator_of
from neurograph.io.nir.model import Node, Sizes
from neurograph.projections.operator import Operator


class Shapes:
    """`of[node]`: what a node gives. `operators[node]`: the operator of a stateless one. `notes`: what was put right."""

    def __init__(self, net: Flat, order: Iterable[str], where: str):
        self.net, self.where = net, where
        self.of: dict[str, Sizes] = {}
        self.operators: dict[str, Operator] = {}
        self.notes: list[str] = []
        for name in order:
            self.of[name] = self._shape(name, net.nodes[name])
        for a, b in net.edges:  # with what comes back late
            self._fits(a, b)

    def _shape(self, name: str, node: Node) -> Sizes:
        where = f"{self.where}: node {name!r} ({node.kind})"
        if node.kind == "Input":
            shape = node.params["shape"]
            if not shape or min(shape) < 1:
                raise FormatError(f"{where}: its shape is {shape}; whole numbers above 0, without batch and time")
            if self._holds_the_batch(name, shape):
                self.notes.append(
                    f"{name!r} has the shape {shape} with a batch of 1; read as {shape[1:]}, which the weights need"
                )
                shape = shape[1:]
            return tuple(shape)
        arrived = self._arrived(name, where)
        if node.kind in OPERATORS:
            if arrived is None:
                raise FormatError(f"{where}: nothing arrives there in a step, so its shape is unknown")
            operator, shape = self._operator(name, node, arrived, where)
            self.operators[name] = operator
            return shape
        own = node.shape
        if own is None or math.prod(own) == 1:
            own = arrived if arrived is not None else own
        if own is None:
            raise FormatError(
                f"{where}: its parameters are numbers, and nothing arrives there, so how many neurons it has is unknown"
            )
        if arrived is not None and own != arrived:
            raise FormatError(
                f"{where}: its parameters have shape {own}, but {arrived} arrives. They are numbers, or have the shape of "
                "the neurons without batch and time"
            )
        if 0 in own:
            raise FormatError(f"{where}: its parameters have shape {own}; there is no neuron")
        return own

    def _arrived(self, name: str, where: str) -> Sizes | None:
        shapes = {a: self.of[a] for a in self.net.into[name] if a in self.of}
        if len(set(shapes.values())) > 1:
            listed = ", ".join(f"{s} from {a!r}" for a, s in sorted(shapes.items()))
            raise FormatError(f"{where}: what arrives is summed and has one shape, but here are {listed}")
        return next(iter(shapes.values()), None)

    def _fits(self, a: str, b: str) -> None:
        expected = self.of[b]
        if self.net.nodes[b].kind in OPERATORS or self.of[a] == expected:
            return
        raise FormatError(f"{self.where}: edge {a!r} -> {b!r} brings {self.of[a]} to {expected}; both have one shape")

    def _operator(self, name: str, node: Node, source: Sizes, where: str) -> tuple[Operator, Sizes]:
        said = node.params.get("input_shape") or node.params.get("input_type")
        if said and said not in (source, source[1:]):
            self.notes.append(f"{name!r} says that its input is {said}; {source} arrives, and that was taken")
        if node.kind == "Flatten" and self._counts_the_batch(name, node, source):
            self.notes.append(
                f"{name!r} flattens from axis 1 and so was counted with a batch; read as all axes, which the next weights need"
            )
            node = replace(node, params={**node.params, "start_dim": (0,)})
        return operator_of(node, source, where)

    def _holds_the_batch(self, name: str, shape: Sizes) -> bool:
        """A common fault: shapes of a sample with its batch. Certain where all weights behind it take the rest and no more."""
        behind = [self.net.nodes[b] for b in self.net.out_of[name]]
        weights = [n for n in behind if "weight" in n.params]
        if shape[0] != 1 or len(shape) < 2 or not behind or len(weights) < len(behind):
            return False
        groups = [n.params["groups"][0] if n.kind.startswith("Conv") else 1 for n in weights]
        fits = [len(shape) == n.params["weight"].ndim and shape[1] == n.params["weight"].shape[1] * g
                for n, g in zip(weights, groups, strict=True)]  # fmt: skip
        return all(fits)

    def _counts_the_batch(self, name: str, node: Node, source: Sizes) -> bool:
        """A common fault: start_dim=1 means axis 0. Certain only where the weights behind it fit nothing else."""
        if node.params["start_dim"] != (1,) or node.params["end_dim"] not in ((-1,), (len(source),)):
            return False
        behind = [self.net.nodes[b] for b in self.net.out_of[name]]
        inputs = {
            n.params["weight"].shape[-1]
            for n in behind
            if n.kind in ("Affine", "Linear") and n.params["weight"].ndim == 2
        }
        return inputs == {math.prod(source)}
