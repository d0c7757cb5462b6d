"""What a conversion is: an ANN graph on its way to a spiking one, and the passes it goes through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from neurograph.activations.activation import Activation
from neurograph.errors import GraphError, SpecError, declared_at
from neurograph.graph import Graph, Node, Population, Projection
from neurograph.spec import Neuron, Shape

Array = np.ndarray[Any, Any]


@dataclass
class Site:
    """An activation that becomes spiking neurons.

    threshold: one number, or one per channel (the first axis). v0: the potential at the start, as a part of it.
    """

    population: str
    activation: Activation
    shape: Shape
    at: str
    threshold: Array | None = None
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def theta(self) -> Array:
        if self.threshold is None:
            raise GraphError(
                f"activation {self.population!r} ({self.at}) has no threshold yet: a recipe needs a pass that finds them "
                "(Observe) before the one that places the neurons"
            )
        return self.threshold

    def spread(self, values: Array) -> Any:
        """One value per channel in a form that a parameter of the population takes."""
        return float(values[0]) if len(values) == 1 else values.reshape((-1,) + (1,) * (len(self.shape) - 1))


@dataclass
class Conversion:
    """The graph as it is now, with all a pass may look at and change."""

    source: Graph  # the ANN with its weights
    graph: Graph
    images: Array  # calibration [N, *shape]
    seed: int = 0
    sites: dict[str, Site] = field(default_factory=dict)
    fold_error: float | None = None
    notes: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    analogue: Graph | None = None  # with activations still in the places of spiking neurons, to compare with
    reference: Graph | None = None  # what the spiking network is to equal, where that is not the source

    def into(self, node: str) -> list[Projection]:
        """The projections that arrive at a node, in the order of declaration."""
        return [p for p in self.graph.projections.values() if p.target.node == node]

    def out_of(self, node: str) -> list[Projection]:
        return [p for p in self.graph.projections.values() if p.source.node == node]

    def change(self, projection: Projection, **changes: Any) -> Projection:
        """Put a changed projection in the place of the one of its name."""
        new = replace(projection, **changes)
        self.graph.projections[projection.name] = new
        return new

    def put(self, node: Node) -> None:
        self.graph.nodes[node.name] = node

    def shapes(self) -> dict[str, Shape]:
        """The shape of every node, and of every operator's result by its name."""
        from neurograph.compiler import lower

        tape = lower(self.graph, stop_after="infer")
        found = {name: slot.shape for name, slot in tape.slots.items()}
        for node in self.graph.populations:
            found[node.name] = found[f"{node.name}.{node.neuron.outputs[0]}"]
        return found

    def weights_of(
        self, projection: Projection, index: int, shapes: dict[str, Shape] | None = None
    ) -> dict[str, Array]:
        """The weights of one of its operators as they begin."""
        shapes = self.shapes() if shapes is None else shapes
        before = shapes[projection.source.node]
        for k, (name, part) in enumerate(projection.parts):
            if k == index:
                held = part.held(before, shapes[name])
                rng = np.random.default_rng(self.seed)
                return {n: np.array(w.init(rng, w.shape), np.float64) for n, w in held.items()}
            before = shapes[name]
        raise IndexError(index)

    def fresh(self, name: str) -> str:
        """A node name that is free, made of this one."""
        k, chosen = 1, name
        while chosen in self.graph.nodes or chosen in self.graph.projections:
            k += 1
            chosen = f"{name}_{k}"
        return chosen

    def neuron_of(self, site: Site) -> Neuron:
        """What is in a site's place now."""
        node = self.graph.nodes[site.population]
        assert isinstance(node, Population)
        return node.neuron

    def before_place(self, one: Pass) -> None:
        """Raises GraphError where a pass that works on activations finds neurons in their places."""
        self._all_are(Activation, one, "works on activations: it comes before 'place', which stands once in a recipe")

    def after_place(self, one: Pass, kind: type[Neuron]) -> None:
        """Raises GraphError where a pass that works on neurons of this kind finds something else."""
        self._all_are(kind, one, f"works on {kind.__name__}, which Place puts in: it comes after 'place'")

    def _all_are(self, kind: type[Neuron], one: Pass, rule: str) -> None:
        if not self.sites:
            raise GraphError(
                f"the pass {one.name!r} finds no activations: a recipe begins with Normalise, which lists them"
            )
        for site in self.sites.values():
            found = self.neuron_of(site)
            if not isinstance(found, kind):
                raise GraphError(
                    f"the pass {one.name!r} finds {type(found).__name__} at {site.population!r} ({site.at}), after "
                    f"{', '.join(self.history)}. It {rule}"
                )

    def activations(self) -> Iterator[Population]:
        for node in self.graph.populations:
            if isinstance(node.neuron, Activation):
                yield node


class Pass:
    """One named change of a conversion. Subclass it and write `apply`; a recipe is a sequence of passes.

    `name` is how a recipe finds it: `recipe.replaced("observe", Observe(Max()))`.
    """

    name = "pass"

    def apply(self, conversion: Conversion) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        held = ", ".join(f"{k}={v!r}" for k, v in vars(self).items())
        return f"{type(self).__name__}({held})"


@dataclass(frozen=True)
class Recipe:
    """A named sequence of passes, which can be changed: `recipe.without("calibrate")`."""

    name: str
    passes: tuple[Pass, ...]
    source: str = ""  # paper or system

    def __post_init__(self) -> None:
        for one in self.passes:
            if not isinstance(one, Pass):
                raise SpecError(
                    f"recipe {self.name!r} at {declared_at()}: {one!r} is no pass. Give objects of Pass, such as Fold(), or "
                    "largest() with its brackets"
                )

    def _index(self, name: str) -> int:
        names = [p.name for p in self.passes]
        if name not in names:
            raise GraphError(f"recipe {self.name!r} has no pass {name!r}; it has {', '.join(names)}")
        return names.index(name)

    def replaced(self, name: str, *passes: Pass) -> Recipe:
        """The recipe with other passes in the place of one."""
        k = self._index(name)
        return replace(self, passes=(*self.passes[:k], *passes, *self.passes[k + 1 :]))

    def without(self, name: str) -> Recipe:
        return self.replaced(name)

    def before(self, name: str, *passes: Pass) -> Recipe:
        return self.replaced(name, *passes, self.passes[self._index(name)])

    def after(self, name: str, *passes: Pass) -> Recipe:
        return self.replaced(name, self.passes[self._index(name)], *passes)

    def __str__(self) -> str:
        return "\n".join([self.name, *(f"  {p.name}: {p!r}" for p in self.passes)])
