"""A projection through a connectivity rule, as the tape holds it: declared first, with its synapses once built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy  # its rooms are loaded when they are used

from neurograph.connectivity.build import build
from neurograph.connectivity.rule import Rule
from neurograph.connectivity.signs import check_sign
from neurograph.connectivity.synapses import Synapses
from neurograph.errors import ShapeError, SpecError
from neurograph.fields import Learnable, Shape
from neurograph.plasticity.rule import Plasticity
from neurograph.projections.operator import Array, Operator, Run, Weight, filled, fixed

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Projected:
    """What connects two populations synapse by synapse."""

    rule: Rule
    weight: Any
    delay: Any
    source: Shape
    target: Shape
    recurrent: bool
    plasticity: Plasticity | None
    at: str
    conductance: str = ""  # the target's port in words, where it takes no weight below 0
    synapses: Synapses | None = None

    def built(self, name: str, dt: float, seed: int, *, parts: int, weight_dtype: str) -> Projected:
        """The same with its synapses, which depend on the seed and the projection's name alone."""
        weight = self.weight.value if isinstance(self.weight, Learnable) else self.weight
        delay = self.delay if getattr(self.rule, "delay", None) is None else 0.0  # the rule has its own
        where = f"projection {name!r} ({self.at})"
        made = build(
            self.rule, self.source, self.target, weight=weight, delay=delay, dt=dt, seed=seed, name=name,
            parts=parts, recurrent=self.recurrent, weight_dtype=weight_dtype,
            where=where,
        )  # fmt: skip
        if made.count:
            self.check_weights(made.weight, where)
        return replace(self, synapses=made)

    def check_weights(self, weight: Any, where: str) -> None:
        """Raise SpecError where weights have the wrong sign for their port, or lie outside what plasticity keeps them in."""
        check_sign(weight, self.conductance, where)
        if self.plasticity is None:
            return
        low, high = (float(self.plasticity.params[n]) for n in ("w_min", "w_max"))
        least, most = float(np.min(weight)), float(np.max(weight))
        room = 1e-6 * max(abs(low), abs(high))  # what float32 makes of the bounds themselves
        if least < low - room or most > high + room:
            raise SpecError(
                f"{where}: weights from {least:g} to {most:g}, but {type(self.plasticity).__name__} keeps them from "
                f"w_min={low:g} to w_max={high:g} and would cut them there. Give it w_min= and w_max=, or bound the weights"
            )

    @property
    def made(self) -> Synapses:
        assert self.synapses is not None, "the synapses are made when the graph is compiled"
        return self.synapses

    @cached_property
    def coo(self) -> tuple[Array, Array, Array, Array]:
        """Source, target, weight and delay of each synapse in the canonical order."""
        return self.made.coo()

    def weights(self) -> dict[str, Weight]:
        """One weight for all synapses, or one each in the canonical order."""
        learnt = isinstance(self.weight, Learnable)
        if isinstance(self.made.weight, float) and self.plasticity is None and not learnt:
            out = Weight((), filled(self.made.weight), False)
        else:
            values = self.coo[2]
            out = Weight(values.shape, fixed(values), learnt)
        start = self.rule.starts.get("weight")  # of a graph that was given weights later
        if start is None:
            return {"weight": out}
        if start.shape != out.shape:
            raise ShapeError(
                f"{self.rule!r} ({self.at}) was given weights of shape {start.shape}, and has {out.shape}: another seed "
                "makes other synapses. Compile with the seed that the weights were made with"
            )
        return {"weight": replace(out, init=fixed(start))}

    @cached_property
    def groups(self) -> list[tuple[int, Group]]:
        """The synapses of each delay, as operators on one step."""
        pre, post, _, delay = self.coo
        return [(int(d), Group(self, np.flatnonzero(delay == d), pre, post)) for d in np.unique(delay)]

    def __repr__(self) -> str:
        plastic = "" if self.plasticity is None else f" {self.plasticity!r}"
        return f"{self.rule!r}{plastic}"


class Group(Operator):
    """y = W x with the synapses of one delay."""

    abstract = True  # made by a run, never declared
    key = "synapses"

    def __init__(self, owner: Projected, which: Array, pre: Array, post: Array):
        self.which, self.pre, self.post = which, pre[which].astype(np.int64), post[which].astype(np.int64)
        self.sizes = (int(np.prod(owner.target)), int(np.prod(owner.source)))
        self.target = owner.target
        self._places: dict[Any, Any] = {}

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        weight = np.asarray(w["weight"], x.dtype)
        data = weight[self.which] if weight.ndim else np.full(len(self.which), weight, x.dtype)
        matrix = scipy.sparse.csr_array((data, (self.post, self.pre)), shape=self.sizes)
        return np.ascontiguousarray((matrix @ x.reshape(len(x), -1).T).T).reshape(len(x), *self.target)

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        import torch

        if x.device not in self._places:
            with torch.inference_mode(False):  # kept for later calls, which may train
                places = torch.from_numpy(np.stack([self.post, self.pre]))
                self._places[x.device] = places.to(x.device), torch.from_numpy(self.which).to(x.device)
        places, which = self._places[x.device]
        weight = w["weight"].to(x.dtype)
        data = weight[which] if weight.ndim else weight.expand(len(which))
        matrix = torch.sparse_coo_tensor(places, data, self.sizes, check_invariants=False)
        return torch.sparse.mm(matrix, x.flatten(1).t()).t().reshape(len(x), *self.target)

    def settings(self) -> str:
        return f"{len(self.which)} synapses"
