"""Max pools of the ANN become pools that are right over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from neurograph.activations.relay import Relay
from neurograph.convert.conversion import Conversion, Pass
from neurograph.errors import GraphError, SpecError
from neurograph.graph import Population, Port, Projection
from neurograph.projections.cumulative_pool import CumulativeMaxPool2d
from neurograph.projections.pool import MaxPool2d


class CommutePools(Pass):
    """Move a max pool in front of the activation before it, max(f(x)) = f(max(x)) for a rising f: a quarter of the neurons.

    Where an activation is also read without the pool, it is declared a second time behind the pool.
    """

    name = "commute pools"

    def apply(self, conversion: Conversion) -> None:
        conversion.before_place(self)
        for name in list(conversion.sites):
            groups: dict[str, list[Projection]] = {}
            for p in conversion.out_of(name):
                first = p.operators[0] if p.operators else None
                plain = isinstance(first, MaxPool2d)
                groups.setdefault(f"{type(first).__name__} {first!r}" if plain else "", []).append(p)
            for text, readers in groups.items():
                if text:
                    self._move(conversion, name, readers, alone=len(groups) == 1)

    def _move(self, conversion: Conversion, name: str, readers: list[Projection], alone: bool) -> None:
        node = conversion.graph.nodes[name]
        assert isinstance(node, Population)
        pool = readers[0].operators[0]
        for p in readers:
            conversion.change(p, operators=p.operators[1:])
        arrivals = conversion.into(name)
        if not alone or len(arrivals) > 1 or node.combine != "add":
            # a sum of maxima is not the maximum of the sum: one value first
            current = Population(conversion.fresh(f"{name}_current"), Relay(), None, node.combine, node.at)
            conversion.put(current)
            for p in arrivals:
                conversion.change(p, target=replace(p.target, node=current.name))
            arrivals = []
            target = name
            if not alone:
                target = conversion.fresh(f"{name}_pooled")
                self._connect(conversion, current.name, node, ())
                conversion.put(Population(target, node.neuron, None, "add", node.at))
                conversion.sites[target] = replace(conversion.sites[name], population=target)
                for p in readers:
                    conversion.change(conversion.graph.projections[p.name], source=replace(p.source, node=target))
            else:
                conversion.put(replace(node, combine="add", shape=None))
            pooled = conversion.graph.nodes[target]
            self._connect(conversion, current.name, pooled, (pool,))  # type: ignore[arg-type]
        else:
            p = arrivals[0]
            conversion.change(p, operators=(*p.operators, pool))
            conversion.put(replace(node, shape=None))
        shapes = conversion.shapes()
        for site in conversion.sites.values():
            site.shape = shapes[site.population]

    def _connect(
        self, conversion: Conversion, source: str, target: Population, operators: tuple[MaxPool2d, ...]
    ) -> None:
        name = conversion.fresh(f"{source.replace('.', '_')}_to_{target.name.replace('.', '_')}")
        conversion.graph.projections[name] = Projection(
            name, Port(source, Relay.outputs[0]), Port(target.name, target.neuron.inputs[0]), operators, 0.0, target.at
        )


class LowerPools(Pass):
    """Every max pool becomes `pool`, with its window: CumulativeMaxPool2d, or one on spikes (SMaxPool2d, LIPool2d).

    MaxPool2d leaves it as it is, the maximum of each step, which is biased (see CumulativeMaxPool2d).
    """

    name = "lower pools"

    def __init__(self, pool: Callable[..., MaxPool2d] = CumulativeMaxPool2d, **options: Any):
        self.pool, self.options = pool, options

    def __repr__(self) -> str:
        options = "".join(f", {k}={v!r}" for k, v in self.options.items())
        return f"{type(self).__name__}({self.pool.__name__}{options})"

    def apply(self, conversion: Conversion) -> None:
        for p in list(conversion.graph.projections.values()):
            try:
                operators = tuple(self._lowered(o) if type(o) is MaxPool2d else o for o in p.operators)
            except (SpecError, TypeError) as error:  # a window or a setting that this pool cannot have
                raise GraphError(f"projection {p.name!r} ({p.at}): {error}") from None
            conversion.change(p, operators=operators)

    def _lowered(self, pool: MaxPool2d) -> MaxPool2d:
        window: dict[str, Any] = {"padding": pool.padding, "dilation": pool.dilation, "ceil": pool.ceil}
        made = self.pool(pool.kernel, pool.stride, **window, **self.options)
        if not isinstance(made, MaxPool2d):
            raise SpecError(
                f"{made!r} does not give a maximum; LowerPools takes a max pool, such as CumulativeMaxPool2d"
            )
        return made
